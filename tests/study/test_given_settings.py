"""Settings as text: every value that the space holds can be written, and comes back as itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.space import Space
from harness.core.errors import HarnessError
from harness.study.given_settings import given_settings

SPACE = Space.model_validate(
    {
        "r": {"low": 8, "high": 64, "step": 8},
        "learning_rate": {"low": 1e-5, "high": 5e-4, "log": True},
        "quantization": {"choices": ["none", "int8", "nf4"]},
        "use_rslora": {"choices": [True, False]},
        "target_modules": {"choices": ["all-linear", "q_proj,v_proj"]},
    }
)


@given(
    r=st.integers(1, 8).map(lambda k: 8 * k),
    learning_rate=st.floats(1e-5, 5e-4),
    quantization=st.sampled_from(["none", "int8", "nf4"]),
    use_rslora=st.booleans(),
    target_modules=st.sampled_from(["all-linear", "q_proj,v_proj"]),
)
def test_what_the_space_holds_can_be_given(**settings: Any) -> None:
    texts = [f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in settings.items()]
    assert given_settings(SPACE, texts) == settings


@pytest.mark.parametrize("text", ["r=12", "r=8.0001", "use_rslora=1", "quantization=NF4", "learning_rate=inf", "r=", "=8"])
def test_what_it_does_not_hold_cannot(text: str) -> None:
    with pytest.raises(HarnessError):
        given_settings(SPACE, [text])

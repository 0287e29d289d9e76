from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.limits import Limit
from harness.core.metrics import OBJECTIVE_METRICS

signs = st.sampled_from([">=", "<=", ">", "<"])


@pytest.mark.parametrize(
    ("text", "metric", "bound"),
    [
        ("mutation_score >= 0.5", "mutation_score", 0.5),
        ("pass_rate>.8", "pass_rate", 0.8),
        ("latency_p95_s < 10", "generate_latency_p95_s", 10.0),
        ("peak_memory < 4GiB", "peak_bytes", 4 * 2**30),
        ("peak_bytes <= 1.5 MiB", "peak_bytes", 1.5 * 2**20),
        ("train_loss < 1e-2", "train_loss", 0.01),
    ],
)
def test_limits_as_people_write_them(text: str, metric: str, bound: float) -> None:
    found = Limit.parse(text)
    assert (found.metric, found.bound) == (metric, bound)


@pytest.mark.parametrize(
    "text", ["", "pass_rate", "pass_rate => 1", "speed > 3", "pass_rate > high", "pass_rate > nan", "> 3", "3 < pass_rate"]
)
def test_what_is_no_limit_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no limit|no such metric"):
        Limit.parse(text)


@given(st.sampled_from(OBJECTIVE_METRICS), signs, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_limit_is_the_comparison_it_looks_like(name: str, sign: str, bound: float, value: float) -> None:
    limit = Limit.parse(f"{name} {sign} {bound!r}")
    assert limit.kept({name: value}) is {">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound}[sign]
    assert limit.kept({}) is limit.kept({name: math.nan}) is None

"""What a study begins with: the best of an earlier one, moved into this space, or a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from study_cases import finished, ruled_out

from harness.core.errors import HarnessError
from harness.study.history import Past, PastState
from harness.study.warm import read_known_good, settings_within, warm_start_proposals

SPACE = {
    "r": IntDistribution(8, 32, log=True),
    "learning_rate": FloatDistribution(1e-5, 1e-3, log=True),
    "quantization": CategoricalDistribution(["none", "nf4"]),
}
TWO = ("maximize", "maximize")


def test_the_front_comes_first_and_what_is_known_at_a_rung_fills_up() -> None:
    earlier = [
        finished(0, {"r": 8}, (0.1, 0.1)),
        finished(1, {"r": 16}, (0.9, 0.2)),
        finished(2, {"r": 20}, (0.2, 0.9)),
        ruled_out(3, {"r": 32}, 0.5),
        Past(4, {"r": 24}, PastState.PAUSED, ((0.95, 0.95),)),
        Past(5, {"r": 9}, PastState.FAILED, ((1.0, 1.0),)),
    ]
    assert [proposal["r"] for proposal in warm_start_proposals(earlier, TWO, SPACE, 2)] == [16, 20]
    assert [proposal["r"] for proposal in warm_start_proposals(earlier, TWO, SPACE, 9)] == [16, 20, 8, 24]
    assert warm_start_proposals([], TWO, SPACE, 3) == []


def test_settings_are_moved_into_the_space_and_none_comes_twice() -> None:
    candidates = [
        {"r": 64, "learning_rate": 3e-4, "quantization": "int8", "weight_decay": 0.1},
        {"r": 32, "learning_rate": 3e-4},
        {"r": 2, "learning_rate": 0.1, "quantization": "nf4"},
        {"weight_decay": 0.1},
    ]
    assert settings_within(candidates, SPACE, 5) == [
        {"r": 32, "learning_rate": 3e-4},
        {"r": 8, "learning_rate": 1e-3, "quantization": "nf4"},
    ]


@pytest.mark.parametrize("name", ["good.yaml", "good.json"])
def test_a_file_of_settings_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"settings": [{"r": 16, "learning_rate": 2.0e-4}, {"quantization": "nf4"}]}')
    assert read_known_good(path) == [{"r": 16, "learning_rate": 2e-4}, {"quantization": "nf4"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("settings: 3", "no list"),
        ("- {r: 8}", "no list"),
        ("settings: [8]", "no list"),
        ("settings: [{}]", "no list"),
        ("settings: [{rank: 8}]", "rank"),
        ("settings: [", "flow"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(text)
    with pytest.raises(HarnessError) as caught:
        read_known_good(path)
    assert why in caught.value.why


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="holds no settings"):
        read_known_good(tmp_path / "none.yaml")

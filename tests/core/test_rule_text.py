from __future__ import annotations

import pytest

from harness.core.rule_text import direction_of, parse_lexicographic, parse_weights
from harness.core.selection import Step


def test_rules_as_they_are_typed() -> None:
    assert parse_weights("pass_rate=1, latency_p95_s=-0.1").weights == {"pass_rate": 1.0, "generate_latency_p95_s": -0.1}
    steps = (Step("mutation_score", "maximize", 0.02), Step("eval_loss", "minimize"))
    assert parse_lexicographic("mutation_score:0.02,eval_loss").steps == steps


@pytest.mark.parametrize("text", ["", "pass_rate", "pass_rate=high", "speed=1", "pass_rate=1,"])
def test_wrong_weights_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"no weight|no number|no such metric"):
        parse_weights(text)


@pytest.mark.parametrize("text", ["", "speed", "pass_rate:much"])
def test_wrong_steps_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"no number|no such metric"):
        parse_lexicographic(text)


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("eval_loss", "minimize"), ("peak_bytes", "minimize"), ("copied_assert_share", "minimize"), ("trial_runtime_s", "minimize"),
     ("train_tokens_per_s", "maximize"), ("assertion_kill_share", "maximize"), ("pass_rate", "maximize")],
)  # fmt: skip
def test_what_is_better(metric: str, direction: str) -> None:
    assert direction_of(metric) == direction

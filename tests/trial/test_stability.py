"""The rule of divergence."""

from __future__ import annotations

import math

import pytest

from harness.trial.stability import LossGuard


def verdicts(losses: list[float], warmup: int = 0) -> list[str | None]:
    guard = LossGuard(warmup)
    return [guard.verdict(step, loss, 1.0) for step, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize("losses", [[2.0, 1.9, 1.8, 1.7], [1.0, 1.0, 1.0, 3.0], [0.1] * 9, [5.0]])
def test_ordinary_losses_pass(losses: list[float]) -> None:
    assert not any(verdicts(losses))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_divergence_from_the_first_step(bad: float) -> None:
    assert "loss is" in (verdicts([bad])[0] or "")


def test_a_gradient_that_is_not_finite_is_divergence() -> None:
    assert "gradient norm" in (LossGuard(0).verdict(1, 1.0, math.nan) or "")
    assert LossGuard(0).verdict(1, 1.0, None) is None


def test_an_explosion_counts_only_after_the_warmup() -> None:
    losses = [1.0, 1.0, 1.0, 3.1, 3.1]
    assert [v is not None for v in verdicts(losses)] == [False, False, False, True, True]
    assert [v is not None for v in verdicts(losses, warmup=4)] == [False, False, False, False, True]

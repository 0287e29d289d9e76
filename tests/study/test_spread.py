"""What happens when a sampler proposes what is known already."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from study_cases import SPACE, searched

from harness.config.sections import Sampler
from harness.study.history import Past, PastState
from harness.study.places import holds, value_at
from harness.study.sampling import ProposalAsk, propose
from harness.study.spread import repeats, spread_proposal

STEPS: dict[str, BaseDistribution] = {
    "r": CategoricalDistribution([8, 16, 32, 64]),
    "learning_rate": CategoricalDistribution([1e-4, 3e-4, 1e-3]),
    "lora_dropout": FloatDistribution(0.0, 0.1, step=0.05),
}
COMBINATIONS = 36


def judged(number: int, params: dict[str, Any]) -> Past:
    """Deterministic training: the same settings have the same loss and scores."""
    off = (params["r"] / 64 - 0.4) ** 2 + (1e3 * params["learning_rate"] - 0.3) ** 2 + params["lora_dropout"]
    return Past(number, params, PastState.COMPLETE, ((1 - off, 0.5 - off),), {}, (1.0 + off,))


def test_a_result_to_the_last_bit_is_a_repetition_and_a_near_one_is_not() -> None:
    first, other = (
        judged(0, {"r": 8, "learning_rate": 1e-4, "lora_dropout": 0.0}),
        judged(1, {"r": 16, "learning_rate": 1e-4, "lora_dropout": 0.0}),
    )
    again = Past(2, first.params, PastState.PAUSED, first.rungs, {}, first.losses)
    assert not repeats([])
    assert not repeats([first, other])
    assert repeats([first, other, again])
    assert not repeats([first, again, other]), "the newest result counts"
    assert repeats([first, again, Past(3, {}, PastState.RUNNING)]), "what has no result yet does not"
    assert not repeats([first, Past(2, {}, PastState.PAUSED, first.rungs, {}, (1.0 + 1e-9,))])
    assert not repeats([Past(n, {}, PastState.PAUSED, ((0.0, 0.0),)) for n in range(3)]), "without a loss nobody can tell"


def test_a_search_in_steps_sees_more_of_the_space() -> None:
    def without_loss(number: int, params: dict[str, Any]) -> Past:
        return Past(number, params, PastState.COMPLETE, judged(number, params).rungs)

    def seen(become: Callable[[int, dict[str, Any]], Past]) -> int:
        asks = [ProposalAsk(STEPS, ("maximize", "maximize"), Sampler(), seed) for seed in range(4)]
        return sum(len({repr(past.params) for past in searched(ask, COMBINATIONS, become)}) for ask in asks)

    assert seen(judged) >= seen(without_loss) + 6


def test_it_is_a_function_of_its_arguments_and_lies_in_the_space() -> None:
    draw = random.Random(0)
    tried = [{name: value_at(axis, draw.random()) for name, axis in SPACE.items()} for _ in range(30)]
    found = [spread_proposal(SPACE, 3, number, tried) for number in (30, 30, 31)]
    assert found[0] == found[1] != found[2]
    assert all(holds(axis, proposal[name]) for proposal in found for name, axis in SPACE.items())
    assert spread_proposal(SPACE, 3, 0, []) is not None
    assert spread_proposal(SPACE, 3, 0, [{"r": 8}, {**tried[0], "r": 10**6}]) == spread_proposal(SPACE, 3, 0, [])


def test_it_goes_where_nothing_is() -> None:
    space: dict[str, BaseDistribution] = {"a": FloatDistribution(0, 1), "r": IntDistribution(1, 1024, log=True)}
    corners = [{"a": a, "r": r} for a, r in itertools.product((0.0, 1.0), (1, 1024))]
    middle = spread_proposal(space, 0, 4, corners)
    assert 0.3 < middle["a"] < 0.7
    assert 8 < middle["r"] < 128


def test_only_samplers_that_learn_are_sent_elsewhere() -> None:
    past = judged(0, {"r": 8, "learning_rate": 1e-4, "lora_dropout": 0.0})
    again = [past, Past(1, past.params, PastState.PAUSED, past.rungs, {}, past.losses)]
    for name in ("random", "qmc", "grid"):
        ask = ProposalAsk(STEPS, ("maximize", "maximize"), Sampler.model_validate({"name": name}), 0)
        assert propose(again, ask) == propose([past, Past(1, past.params, PastState.PAUSED, past.rungs)], ask)

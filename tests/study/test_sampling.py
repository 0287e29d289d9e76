"""Proposals as functions of the history: every sampler, every kind of axis, what was ruled out, what stands at a rung."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from study_cases import SPACE, finished, quality, ruled_out, searched

from harness.config.sections import Sampler
from harness.study.history import Past, PastState
from harness.study.places import holds
from harness.study.proposer import Proposer, answer, read_answer, request
from harness.study.sampling import ProposalAsk, propose
from harness.study.sequences import grid_size

HERE = ("tpe", "nsga2", "random", "qmc", "grid")
"""The samplers that propose in this process."""
TWO = ("maximize", "maximize")


def ask_for(name: str = "tpe", space: Mapping[str, BaseDistribution] = SPACE, **settings: Any) -> ProposalAsk:
    return ProposalAsk(space, TWO, Sampler.model_validate({"name": name, "grid_points": 2, **settings}), 7)


def mixed(number: int, params: Mapping[str, Any]) -> Past:
    """Every way a trial can stand, in turn."""
    values = quality(params)
    kept = {"memory": -0.1, "stability": -1.0}
    match number % 6:
        case 0:
            return Past(number, params, PastState.COMPLETE, (values, values, values), kept | {"rung": -0.5})
        case 1:
            return Past(number, params, PastState.PAUSED, (values,), {})
        case 2:
            return Past(number, params, PastState.CUT, (values,), kept | {"rung": 0.4})
        case 3:
            return ruled_out(number, params, 0.3)
        case 4:
            return Past(number, params, PastState.RUNNING, (values,) if number % 4 else (), {})
    return Past(number, params, PastState.FAILED, (), {})


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("rungs", ["model", "cuts"])
def test_every_proposal_lies_in_the_space_and_depends_on_the_history_alone(name: str, rungs: str) -> None:
    ask = ask_for(name, rungs=rungs)
    history = searched(ask, 40, mixed)
    for past in history:
        assert past.params.keys() == SPACE.keys()
        assert all(holds(SPACE[key], value) for key, value in past.params.items())
    for number in (0, 1, 17, 39):
        assert propose(history[:number], ask) == history[number].params
        assert read_answer(answer(request(history[:number], ask))) == history[number].params
    assert Proposer(ask).next(history[:17], 17) == history[17].params


@pytest.mark.parametrize("name", ["tpe", "nsga2", "random", "qmc"])
def test_another_seed_or_number_is_another_proposal(name: str) -> None:
    ask = ask_for(name)
    other = ProposalAsk(ask.distributions, ask.directions, ask.settings, 8)
    assert propose([], ask) != propose([], other)
    assert propose([], ask, 3) != propose([], ask, 4)


@pytest.mark.parametrize("name", HERE)
def test_settings_from_another_space_do_no_harm(name: str) -> None:
    ask = ask_for(name, n_startup_trials=3)
    strangers: list[Mapping[str, Any]] = [
        {},
        {"r": 8},
        {"r": 1000, "learning_rate": 3e-4, "gone": 1},
        {"quantization": "fp4", "learning_rate": 2.0},
        {"use_rslora": 1, "max_length": 700, "warmup_ratio": "none"},
    ]
    history = [finished(number, params, (0.5, 0.5)) for number, params in enumerate(strangers)]
    history += [Past(5, {"r": 8}, PastState.RUNNING), ruled_out(6, {"r": 64}, 0.5), Past(7, {}, PastState.COMPLETE)]
    for past in searched(ask, 12, lambda number, params: finished(number, params, quality(params)), history)[8:]:
        assert all(holds(SPACE[key], value) for key, value in past.params.items())


def test_a_single_objective_and_a_single_axis_work() -> None:
    space: dict[str, BaseDistribution] = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True)}
    ask = ProposalAsk(space, ("minimize",), Sampler(), 0)

    def become(number: int, params: dict[str, Any]) -> Past:
        return finished(number, params, (abs(math.log10(params["learning_rate"] / 3e-4)),))

    history = searched(ask, 40, become)
    late = statistics.median(past.rungs[0][0] for past in history[20:] if past.rungs[0])
    assert late < 0.5


WEIGHTS = {"nf4": 5.0, "int8": 8.0, "none": 14.0}
CARD: dict[str, BaseDistribution] = {
    "r": IntDistribution(4, 128, log=True),
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "quantization": CategoricalDistribution(list(WEIGHTS)),
    "per_device_train_batch_size": CategoricalDistribution([1, 2, 4, 8]),
    "max_length": CategoricalDistribution([512, 1024, 2048]),
}
"""A card of 24 units, with the best quality at the limit of its memory."""


def not_fitting(state: PastState) -> int:
    """How many of 60 trials behind the random start do not fit, where those become `state`."""

    def become(number: int, params: dict[str, Any]) -> Past:
        batch, length = params["per_device_train_batch_size"], params["max_length"]
        used = WEIGHTS[params["quantization"]] + params["r"] * 0.03 + batch * length / 1024 * 1.9
        if used > 24:
            return Past(number, params, state, (), {"memory": used / 24 - 1})
        good = used / 24 - 0.1 * (math.log10(params["learning_rate"]) + 3.7) ** 2
        return finished(number, params, (good, good - 0.02 * batch))

    return sum(past.state is state for past in searched(ProposalAsk(CARD, TWO, Sampler(), 0), 70, become)[10:])


def test_what_does_not_fit_is_learned() -> None:
    """A sampler that is not told, as of a failure, proposes it in every other trial."""
    assert 3 * not_fitting(PastState.INFEASIBLE) <= 2 * not_fitting(PastState.FAILED)


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_every_model_keeps_away_from_what_was_ruled_out(name: str) -> None:
    space = {"r": SPACE["r"], "learning_rate": SPACE["learning_rate"]}
    history = [
        ruled_out(past.number, past.params, past.params["r"] / 64) if past.params["r"] > 16 else past
        for past in searched(ask_for("random", space), 60, lambda number, params: finished(number, params, quality(params)))
    ]
    proposals = [propose(history, ask_for(name, space), 60 + number) for number in range(20)]
    assert sum(proposal is not None and proposal["r"] > 16 for proposal in proposals) <= 6


def test_scores_at_a_rung_teach_though_nothing_was_finished() -> None:
    space: dict[str, BaseDistribution] = {"learning_rate": FloatDistribution(1e-5, 1e-2, log=True)}

    def off(rungs: str) -> float:
        ask = ProposalAsk(space, TWO, Sampler.model_validate({"rungs": rungs}), 0)
        found = searched(ask, 40, lambda number, params: Past(number, params, PastState.PAUSED, (quality({"r": 8, **params}),)))
        return statistics.median(abs(math.log10(past.params["learning_rate"] / 3e-4)) for past in found[20:])

    assert off("model") < 0.35
    assert off("ignore") > 0.5


def test_a_search_begins_as_optuna_s_own_sampler_does() -> None:
    study = optuna.create_study(directions=list(TWO), sampler=optuna.samplers.TPESampler(seed=7))
    theirs = []
    for _ in range(10):
        trial = study.ask(dict(SPACE))
        theirs.append(trial.params)
        study.tell(trial, quality(trial.params))
    ours = searched(ask_for(), 10, lambda number, params: finished(number, params, quality(params)))
    assert [past.params for past in ours] == theirs


def test_a_grid_tries_every_combination_once_in_any_order_and_then_says_so() -> None:
    space = {name: SPACE[name] for name in ("r", "learning_rate", "quantization", "gradient_accumulation_steps")}
    ask = ask_for("grid", space, grid_points=3)
    assert grid_size(space, 3) == 27
    history = searched(ask, 26, mixed)
    assert len({repr(sorted(past.params.items())) for past in history}) == 26
    assert propose(list(reversed(history)), ask, 26) == propose(history, ask)
    by_hand = Past(26, {"r": 5, "learning_rate": 3e-4, "quantization": "none", "gradient_accumulation_steps": 4}, PastState.CUT)
    last = propose([*history, by_hand], ask)
    assert last is not None
    assert propose([*history, by_hand, Past(27, last, PastState.RUNNING)], ask) is None


def test_a_grid_that_is_broken_off_has_been_all_over_the_space() -> None:
    ask = ask_for("grid", {"r": SPACE["r"], "max_length": SPACE["max_length"]}, grid_points=5)
    ranks = [past.params["r"] for past in searched(ask, 8, mixed)]
    assert len(set(ranks)) >= 4


def test_a_huge_grid_begins_at_once() -> None:
    space: dict[str, BaseDistribution] = {f"p{index}": FloatDistribution(0, 1) for index in range(12)}
    ask = ask_for("grid", space, grid_points=9)
    assert grid_size(space, 9) == 9**12
    first = propose([], ask)
    assert first is not None
    second = propose([Past(0, first, PastState.RUNNING)], ask)
    assert second is not None
    assert second != first


def test_the_sequence_fills_the_space_more_evenly_than_chance() -> None:
    space: dict[str, BaseDistribution] = {"a": FloatDistribution(0, 1), "b": FloatDistribution(0, 1)}

    def filled(name: str) -> int:
        found = searched(ask_for(name, space), 64, mixed)
        return len({(int(past.params["a"] * 8), int(past.params["b"] * 8)) for past in found})

    assert filled("qmc") >= 60
    assert filled("random") < 55


def test_nsga2_breeds_from_the_best_so_far() -> None:
    ask = ask_for("nsga2", {"learning_rate": SPACE["learning_rate"], "r": SPACE["r"]})
    history = searched(ask, 120, lambda number, params: finished(number, params, quality(params)))
    off = [abs(math.log10(past.params["learning_rate"] / 3e-4)) for past in history]
    assert statistics.median(off[80:]) < 0.5 * statistics.median(off[:20])

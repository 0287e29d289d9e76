"""Importances on studies whose answer is known, and beside Optuna's own."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from study_cases import SPACE, ruled_out

from harness.core.pareto import Objective
from harness.study.history import Past, PastState
from harness.study.importances import importances
from harness.study.places import value_at

OBJECTIVES = (Objective("pass_rate", "maximize"), Objective("seconds", "minimize"))


def values(params: Mapping[str, Any]) -> tuple[float, float]:
    """The first is decided by the learning rate and a little by the rank, the second by quantization alone."""
    off = abs(math.log10(params["learning_rate"] / 3e-4))
    return 1 - 0.5 * off + 0.02 * math.log2(params["r"]), {"none": 1.0, "int8": 3.0, "nf4": 2.0}[params["quantization"]]


def drawn(count: int, seed: int = 0) -> list[Past]:
    chance = random.Random(seed)
    settings = [{name: value_at(axis, chance.random()) for name, axis in SPACE.items()} for _ in range(count)]
    return [Past(n, params, PastState.COMPLETE, (values(params),), {"memory": -0.1}) for n, params in enumerate(settings)]


def test_the_parameter_that_decides_comes_first_for_each_objective() -> None:
    found = importances(drawn(150), SPACE, OBJECTIVES)
    assert [next(iter(shares)) for shares in found.values()] == ["learning_rate", "quantization"]
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert "gradient_accumulation_steps" not in shares  # a single value decides nothing
        assert next(iter(shares.values())) > 0.4


def test_it_says_what_optunas_own_estimate_says() -> None:
    history = drawn(150, seed=3)
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trials(
        optuna.trial.create_trial(params=dict(past.params), distributions=SPACE, values=past.rungs[0]) for past in history
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.4)
        theirs = optuna.importance.get_param_importances(study, evaluator=evaluator, target=lambda trial: -trial.values[0])
    ours = importances(history, SPACE, OBJECTIVES)["pass_rate"]
    assert next(iter(theirs)) == next(iter(ours))
    assert all(abs(ours[name] - theirs[name]) < 0.15 for name in ours)


def test_trials_that_only_reached_a_rung_count() -> None:
    history = [Past(past.number, past.params, PastState.CUT, past.rungs) for past in drawn(100)]
    assert next(iter(importances(history, SPACE, OBJECTIVES)["pass_rate"])) == "learning_rate"


def test_too_few_trials_say_nothing() -> None:
    few = [*drawn(9), *(ruled_out(number, {"r": 8}, 0.5) for number in range(9, 30))]
    assert importances(few, SPACE, OBJECTIVES) == {}


def test_it_needs_no_scientific_library() -> None:
    code = (
        "import sys, harness.study.importances; print([n for n in ('torch', 'sklearn', 'scipy', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"

"""The search that benchmarks/search.py measures is the sweep's: the same proposals, promotions and cuts, segment by segment."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from sweep_place import Place

from harness.simulation.timeline import read_moments

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # behind everything else: a script there is named like the package `evaluation`

from search_harness import HarnessSearch, Way  # noqa: E402
from search_problem import LOSS_AND_THIRD, TABLE, Problem, recorded  # noqa: E402

TRIALS, SEED = 24, 5
FIRST = {"r": 16, "learning_rate": 0.002, "warmup_ratio": 0.03, "quantization": "none"}


class Noted(HarnessSearch):
    """Begins with trial 0 of the sweep file, and notes where every segment leads."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, Way(trials=TRIALS), SEED)
        self.segments: list[tuple[int, int]] = []

    def _proposal(self) -> dict[str, Any] | None:
        return super()._proposal() if self._trials else dict(FIRST)

    def _next(self) -> tuple[int, int]:
        self.segments.append(super()._next())
        return self.segments[-1]

    def settings(self) -> list[dict[str, Any]]:
        return [trial.params for trial in self._trials]


def sections(problem: Problem) -> dict[str, Any]:
    return {
        "space": {name: {k: v for k, v in axis.items() if k != "type"} for name, axis in problem.space.items()},
        "training": {**FIRST, "max_steps": problem.curves.total_steps, "max_length": 512, "max_completion_tokens": 300},
        "halving": {"rungs": [{"training": rung.training, "validation": rung.validation} for rung in problem.rungs.lower]},
        "study": {"n_trials": TRIALS, "name": "swept", "seed": SEED},
        "workers": {"count": 1},
    }


@pytest.mark.slow
def test_a_sweep_decides_as_the_benchmark_says(place: Place, tiny_model: Path) -> None:
    problem = replace(recorded(TABLE), rungs=LOSS_AND_THIRD)
    searched = Noted(replace(problem, best=2.0))  # a volume that nobody reaches
    searched.run(7.0)

    file = place.write("swept", tiny_model, **sections(problem))
    done = place.harness("sweep", str(file), "--simulate", "--curves", str(TABLE), "--json")
    assert done.returncode == 0, done.stderr
    simulated = place.folder / "mlruns" / "simulated"
    moments = read_moments(simulated / "trials" / "swept" / "timeline.jsonl")
    study = optuna.load_study(study_name="swept", storage=f"sqlite:///{simulated / 'study.db'}")
    swept = [trial.params for trial in study.trials]

    assert len(searched.segments) > 30
    assert len({rung for _, rung in searched.segments}) == 3
    assert [(moment.trial, moment.rung) for moment in moments][: len(searched.segments)] == searched.segments
    tried = searched.settings()
    assert json.dumps(swept[: len(tried)], sort_keys=True) == json.dumps(tried, sort_keys=True)

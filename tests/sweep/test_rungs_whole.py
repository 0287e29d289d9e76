"""Sweeps with rungs as a user runs them, on tiny models: promotions, cuts, several processes, and being killed between rungs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from sweep_place import Place

from harness.core.errors import ExitCode

pytestmark = pytest.mark.slow

RUNGS = {"rungs": [{"training": 0.25, "validation": 0.5}, {"training": 0.5, "validation": 1.0}], "reduction_factor": 2}
TRAINING = {"r": 4, "max_steps": 8, "max_length": 512, "max_completion_tokens": 300}


def trials(place: Place, study: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=study, storage=f"sqlite:///{place.folder}/mlruns/study.db").trials


def trial_runs(place: Place, study: str) -> dict[str, Any]:
    client = MlflowClient(tracking_uri=f"sqlite:///{place.folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("harness")
    found = client.search_runs([experiment.experiment_id], f"tags.study = '{study}' and tags.kind = 'trial'")
    assert len({run.data.tags["trial"] for run in found}) == len(found), "a trial has two runs"
    return {run.data.tags["trial"]: run for run in found}


def rungs_of(trial: optuna.trial.FrozenTrial) -> list[int]:
    return sorted(int(key.removeprefix("rung:")) for key in trial.user_attrs if key.startswith("rung:"))


def agree(place: Place, study: str) -> None:
    """Study and MLflow tell the same, and nothing is left over."""
    runs = trial_runs(place, study)
    for trial in trials(place, study):
        run = runs[str(trial.number)]
        outcome: Mapping[str, Any] = json.loads(trial.user_attrs["outcome"])
        assert trial.user_attrs["run_id"] == run.info.run_id
        assert (run.info.status, run.data.tags["outcome"]) == ("FINISHED", outcome["ending"])
        if trial.state.name == "COMPLETE":
            assert rungs_of(trial) == [0, 1, 2]
            assert [run.data.metrics[name] for name in ("pass_rate", "branch_coverage", "mutation_score")] == trial.values
        else:
            assert "pass_rate" not in run.data.metrics, "a figure of a lower rung stands beside whole trials"
        assert not (place.folder / "mlruns" / "trials" / study / f"trial-{trial.number}" / "checkpoints").exists()
    assert not list((place.folder / "mlruns" / "trials" / study).glob("**/.*.tmp"))


def test_trials_climb_and_only_whole_ones_complete(known_place: Place, tiny_model: Path) -> None:
    file = known_place.write("climb", tiny_model, training=TRAINING, halving=RUNGS, study={"n_trials": 4})
    done = known_place.harness("sweep", str(file))
    assert done.returncode == ExitCode.OK, done.stderr
    states = [trial.state.name for trial in trials(known_place, "climb")]
    assert len(states) == 4
    assert set(states) <= {"COMPLETE", "PRUNED"}
    agree(known_place, "climb")
    for trial in trials(known_place, "climb"):
        if trial.state.name == "PRUNED":
            assert trial.constraints["rung"] > 0
    functions = (known_place.folder / "mlruns" / "trials" / "climb" / "validation-0.jsonl").read_text("utf-8").splitlines()
    assert len(functions) == 1, "half of two validation functions"


def test_two_processes_at_once(known_place: Place, tiny_model: Path) -> None:
    file = known_place.write("pair", tiny_model, training=TRAINING, halving=RUNGS, study={"n_trials": 4}, workers={"count": 2})
    running = known_place.start("sweep", str(file))
    at_once: set[str] = set()
    most = 0

    def watch(event: dict[str, Any]) -> bool:
        nonlocal most
        if event["event"] == "trial_started" and event["kind"] == "trial":
            at_once.add(event["label"])
        if event["event"] in ("trial_ended", "trial_paused"):
            at_once.discard(event["label"])
        most = max(most, len(at_once))
        return bool(event["event"] == "sweep_ended")

    running.until(watch)
    code, _ = running.finish()
    assert code == ExitCode.OK
    assert most >= 2
    assert running.gone()
    agree(known_place, "pair")


def test_a_sweep_killed_between_rungs_goes_on_where_it_was(known_place: Place, tiny_model: Path) -> None:
    slow = {**TRAINING, "max_steps": 80}  # long enough that training is seen between two looks
    file = known_place.write("between", tiny_model, training=slow, halving=RUNGS, study={"n_trials": 3})
    running = known_place.start("sweep", str(file))
    running.until(lambda e: e["event"] == "trial_paused")
    running.until(lambda e: e["event"] == "trial_progress" and e["phase"] == "train")
    running.kill()
    assert running.gone(), "a trial outlived its sweep"
    before = {trial.number: rungs_of(trial) for trial in trials(known_place, "between")}
    assert before[0] == [0]
    done = known_place.harness("sweep", str(file))
    assert done.returncode == ExitCode.OK, done.stderr
    after = {trial.number: rungs_of(trial) for trial in trials(known_place, "between")}
    assert len(after) == 3
    assert all(set(after[number]) >= set(reached) for number, reached in before.items())
    agree(known_place, "between")

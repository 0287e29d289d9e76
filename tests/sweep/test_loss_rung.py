"""A sweep whose lowest rung is judged by the validation loss alone, as a user runs it, on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from sweep_place import Place

from harness.core.errors import ExitCode

pytestmark = pytest.mark.slow

TRAINING = {"r": 4, "learning_rate": 2e-4, "max_steps": 8, "max_length": 512, "max_completion_tokens": 300}
HALVING = {"rungs": [{"training": 0.25, "validation": 0}], "reduction_factor": 2}
STUDY = {"n_trials": 4, "enqueue": [{"learning_rate": 2e-4}]}


def test_nothing_is_generated_at_it_the_lower_loss_goes_on_and_a_twin_ends(known_place: Place, tiny_model: Path) -> None:
    space = {"learning_rate": {"choices": [2e-4, 2e-2]}}
    file = known_place.write("loss", tiny_model, training=TRAINING, halving=HALVING, study=STUDY, space=space)
    done = known_place.harness("sweep", str(file))
    assert done.returncode == ExitCode.OK, done.stderr
    store = f"sqlite:///{known_place.folder}/mlruns/study.db"
    trials = optuna.load_study(study_name="loss", storage=store).trials
    looks = [json.loads(trial.user_attrs["rung:0"]) for trial in trials]
    assert all(look["values"] == [] and look["eval_loss"] > 0 for look in looks)
    assert all("generate_runtime_s" not in look["metrics"] for look in looks)
    whole = [trial for trial in trials if trial.state.name == "COMPLETE"]
    best = min(look["eval_loss"] for look in looks)
    assert best in [looks[trial.number]["eval_loss"] for trial in whole], "the best of the rung goes on"
    assert looks[0]["eval_loss"] == looks[1]["eval_loss"], "the same settings have the same loss"
    assert json.loads(trials[1].user_attrs["outcome"])["reason"] == "cut at rung 1 of 2: the very result of trial 0"
    assert trials[1].constraints["rung"] > 0
    client = MlflowClient(tracking_uri=f"sqlite:///{known_place.folder}/mlruns/mlflow.db")
    run = client.get_run(whole[0].user_attrs["run_id"])
    assert {"pass_rate", "eval_loss"} <= run.data.metrics.keys()
    assert next(m.step for m in client.get_metric_history(run.info.run_id, "eval_loss")) < 8

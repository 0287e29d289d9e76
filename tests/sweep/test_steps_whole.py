"""Incremental training as a user runs it: two steps of a tiny model, preflight between them, and no third without a batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from sweep_place import Place

from harness.core.errors import ExitCode

pytestmark = pytest.mark.slow


def write_weekly(place: Place, model: Path) -> Path:
    """Sixteen functions in the first batch, eight in the second."""
    lines = place.data.read_text("utf-8").splitlines(keepends=True)
    batches = place.folder / "batches"
    (batches / "batch_001").mkdir(parents=True)
    (batches / "batch_000.jsonl").write_text("".join(lines[:16]), "utf-8")
    (batches / "batch_001" / "monday.jsonl").write_text("".join(lines[16:]), "utf-8")
    data = {
        "batches": "batches",
        "splits": {"train": 0.4, "validation": 0.2, "selection": 0.2, "test": 0.2},
        "limits": {"validation": 2, "selection": 1, "test": 2},
        "near_duplicates": 1.0,
    }
    return place.write("weekly", model, data=data, objectives=[{"name": "pass_rate"}])


def state(place: Place) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((place.folder / "mlruns" / "steps" / "weekly" / "state.json").read_text("utf-8"))["state"]
    return read


def spec(place: Place, study: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((place.folder / "mlruns" / "trials" / study / "trial-0" / "trial.json").read_text("utf-8"))
    return read


def test_two_steps_of_incremental_training_and_no_third_without_a_batch(place: Place, tiny_model: Path) -> None:
    file = write_weekly(place, tiny_model)
    first = place.harness("sweep", str(file))
    assert first.returncode == ExitCode.OK, first.stderr
    assert "step 0 of weekly: batch_000" in first.stdout
    assert "1 more batch waits" in first.stdout

    ready = place.harness("preflight", str(file), "--json")
    assert ready.returncode == ExitCode.OK, ready.stdout
    checks = {check["name"]: check for check in json.loads(ready.stdout)["checks"]}
    assert checks["hold-out"]["found"].endswith("as it was pinned")
    assert checks["latest adapter"]["found"].startswith("of step 0, trial 0, whole and unchanged")
    assert checks["memory"]["state"] == "ok"

    second = place.harness("sweep", str(file))
    assert second.returncode == ExitCode.OK, second.stderr
    assert "goes on from the adapter of step 0, trial 0" in second.stdout
    goes_on(place)
    follows(place)

    third = place.harness("sweep", str(file))
    assert third.returncode == ExitCode.BAD_INPUT
    assert third.stderr.startswith("error: no new batch: batch_002 is expected in batches")


def goes_on(place: Place) -> None:
    """The second step trains on both batches, from the first one's adapter, with half of its rate."""
    before, now = spec(place, "weekly-step-000")["train"], spec(place, "weekly-step-001")["train"]
    assert before["start_adapter"] is None
    assert now["start_adapter"] == str(place.folder / "mlruns/trials/weekly-step-000/trial-0/adapter")
    assert [Path(name).name for name in now["train_files"]] == ["batch_000.jsonl", "monday.jsonl"]
    assert now["params"]["learning_rate"] == before["params"]["learning_rate"] / 2
    excluded = Path(now["exclude_file"]).read_text("utf-8").split()
    assert len(excluded) + state(place)["steps"][1]["trained_on"] == 24
    study = optuna.load_study(study_name="weekly-step-001", storage=f"sqlite:///{place.folder}/mlruns/study.db")
    assert [list(trial.params) for trial in study.trials] == [["learning_rate"]]


def follows(place: Place) -> None:
    """Both steps stand in one MLflow run, each sweep's run says what it was made of, and the picture is there."""
    client = MlflowClient(tracking_uri=f"sqlite:///{place.folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("harness")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'steps'")
    assert run.info.run_id == state(place)["tracking_run"]
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "pass_rate")] == [0, 1]
    sweeps = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'", order_by=["attributes.start_time ASC"])
    assert [(s.data.tags["step"], s.data.tags["batches"]) for s in sweeps] == [
        ("0", "batch_000"),
        ("1", "batch_000 to batch_001"),
    ]
    assert [s.data.tags["data_manifest"] for s in sweeps] == [step["manifest"] for step in state(place)["steps"]]
    assert len({s.data.tags["holdout"] for s in sweeps}) == 1
    assert (place.folder / "mlruns" / "steps" / "weekly" / "steps.png").stat().st_size > 10_000

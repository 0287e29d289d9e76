from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sweep_points import SweepPoints

from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.tracking.run_files import RunFiles
from harness.tracking.runs import MAX_PARAM_CHARS
from harness.tracking.store import Store
from harness.tracking.tracker import KIND_BASELINE, Tracker
from harness.trial.events import Event, EventWriter

COMPLETED = Outcome(Ending.COMPLETED, "ran to the end", {"pass_rate": 0.5})


def events(count: int) -> list[Event]:
    now = time.time()
    return [Event("train", step, count, now + step, {"loss": 1.0 / step, "rss_bytes": 1e9}) for step in range(1, count + 1)]


def read_table(store: Store, run_id: str, name: str) -> list[dict[str, Any]]:
    """As the UI does: the tag says that it is a table. (MLflow's own `load_table` looks into the global store.)"""
    tables = json.loads(store.client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])
    assert {"path": name, "type": "table"} in tables
    table = json.loads(Path(store.client.download_artifacts(run_id, name)).read_text())
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def test_a_sweep_run_carries_what_was_fixed(store: Store, tracker: Tracker) -> None:
    run = store.client.get_run(tracker.sweep_run)
    assert run.data.params == {"model": "m"}
    assert {k: run.data.tags[k] for k in ("study", "kind", "seed")} == {"study": "demo", "kind": "sweep", "seed": "1"}
    splits = {i.dataset.name: (i.dataset.digest, {t.key: t.value for t in i.tags}) for i in run.inputs.dataset_inputs}
    assert set(splits) == {"train", "validation", "test"}
    tags = {"mlflow.data.context": "train", "sha256": "0" * 64, "manifest_sha256": "ab" * 32}
    assert splits["train"] == ("0" * 36, tags)
    assert Path(store.client.download_artifacts(tracker.sweep_run, "sweep.yaml")).read_text() == "model: m\n"


def test_whoever_is_scored_on_the_test_split_says_so(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0 on test", params={}, tags={"kind": "promotion", "split": "test"})
    assert [i.dataset.name for i in store.client.get_run(run_id).inputs.dataset_inputs] == ["test"]


def test_a_trial_is_a_child_and_never_sees_the_test_split(store: Store, tracker: Tracker) -> None:
    trial = tracker.start_run("trial 0", params={"r": 8, "target_modules": ["q_proj"]}, tags={"trial": "0"})
    baseline = tracker.start_run("untuned", params={}, tags={"kind": KIND_BASELINE})
    run = store.client.get_run(trial)
    assert run.info.run_name == "trial 0"
    assert run.data.tags["mlflow.parentRunId"] == tracker.sweep_run
    assert run.data.tags["trial"] == "0"
    assert run.data.params == {"r": "8", "target_modules": '["q_proj"]'}
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {"train", "validation"}
    assert {i.dataset.name for i in store.client.get_run(baseline).inputs.dataset_inputs} == {"validation"}


def test_events_become_steps(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={})
    stream = events(40)
    for event in stream:
        tracker.log_events(run_id, [event])
    tracker.log_events(run_id, [Event("generate", 7, 41, time.time(), {"rss_bytes": 2e9})])
    tracker.finish_run(run_id, COMPLETED)
    history = sorted(store.client.get_metric_history(run_id, "loss"), key=lambda m: m.step)
    assert [(m.step, m.value, m.timestamp) for m in history] == [(e.step, e.metrics["loss"], int(e.time * 1000)) for e in stream]
    assert len(store.client.get_metric_history(run_id, "rss_bytes")) == 40
    assert [m.step for m in store.client.get_metric_history(run_id, "generate/rss_bytes")] == [7]


def test_metrics_leave_on_time_and_full_batches_at_once(store: Store, tracker: Tracker) -> None:
    eager = Tracker(store, "demo", flush_seconds=0.05)
    run_id = tracker.start_run("trial 0", params={}, tags={})
    eager.log_events(run_id, events(3))
    assert "loss" not in store.client.get_run(run_id).data.metrics
    time.sleep(0.06)
    eager.log_events(run_id, [])
    assert len(store.client.get_metric_history(run_id, "loss")) == 3
    patient = Tracker(store, "demo", flush_seconds=1e9)
    other = tracker.start_run("trial 1", params={}, tags={})
    patient.log_events(other, events(1200))
    assert len(store.client.get_metric_history(other, "loss")) == 1200


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending.COMPLETED, "FINISHED"),
        (Ending.PRUNED_MEMORY, "FINISHED"),
        (Ending.PRUNED_UNSTABLE, "FINISHED"),
        (Ending.PRUNED_TIMEOUT, "FINISHED"),
        (Ending.PRUNED_RUNG, "FINISHED"),
        (Ending.STOPPED, "KILLED"),
        (Ending.FAILED, "FAILED"),
        (Ending.INTERRUPTED, "KILLED"),
    ],
)
def test_status_follows_the_ending(store: Store, tracker: Tracker, ending: Ending, status: str) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={})
    tracker.finish_run(run_id, Outcome(ending, "because", {"pass_rate": 0.25}), metrics={"eval_loss": 1.5}, tags={"gpu": "none"})
    run = store.client.get_run(run_id)
    assert run.info.status == status
    assert {k: run.data.tags[k] for k in ("outcome", "reason", "gpu")} == {"outcome": ending, "reason": "because", "gpu": "none"}
    assert run.data.metrics == {"pass_rate": 0.25, "eval_loss": 1.5}


def test_what_is_not_finite_is_named_instead_of_logged(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={})
    step = {"loss": math.nan, "grad_norm": math.inf, "learning_rate": 1e-4}
    tracker.log_events(run_id, [Event("train", 1, 2, time.time(), step)])
    tracker.finish_run(run_id, Outcome(Ending.PRUNED_UNSTABLE, "loss is NaN", {"train_loss": math.nan}))
    run = store.client.get_run(run_id)
    assert run.data.metrics == {"learning_rate": 1e-4}
    assert run.data.tags["nonfinite_metrics"] == "grad_norm, loss"


def test_long_and_many_parameters_fit(store: Store, tracker: Tracker) -> None:
    many = {f"p{i}": i for i in range(250)} | {"long": "x" * 9000}
    run = store.client.get_run(tracker.start_run("trial 0", params=many, tags={}))
    assert len(run.data.params) == 251
    assert len(run.data.params["long"]) == MAX_PARAM_CHARS


def test_files_of_a_run(store: Store, tracker: Tracker, adapter: Path) -> None:
    folder = adapter.parent
    suite = {"code": "def test_a():\n    assert True\n", "truncated": False, "raw": "", "new_tokens": 5}
    lines = [suite | {"function_id": name} for name in ("HumanEval/0", "HumanEval.0")]
    (folder / "suites.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with EventWriter(folder / "events.jsonl") as writer:
        for event in events(5):
            writer.write(event)
    table = [
        {"function": "HumanEval/0", "verdict": "valid", "branch_coverage": 0.5, "mutants_killed": 3},
        {"function": "HumanEval.0", "verdict": "invalid", "why": "no tests"},
    ]
    run_id = tracker.start_run("trial 0", params={}, tags={})
    files = RunFiles(adapter, folder / "suites.jsonl", table, folder / "events.jsonl", "{}", folder / "log.txt")
    tracker.log_artifacts(run_id, files)
    names = {f.path for f in store.client.list_artifacts(run_id)}
    report = {"metrics.csv", "train.log", "loss.png"}
    assert names == {"adapter", "functions.csv", "functions.json", "suites", "trial.json"} | report
    suites = {f.path for f in store.client.list_artifacts(run_id, "suites")}
    assert suites == {"suites/suites.jsonl", "suites/test_000_HumanEval_0.py", "suites/test_001_HumanEval_0.py"}
    shown = read_table(store, run_id, "functions.json")
    assert [row["verdict"] for row in shown] == ["valid", "invalid"]
    assert shown[0]["why"] is None
    with Path(store.client.download_artifacts(run_id, "functions.csv")).open() as file:
        assert list(csv.DictReader(file))[1]["why"] == "no tests"
    assert Path(store.client.download_artifacts(run_id, "loss.png")).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("width", [1, 2, 3])
def test_finishing_a_sweep_leaves_plots_and_tables(store: Store, tracker: Tracker, sweep_points: SweepPoints, width: int) -> None:
    points, objectives = sweep_points(width)
    tracker.finish_sweep(points, objectives, Outcome(Ending.COMPLETED, "6 trials"))
    run = store.client.get_run(tracker.sweep_run)
    plots = {f"{name}.{kind}" for name in ("pareto", "parallel_coordinates") for kind in ("png", "html")}
    plots |= {"plots.html", "slices.png"} | ({"pareto_3d.png"} if width == 3 else set())
    tables = {f"{name}.{kind}" for name in ("front", "trials") for kind in ("json", "csv")}
    assert {f.path for f in store.client.list_artifacts(tracker.sweep_run)} == plots | tables | {"sweep.yaml"}
    front = read_table(store, tracker.sweep_run, "front.json")
    assert {row["label"] for row in front} == {"trial 0", "trial 5"}
    assert sum(row["knee"] for row in front) == 1
    assert run.info.status == "FINISHED"
    assert "untuned, zero-shot" in run.data.tags["mlflow.note.content"]


def test_a_sweep_without_any_point_is_still_closed(store: Store, tracker: Tracker, sweep_points: SweepPoints) -> None:
    tracker.finish_sweep([], sweep_points(2)[1], Outcome(Ending.INTERRUPTED, "Ctrl-C"))
    run = store.client.get_run(tracker.sweep_run)
    assert (run.info.status, run.data.tags["outcome"]) == ("KILLED", "interrupted")


def test_a_sweep_is_taken_up_again(store: Store, tracker: Tracker) -> None:
    tracker.finish_run(tracker.sweep_run, Outcome(Ending.INTERRUPTED, "Ctrl-C"))
    later = Tracker(store, "demo")
    found = later.resume_sweep(tracker.sweep_run)
    assert store.client.get_run(found).info.status == "RUNNING"
    child = store.client.get_run(later.start_run("trial 1", params={}, tags={}))
    assert child.data.tags["mlflow.parentRunId"] == found
    assert {i.dataset.name for i in child.inputs.dataset_inputs} == {"train", "validation"}


def test_another_studys_sweep_is_not_taken_up(store: Store, tracker: Tracker) -> None:
    other = Tracker(store, "it's another")
    for run_id in (tracker.sweep_run, "0" * 32):
        with pytest.raises(HarnessError) as caught:
            other.resume_sweep(run_id)
        assert caught.value.code is ExitCode.CONFLICT
    with pytest.raises(RuntimeError, match="start_sweep"):
        other.start_run("trial 0", params={}, tags={})


_VICTIM = """
import sys, time
import harness.tracking.export, harness.tracking.provenance, harness.tracking.registry
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker
tracker = Tracker(Store.open(sys.argv[1], "unused", "quickstart"), "demo")
tracker.start_sweep("doomed", params={}, tags={}, config_text="", datasets=[])
print(tracker.start_run("trial 0", params={}, tags={}))
print([m for m in ("torch", "transformers", "peft", "trl", "bitsandbytes") if m in sys.modules], flush=True)
time.sleep(60)
"""


def test_runs_of_a_killed_process_are_closed_and_it_never_held_torch(store: Store, tracker: Tracker) -> None:
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, store.tracking_uri], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    with victim.stdout:
        doomed, heavy = victim.stdout.readline().strip(), victim.stdout.readline().strip()
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    assert heavy == "[]"
    mine = tracker.start_run("trial 1", params={}, tags={})
    other = Tracker(store, "other")
    other.start_sweep("other", params={}, tags={}, config_text="", datasets=[])
    closed = tracker.close_orphans(alive={mine})
    assert closed == [doomed], "the victim took up the sweep's own run: a study has one"
    assert store.client.get_run(doomed).info.status == "KILLED"
    assert store.client.get_run(doomed).data.tags["outcome"] == "interrupted"
    for alive in (mine, tracker.sweep_run, other.sweep_run):
        assert store.client.get_run(alive).info.status == "RUNNING"
    assert tracker.close_orphans(alive={mine}) == []

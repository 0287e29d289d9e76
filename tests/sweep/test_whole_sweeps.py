"""The command as a user runs it, on tiny models: a whole sweep, and every way of dying in the middle of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from sweep_place import Place
from sweep_shapes import sweep_config

from harness.core.errors import ExitCode
from harness.core.memory import DeviceProfile
from harness.sweep.predict import Predictor, Surroundings

pytestmark = pytest.mark.slow


def trials(place: Place, study: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=study, storage=f"sqlite:///{place.folder}/mlruns/study.db").trials


def outcome(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(trial.user_attrs["outcome"])
    return record


def damage(file: Path) -> None:
    """Change a file's last byte."""
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def runs(place: Place, study: str) -> list[Any]:
    client = MlflowClient(tracking_uri=f"sqlite:///{place.folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("harness")
    return list(client.search_runs([experiment.experiment_id], f"tags.study = '{study}'"))


def test_a_whole_sweep_refuses_what_is_no_better_and_goes_on_by_force_and_back(place: Place, tiny_model: Path) -> None:
    file = place.write("whole", tiny_model, study={"n_trials": 2}, tracking={"promote": True})
    done = place.harness("sweep", str(file))
    assert done.returncode == ExitCode.OK, done.stderr
    assert "not promoted: trial" in done.stdout, "a tiny random model writes no test that passes"
    assert "the best 2 by the rule (knee of the front), again on 1 selection functions" in done.stdout
    assert [t.state.name for t in trials(place, "whole")] == ["COMPLETE", "COMPLETE"]

    by_kind: dict[str, list[Any]] = {}
    for run in runs(place, "whole"):
        by_kind.setdefault(run.data.tags["kind"], []).append(run)
        assert run.info.status == "FINISHED"
    assert {kind: len(found) for kind, found in by_kind.items()} == {"sweep": 1, "trial": 2, "baseline": 3, "promotion": 3}
    metrics = by_kind["trial"][0].data.metrics
    assert {"pass_rate", "branch_coverage", "mutation_score", "eval_loss", "peak_bytes", "estimate_bytes"} <= set(metrics)

    (sweep,) = by_kind["sweep"]
    assert sweep.data.tags["promotion"].startswith("refused: ")
    client = MlflowClient(tracking_uri=f"sqlite:///{place.folder}/mlruns/mlflow.db")
    assert not client.search_model_versions("name = 'whole'")
    forced = place.harness("promote", "whole", "--force")
    assert forced.returncode == ExitCode.OK, forced.stderr
    assert "promoted, by force" in forced.stdout
    assert len(runs(place, "whole")) == 9, "something was measured twice"
    version = client.get_model_version_by_alias("whole", "champion")
    assert (int(version.version), version.tags["forced"], version.tags["compared_with"]) == (1, "true", "untuned base")
    folder = Path(version.tags["folder"])
    papers = {"prompt_template.json", "README.md", "checksums.sha256"}
    assert {p.name for p in folder.iterdir()} >= {"adapter_model.safetensors", "adapter_config.json", *papers}

    second = place.start("sweep", str(file))
    first = second.until(lambda e: e["event"] == "trial_started")
    second.kill()
    assert first["label"] == "trial 0", "a second sweep of the same settings measures the untuned base again"
    assert "whole-2" in {s.study_name for s in optuna.get_all_study_summaries(f"sqlite:///{place.folder}/mlruns/study.db")}

    front = place.harness("pareto", "whole", "--json")
    labels = {row["label"] for row in json.loads(front.stdout)["rows"]}
    assert labels == {"trial 0", "trial 1", "base zero-shot", "base one-shot"}

    other = "0" if version.tags["trial"] == "1" else "1"
    refused = place.harness("promote", "whole", "--trial", other)
    assert refused.returncode == ExitCode.NOT_BETTER, refused.stderr
    assert "against champion version 1" in refused.stdout
    assert int(client.get_model_version_by_alias("whole", "champion").version) == 1
    by_force = place.harness("promote", "whole", "--trial", other, "--force")
    assert by_force.returncode == ExitCode.OK, by_force.stderr
    assert client.get_model_version_by_alias("whole", "champion").tags["trial"] == other
    assert int(client.get_model_version_by_alias("whole", "previous").version) == 1
    back = place.harness("rollback", "whole")
    assert (back.returncode, back.stdout) == (ExitCode.OK, "whole: version 1 is champion again; version 2 was\n")
    assert place.harness("rollback", "whole").returncode == ExitCode.NO_RESULT
    assert int(client.get_model_version_by_alias("whole", "champion").version) == 1

    wrong = place.harness("promote", "whole", "--trial", "7")
    assert wrong.returncode == ExitCode.BAD_INPUT
    assert "completed trials: 0, 1" in wrong.stderr
    refuses_what_is_damaged(place, client, version, other)


def refuses_what_is_damaged(place: Place, client: MlflowClient, champion: ModelVersion, other: str) -> None:
    """A champion that nobody can measure any more gives way by force alone; a damaged trial is never promoted."""
    weights, store = "adapter_model.safetensors", place.folder / "mlruns"
    damage(Path(champion.tags["folder"]) / weights)
    damage(next((store / "artifacts").rglob(f"*{champion.tags['model_id']}*/**/{weights}")))
    unfit = place.harness("promote", "whole", "--trial", other)
    assert unfit.returncode == ExitCode.STORAGE, unfit.stderr
    assert "champion version 1 of whole cannot be compared with" in unfit.stderr
    anyway = place.harness("promote", "whole", "--trial", other, "--force")
    assert anyway.returncode == ExitCode.OK, anyway.stderr
    assert int(client.get_model_version_by_alias("whole", "champion").version) == 2
    damage(store / "trials" / "whole" / f"trial-{champion.tags['trial']}" / "adapter" / weights)
    damaged = place.harness("promote", "whole", "--trial", champion.tags["trial"])
    assert damaged.returncode == ExitCode.STORAGE, damaged.stderr
    assert "the adapter is damaged" in damaged.stderr
    assert {run.info.status for run in runs(place, "whole") if run.data.tags["kind"] == "sweep"} == {"FINISHED"}


def test_a_sweep_of_which_nothing_may_be_promoted_is_whole_and_its_constraints_can_be_loosened(
    known_place: Place, tiny_model: Path
) -> None:
    sections = {"study": {"name": "strict", "n_trials": 1}, "tracking": {"promote": True}}
    limits = {"constraints": ["mutation_score >= 0.5"]}
    done = known_place.harness("sweep", str(known_place.write("strict", tiny_model, promotion=limits, **sections)))
    assert done.returncode == ExitCode.NO_RESULT
    assert "no trial can be chosen" in done.stderr
    assert "trial 0" in done.stdout, "the results are not shown"
    (sweep,) = [run for run in runs(known_place, "strict") if run.data.tags["kind"] == "sweep"]
    assert (sweep.info.status, sweep.data.tags["outcome"]) == ("FINISHED", "completed")

    loosened = known_place.harness("sweep", str(known_place.write("strict", tiny_model, **sections)))
    assert loosened.returncode == ExitCode.OK, loosened.stderr
    assert "not promoted: trial 0" in loosened.stdout
    again = known_place.harness("promote", "strict")
    assert again.returncode == ExitCode.NOT_BETTER, again.stderr


def test_kill_9_of_the_trial_process_costs_that_process_alone(known_place: Place, tiny_model: Path) -> None:
    training = {"r": 4, "max_steps": 40, "max_length": 512, "max_completion_tokens": 300}
    running = known_place.start("sweep", str(known_place.write("trialkill", tiny_model, training=training)))
    os.kill(running.training("trial 0"), signal.SIGKILL)
    code, events = running.finish()
    assert code == ExitCode.OK
    assert running.gone()
    (trial,) = trials(known_place, "trialkill")
    assert (trial.state.name, trial.user_attrs["attempt"]) == ("COMPLETE", 1)
    assert any("signal 9" in e["text"] and "is tried again" in e["text"] for e in events if e["event"] == "message")
    assert [r.info.status for r in runs(known_place, "trialkill") if r.data.tags["kind"] == "trial"] == ["FINISHED"]


def test_kill_9_of_the_sweep_leaves_nothing_and_is_taken_up_again(known_place: Place, tiny_model: Path) -> None:
    training = {"r": 4, "max_steps": 60, "max_length": 512, "max_completion_tokens": 300, "save_steps": 5}
    file = known_place.write("sweepkill", tiny_model, training=training)
    running = known_place.start("sweep", str(file))
    running.until(lambda e: e["event"] == "trial_progress" and e["phase"] == "train" and e["step"] >= 12)
    running.kill()
    assert running.gone(), "a trial outlived its sweep"
    assert [t.state.name for t in trials(known_place, "sweepkill")] == ["RUNNING"]

    again = known_place.start("sweep", str(file))
    first_step = again.until(lambda e: e["event"] == "trial_progress" and e["phase"] == "train")["step"]
    assert first_step > 5, "training began anew although there was a checkpoint"
    code, _ = again.finish()
    assert code == ExitCode.OK
    assert [t.state.name for t in trials(known_place, "sweepkill")] == ["COMPLETE"]
    assert [r.info.status for r in runs(known_place, "sweepkill") if r.data.tags["kind"] == "trial"] == ["FINISHED"]


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_once_ends_cleanly_and_twice_at_once(known_place: Place, tiny_model: Path, presses: int) -> None:
    study = f"ctrlc{presses}"
    training = {"r": 4, "max_steps": 500, "max_length": 512, "max_completion_tokens": 300}
    running = known_place.start("sweep", str(known_place.write(study, tiny_model, training=training)))
    running.training("trial 0")
    for _ in range(presses):
        running.process.send_signal(signal.SIGINT)
    code, events = running.finish()
    assert code == ExitCode.INTERRUPTED
    assert running.gone()
    ended = [e for e in events if e["event"] == "trial_ended"]
    assert [e["ending"] for e in ended] == ["interrupted"]
    assert [t.state.name for t in trials(known_place, study)] == ["RUNNING"], "it is taken up again, not tried anew"
    assert [r.info.status for r in runs(known_place, study) if r.data.tags["kind"] == "trial"] == ["KILLED"]


def test_what_outgrows_the_budget_is_killed_and_told_as_pruned(place: Place, tiny_gpt2: Path) -> None:
    """Without an estimate nothing refuses the trial beforehand: only the watchdog stands in its way."""
    training = {
        "r": 4,
        "max_steps": 3,
        "max_length": 1000,
        "max_completion_tokens": 900,
        "per_device_train_batch_size": 4,
        "max_tests_per_example": 3,
        "target_modules": "c_attn",
    }
    budget = {"device": "cpu", "budget": "1100MiB", "estimate": "off"}
    running = place.start("sweep", str(place.write("overshoot", tiny_gpt2, training=training, guard=budget)))
    code, events = running.finish()
    assert code == ExitCode.NO_RESULT, events[-1]
    (trial,) = trials(place, "overshoot")
    assert trial.state.name == "PRUNED"
    assert outcome(trial)["ending"] == "pruned:memory"
    assert trial.constraints["memory"] > 0


def test_no_memory_for_even_the_smallest_configuration(place: Place, tiny_model: Path) -> None:
    done = place.harness("sweep", str(place.write("small", tiny_model, guard={"device": "cpu", "budget": "300MiB"})))
    assert done.returncode == ExitCode.NO_MEMORY
    assert "not even the smallest configuration" in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_a_full_disk_and_a_read_only_folder_lose_nothing(place: Place, tiny_model: Path) -> None:
    blocked = place.folder / "blocked"
    blocked.write_text("a file where a folder should be")
    done = place.harness("sweep", str(place.write("ro", tiny_model, tracking={"folder": str(blocked / "mlruns")})))
    assert done.returncode == ExitCode.STORAGE
    assert blocked.read_text() == "a file where a folder should be"


WIDE = {"r": 4, "max_steps": 2, "max_length": 1024, "max_completion_tokens": 300, "per_device_train_batch_size": 16}


def estimated(model: Path, batch: int) -> int:
    """The peak of a trial of `write`'s sweep at a micro-batch, on a device whose context was not measured."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    space = {"r": {"low": 2, "high": 8}}
    sweep = sweep_config(model={"name": str(model), "dtype": "float32"}, training=WIDE, space=space)
    predictor = Predictor(sweep, Surroundings(config, DeviceProfile.host(4), prompt_tokens=100))
    estimate = predictor.estimate(predictor.workload(replace(sweep.base_params(), per_device_train_batch_size=batch)))
    assert estimate is not None
    return estimate.total_bytes


def test_what_would_not_fit_is_adapted_or_pruned_before_launch(place: Place, tiny_model: Path) -> None:
    """Twice the same settings: the second sweep takes the untuned baselines of the first over."""
    budget = (estimated(tiny_model, 16) + estimated(tiny_model, 4)) // 2
    space = {"per_device_train_batch_size": {"choices": [4, 16]}}
    for study, on_risk in (("adapted", "adapt"), ("pruned", "prune")):
        guard = {"device": "cpu", "budget": f"{budget >> 20}MiB", "on_risk": on_risk}
        done = place.harness("sweep", str(place.write(study, tiny_model, training=WIDE, guard=guard, space=space)))
        if study == "adapted":
            ran_smaller(place, done)
        else:
            never_started(place, done)
    assert len((place.folder / "mlruns" / "memory.jsonl").read_text("utf-8").splitlines()) == 1


def trial_run(place: Place, study: str) -> Any:
    (run,) = [r for r in runs(place, study) if r.data.tags["kind"] == "trial"]
    return run


def ran_smaller(place: Place, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == ExitCode.OK, done.stderr
    assert "is adapted to fit: per_device_train_batch_size 16 ->" in done.stdout
    assert "memory guard: 0 of 1 admitted trials ran out of memory" in done.stdout
    (trial,) = trials(place, "adapted")
    assert trial.state.name == "COMPLETE"
    run = trial_run(place, "adapted")
    params = {name: int(run.data.params[name]) for name in ("per_device_train_batch_size", "gradient_accumulation_steps")}
    assert run.data.params["proposed_per_device_train_batch_size"] == "16"
    assert params["per_device_train_batch_size"] < 16
    assert params["per_device_train_batch_size"] * params["gradient_accumulation_steps"] == 16
    assert run.data.tags["adapted"]
    (line,) = (place.folder / "mlruns" / "memory.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["observed_bytes"] == run.data.metrics["peak_bytes"]
    client = MlflowClient(tracking_uri=f"sqlite:///{place.folder}/mlruns/mlflow.db")
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"memory.png", "memory.json", "memory_terms.json"} <= names


def never_started(place: Place, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == ExitCode.NO_RESULT, done.stderr
    (trial,) = trials(place, "pruned")
    assert trial.state.name == "PRUNED"
    assert trial.constraints["memory"] > 0
    assert not (place.folder / "mlruns" / "trials" / "pruned" / "trial-0").exists()
    run = trial_run(place, "pruned")
    assert run.data.tags["reason"].startswith("needs about")
    assert run.data.metrics["estimate_bytes"] > run.data.metrics["budget_bytes"]


def test_an_architecture_without_a_formula_is_traced_and_refused(place: Place, tiny_gpt2: Path) -> None:
    training = {"r": 4, "max_steps": 2, "max_length": 1000, "per_device_train_batch_size": 32, "target_modules": "c_attn"}
    guard = {"device": "cpu", "budget": "1100MiB"}
    done = place.harness("sweep", str(place.write("traced", tiny_gpt2, training=training, guard=guard)))
    assert done.returncode == ExitCode.NO_MEMORY, done.stderr
    assert "by the tracer" in done.stderr
    assert "no formula for this architecture" in done.stdout

"""fsck on real stores: every kind of damage is found as what it is and repaired once; the living are let alone."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from study_to_break import DEAD, OBJECTIVES, STUDY, StudyToBreak

from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending
from harness.study.leases import Leases
from harness.study.store import load_ledger, open_storage
from harness.study.tables import LEASES
from harness.sweep.fsck import FsckAsked, fsck_command
from harness.sweep.fsck_rules import Kind
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths
from harness.tracking.survey import Survey


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making the study takes seconds; every test gets a copy of its folder."""
    folder = tmp_path_factory.mktemp("fsck")
    StudyToBreak(Paths.at(folder)).build()
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> StudyToBreak:
    folder = tmp_path / "mlruns"
    shutil.copytree(made, folder)
    with sqlalchemy.create_engine(f"sqlite:///{folder}/mlflow.db").begin() as connection:
        moved = "UPDATE model_version_tags SET value = replace(value, ?, ?) WHERE key = 'folder'"
        connection.exec_driver_sql(moved, (str(made), str(folder)))
    return StudyToBreak(Paths.at(folder)).reopen()


Look = Callable[..., tuple[ExitCode, dict[str, list[dict[str, str]]]]]


@pytest.fixture
def look(study: StudyToBreak, capsys: pytest.CaptureFixture[str]) -> Look:
    def run(*, repair: bool = False) -> tuple[ExitCode, dict[str, list[dict[str, str]]]]:
        capsys.readouterr()
        code = fsck_command(FsckAsked(STUDY, study.paths, repair, as_json=True))
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_sound_study_is_clean_and_looking_changes_nothing(study: StudyToBreak, look: Look) -> None:
    before = files(study)
    code, report = look()
    assert (code, report["left"]) == (ExitCode.OK, [])
    assert report["looked_at"] == {"trial": 5, "MLflow run": 6, "folder": 5, "lease": 0, "registered version": 1}
    assert look(repair=True)[0] is ExitCode.OK
    assert files(study) == before


def files(study: StudyToBreak) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in study.paths.trials.rglob("*") if path.is_file() and path.name != ".lock"}


def decided(s: StudyToBreak) -> None:
    s.ledger.decide(s.begin(), s.outcome(5, Ending.COMPLETED))


def dead_lease(s: StudyToBreak) -> None:
    number = s.begin()
    s.tracker.pause_run(s.run_of(number))
    assert Leases(open_storage(s.paths.study_url), STUDY, DEAD).take(number)
    with open_storage(s.paths.study_url).engine.begin() as connection:
        connection.execute(sqlalchemy.update(LEASES).values(beat_at=LEASES.c.beat_at - 600.0))


def lease_of_ended(s: StudyToBreak) -> None:
    assert Leases(open_storage(s.paths.study_url), STUDY, DEAD).take(0)
    with open_storage(s.paths.study_url).engine.begin() as connection:
        connection.execute(sqlalchemy.update(LEASES).values(beat_at=LEASES.c.beat_at - 600.0))


def run_purged(s: StudyToBreak) -> None:
    """As `mlflow gc` leaves it, and a store that was restored from an older backup."""
    with sqlalchemy.create_engine(s.paths.tracking_uri).begin() as connection:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE run_uuid = ?", (s.run_of(0),))


def run_of_open_purged(s: StudyToBreak) -> None:
    with sqlalchemy.create_engine(s.paths.tracking_uri).begin() as connection:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE run_uuid = ?", (s.run_of(4),))


def run_deleted(s: StudyToBreak) -> None:
    s.store.client.delete_run(s.run_of(2))


def run_other(s: StudyToBreak) -> None:
    other = s.tracker.start_run("trial 4", params={}, tags={"trial": "4"})
    s.tracker.pause_run(other)
    run_of_open_purged(s)


def ended_left_open(s: StudyToBreak) -> None:
    s.tracker.reopen_run(s.run_of(3))


def broken_off_left_open(s: StudyToBreak) -> None:
    s.begin()


def paused_left_open(s: StudyToBreak) -> None:
    s.tracker.reopen_run(s.run_of(4))


def sweep_left_open(s: StudyToBreak) -> None:
    s.tracker.resume_sweep(s.tracker.sweep_run)


def run_says_otherwise(s: StudyToBreak) -> None:
    s.store.client.set_tag(s.run_of(2), "outcome", "completed")


def run_says_other_figures(s: StudyToBreak) -> None:
    s.store.client.log_metric(s.run_of(1), "pass_rate", 0.99)


def run_lacks_figures(s: StudyToBreak) -> None:
    with sqlalchemy.create_engine(s.paths.tracking_uri).begin() as connection:
        for table in ("metrics", "latest_metrics"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE run_uuid = ?", (s.run_of(1),))


def two_runs(s: StudyToBreak) -> None:
    s.tracker.finish_run(s.tracker.start_run("trial 1", params={}, tags={"trial": "1"}), s.outcome(1, Ending.COMPLETED))


def run_without_trial(s: StudyToBreak) -> None:
    s.tracker.start_run("trial 77", params={}, tags={"trial": "77"})


def folder_without_trial(s: StudyToBreak) -> None:
    s.folder(77).mkdir()
    (s.folder(77) / "log.txt").write_text("what a person may want")


def checkpoints(s: StudyToBreak) -> None:
    (s.folder(0) / "checkpoints" / "checkpoint-3").mkdir(parents=True)


def half_written(s: StudyToBreak) -> None:
    ended = multiprocessing.get_context("spawn").Process(target=int)
    ended.start()
    ended.join()
    (s.folder(0) / f".result.json.{ended.pid}").write_text('{"schema')


DAMAGE = [
    (decided, Kind.DECIDED_NOT_TOLD),
    (dead_lease, Kind.DEAD_LEASE),
    (lease_of_ended, Kind.LEASE_OF_ENDED),
    (run_purged, Kind.RUN_MISSING),
    (run_of_open_purged, Kind.RUN_MISSING),
    (run_deleted, Kind.RUN_DELETED),
    (run_other, Kind.RUN_OTHER),
    (ended_left_open, Kind.RUN_LEFT_OPEN),
    (broken_off_left_open, Kind.RUN_LEFT_OPEN),
    (paused_left_open, Kind.RUN_LEFT_OPEN),
    (sweep_left_open, Kind.RUN_LEFT_OPEN),
    (run_says_otherwise, Kind.RUN_DIFFERS),
    (run_says_other_figures, Kind.RUN_DIFFERS),
    (run_lacks_figures, Kind.RUN_DIFFERS),
    (two_runs, Kind.RUN_TWICE),
    (run_without_trial, Kind.RUN_WITHOUT_TRIAL),
    (folder_without_trial, Kind.FOLDER_WITHOUT_TRIAL),
    (checkpoints, Kind.LEFT_CHECKPOINTS),
    (half_written, Kind.HALF_WRITTEN),
]


@pytest.mark.parametrize(("damage", "kind"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_damage_is_found_as_what_it_is_and_repaired(
    study: StudyToBreak, look: Look, damage: Callable[[StudyToBreak], None], kind: Kind
) -> None:
    damage(study)
    code, report = look()
    assert code is ExitCode.CONFLICT
    assert [found["kind"] for found in report["left"]] == [kind.value]
    assert report["left"][0]["repair"]
    code, repaired = look(repair=True)
    assert (code, repaired["left"]) == (ExitCode.OK, [])
    assert [found["kind"] for found in repaired["repaired"]] == [kind.value]
    code, again = look(repair=True)
    assert (code, again["left"], again["repaired"]) == (ExitCode.OK, [], [])


def test_a_decided_trial_is_told_as_decided(study: StudyToBreak, look: Look) -> None:
    decided(study)
    look(repair=True)
    told = load_ledger(open_storage(study.paths.study_url), STUDY).told()[-1]
    assert (told.number, told.ending, told.values) == (5, Ending.COMPLETED, (5 / 8, 0.5))
    run = study.store.client.get_run(study.run_of(5))
    assert (run.info.status, run.data.tags["outcome"], run.data.metrics["pass_rate"]) == ("FINISHED", "completed", 5 / 8)
    assert not (study.folder(5) / "checkpoints").exists()


def test_a_lost_run_is_made_from_the_study(study: StudyToBreak, look: Look) -> None:
    run_purged(study)
    look(repair=True)
    found = study.tracker.find_run(0)
    assert found is not None
    run = study.store.client.get_run(found)
    assert run.data.params["r"] == "16"
    assert run.data.metrics["mutation_score"] == 0.5
    assert run.data.tags["mlflow.parentRunId"] == study.ledger.noted("sweep_run")


def test_nothing_that_a_person_may_want_is_removed(study: StudyToBreak, look: Look) -> None:
    folder_without_trial(study)
    two_runs(study)
    look(repair=True)
    kept = study.paths.trials / STUDY / "lost+found" / "trial-77" / "log.txt"
    assert kept.read_text() == "what a person may want"
    assert sum(run.deleted for run in Survey(study.store, STUDY).runs()) == 1, "MLflow keeps deleted runs"


def test_everything_at_once_is_repaired_at_once(study: StudyToBreak, look: Look) -> None:
    for damage in (
        decided,
        run_purged,
        run_deleted,
        ended_left_open,
        paused_left_open,
        two_runs,
        folder_without_trial,
        checkpoints,
    ):
        damage(study)
    code, report = look()
    assert (code, len(report["left"])) == (ExitCode.CONFLICT, 8)
    code, report = look(repair=True)
    assert (code, report["left"], len(report["repaired"])) == (ExitCode.OK, [], 8)


def test_a_promotion_whose_origin_is_gone_is_said_and_left(study: StudyToBreak, look: Look) -> None:
    shutil.rmtree(study.paths.adapters / STUDY / f"{STUDY}-trial-1")
    code, report = look(repair=True)
    assert code is ExitCode.CONFLICT
    assert [(found["kind"], found["repair"]) for found in report["left"]] == [("promoted-gone", "")]
    assert f"harness promote {STUDY}" in report["left"][0]["found"]
    study.store.client.delete_model_version(STUDY, "1")
    assert [found["subject"] for found in look()[1]["left"]] == [f"{STUDY} version 1"]


def test_what_somebody_works_on_is_not_judged_and_not_repaired(study: StudyToBreak, look: Look) -> None:
    number = study.begin()
    assert study.leases.take(number)
    code, report = look()
    assert (code, report["left"]) == (ExitCode.OK, [])
    assert "it is swept on" in str(report["swept"])
    ended_left_open(study)
    assert [found["subject"] for found in look()[1]["left"]] == [f"run {study.run_of(3)}"]
    with pytest.raises(HarnessError, match="not repaired while it is swept") as caught:
        look(repair=True)
    assert caught.value.code is ExitCode.CONFLICT
    assert study.store.client.get_run(study.run_of(3)).info.status == "RUNNING"


def test_the_lock_of_a_sweep_on_this_machine_is_respected(study: StudyToBreak, look: Look) -> None:
    study.begin()
    with StudyLock(study.paths.trials / STUDY) as lock:
        assert lock.acquire()
        assert look()[0] is ExitCode.OK
        ended_left_open(study)
        with pytest.raises(HarnessError, match="not repaired while it is swept"):
            look(repair=True)
    assert look(repair=True)[0] is ExitCode.OK


def test_optuna_agrees_that_a_repaired_study_can_go_on(study: StudyToBreak, look: Look) -> None:
    decided(study)
    broken_off_left_open(study)
    look(repair=True)
    trials = optuna.load_study(study_name=STUDY, storage=study.paths.study_url).trials
    assert [trial.state.name for trial in trials[4:]] == ["RUNNING", "COMPLETE", "RUNNING"]
    assert study.ledger.open_trial(6).run_id is not None
    study.end(6, Ending.COMPLETED)
    assert load_ledger(open_storage(study.paths.study_url), STUDY).told()[-1].values == (6 / 8, 0.5)
    assert OBJECTIVES == ("pass_rate", "mutation_score")
    assert look()[0] is ExitCode.OK


def test_an_unknown_study_is_an_error_and_makes_no_folder(study: StudyToBreak) -> None:
    with pytest.raises(HarnessError, match="no study named 'nope'"):
        fsck_command(FsckAsked("nope", study.paths))
    assert not (study.paths.trials / "nope").exists()

"""status, stop, enqueue and budget on a real study that another process may be sweeping."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy
from click.testing import CliRunner
from study_to_break import DEAD, OBJECTIVES, STUDY, settings

from harness.cli import cli
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.leases import Leases
from harness.study.owner import Owner
from harness.study.requests import RequestKind, Requests
from harness.study.sampling import distributions
from harness.study.store import create_ledger, open_storage
from harness.study.tables import LEASES
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths
from harness.sweep.status import Desk, read_status, status_command
from harness.sweep.steering import change_budget, enqueue_settings, stop_trial


@pytest.fixture
def desk(tmp_path: Path, new_study_url: Callable[[], str]) -> Desk:
    """Trials 0 completed, 1 was cut, 2 waits at a rung, 3 is under way, 4 was broken off."""
    url = new_study_url()
    config = settings()
    ledger = create_ledger(open_storage(url), STUDY, config)
    for number in range(5):
        asked = ledger.ask(distributions(config.space), lambda past: {"r": 8 + len(past)})
        assert asked is not None
        ledger.begin_segment(number, 0)
        if number in (0, 1):
            ending = (Ending.COMPLETED, Ending.PRUNED_RUNG)[number]
            outcome = Outcome(ending, "because", {"pass_rate": 0.5, "mutation_score": 0.25} if number == 0 else {})
            ledger.decide(number, outcome)
            ledger.tell(number, outcome, OBJECTIVES)
        if number == 2:
            ledger.reach(RungScore(2, 0, (0.25, 0.5)), {})
    return Desk.at(Paths.at(tmp_path, url), STUDY)


@pytest.fixture
def worker(desk: Desk) -> Leases:
    leases = Leases(desk.storage, STUDY, Owner.here())
    assert leases.take(3)
    leases.beat({3: {"rung": 1, "phase": "train", "step": 4, "total": 9, "used_bytes": 2**31, "eta_s": 90.0}})
    return leases


def test_status_says_who_runs_waits_and_has_ended(desk: Desk, worker: Leases) -> None:
    status = read_status(desk)
    assert [(t.number, t.rung, t.phase, t.step, t.total, t.used_bytes) for t in status.running] == [(3, 1, "train", 4, 9, 2**31)]
    assert status.running[0].holder == f"{Owner.here().host}:{Owner.here().pid}"
    assert (dict(status.waiting), status.broken_off) == ({0: (2,)}, (4,))
    assert dict(status.ended) == {"completed": 1, "pruned:rung": 1}
    assert (status.n_trials, status.left, status.queued, status.rungs) == (20, 15, 0, 2)
    assert [row.label for row in status.rows if row.on_front] == ["trial 0"]
    assert status.swept == f"swept on {Owner.here().host}"
    worker.release(3)
    assert read_status(desk).swept == ""
    assert read_status(desk).broken_off == (3, 4)


def test_the_lock_of_a_sweep_is_seen_without_a_touch_of_it(desk: Desk) -> None:
    other = StudyLock(desk.paths.trials / STUDY)
    assert other.held_by() is None
    assert not (desk.paths.trials / STUDY).exists(), "a look makes no folder"
    with StudyLock(desk.paths.trials / STUDY) as lock:
        assert lock.acquire()
        assert other.held_by() == str(Owner.here().pid)
        assert "on this machine" in read_status(desk).swept
    assert other.held_by() is None


def test_a_dead_holder_is_shown_as_dead(desk: Desk) -> None:
    assert Leases(desk.storage, STUDY, DEAD).take(3)
    with desk.storage.engine.begin() as connection:
        connection.execute(sqlalchemy.update(LEASES).values(beat_at=LEASES.c.beat_at - 600.0))
    status = read_status(desk)
    assert [(trial.number, trial.dead) for trial in status.running] == [(3, True)]
    assert status.running[0].silent_s > 599
    assert status.swept == ""


def test_status_as_json_and_watching_ends_with_the_sweep(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.ledger.note("finished", value=True)
    assert status_command(desk, watch=True, as_json=True) is ExitCode.OK
    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["study"], said["finished"], said["ended"]["completed"]) == ("status", STUDY, True, 1)
    assert [row["label"] for row in said["front"]] == ["trial 0"]
    assert status_command(desk, watch=False, as_json=False) is ExitCode.OK
    assert "5 of 20 trials begun, 2 ended: 1 complete, 1 cut" in capsys.readouterr().out


@pytest.fixture
def server(desk: Desk, worker: Leases) -> Iterator[list[dict[str, object]]]:
    """Somebody who sweeps the study and answers what is asked."""
    served: list[dict[str, object]] = []
    end = threading.Event()

    def serve() -> None:
        requests = Requests(open_storage(desk.paths.study_url), STUDY)
        while not end.wait(0.05):
            for request in requests.pending():
                served.append({"kind": request.kind, **request.payload})
                requests.done(request.id, f"{request.kind.value}: done")

    thread = threading.Thread(target=serve)
    thread.start()
    yield served
    end.set()
    thread.join()


def test_a_sweep_under_way_is_asked_and_its_answer_shown(desk: Desk, server: list[dict[str, object]]) -> None:
    assert stop_trial(desk, 3, wait_s=20.0) == "stop: done"
    assert change_budget(desk, 50, None, wait_s=20.0) == "budget: done"
    assert server == [{"kind": RequestKind.STOP, "trial": 3}, {"kind": RequestKind.BUDGET, "n_trials": 50}]
    assert read_status(desk).requests == ()


def test_what_nobody_answers_stays_asked(desk: Desk, worker: Leases) -> None:
    assert "no answer within" in stop_trial(desk, 3, wait_s=0.2)
    assert [text.split(",")[0] for text in read_status(desk).requests] == ["stop trial 3"]


def test_without_a_sweep_stopping_and_budgets_wait_for_the_next_one(desk: Desk) -> None:
    assert "the next sweep does it" in stop_trial(desk, 2)
    desk.ledger.note("finished", value=True)
    assert change_budget(desk, 30, 60.0).startswith("noted: 30 trials in all, 25 of them left")
    again = Desk.at(desk.paths, STUDY)
    assert again.ledger.noted("budget") == {"n_trials": 30, "timeout_s": 60.0}
    assert again.ledger.noted("finished") is None, "with trials left, the study is open again"
    assert [request.kind for request in Requests(desk.storage, STUDY).pending()] == [RequestKind.STOP, RequestKind.BUDGET]


@pytest.mark.parametrize(("number", "why"), [(0, "it ended as completed: because"), (77, "it has not begun")])
def test_only_open_trials_can_be_stopped(desk: Desk, number: int, why: str) -> None:
    with pytest.raises(HarnessError) as caught:
        stop_trial(desk, number)
    assert caught.value.why == why
    assert caught.value.fix == "trials that can be: 2, 3, 4"


def test_queued_settings_are_asked_for_next(desk: Desk) -> None:
    assert enqueue_settings(desk, ["r=33"]).startswith("queued as number 1: r=33; nobody sweeps")
    asked = desk.ledger.ask(distributions(settings().space), lambda past: {"r": 8})
    assert asked is not None
    assert asked.proposal == {"r": 33}


def test_queued_settings_that_no_trial_is_left_for_say_so(desk: Desk) -> None:
    change_budget(desk, 5, None)
    assert "no trial is left: `harness budget s --trials N` asks for more" in enqueue_settings(desk, ["r=33"])


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        (["q=1"], "q is not searched"),
        (["r=7"], "r=7 cannot be tried"),
        (["r=eight"], "r=eight cannot be tried"),
        (["r=8.5"], "r=8.5 cannot be tried"),
        (["r=nan"], "r=nan cannot be tried"),
        (["r"], "'r' is no setting"),
        (["r=9", "r=10"], "r is given twice"),
        ([], "no settings were given"),
    ],
)
def test_settings_outside_the_space_are_refused_in_words(desk: Desk, texts: list[str], what: str) -> None:
    with pytest.raises(HarnessError) as caught:
        enqueue_settings(desk, texts)
    assert (caught.value.what, caught.value.code) == (what, ExitCode.BAD_INPUT)
    assert desk.ledger.queued() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", STUDY], "5 of 20 trials begun"),
        (["stop", STUDY, "2"], "the next sweep does it"),
        (["enqueue", STUDY, "r=33"], "queued as number 1"),
        (["budget", STUDY, "--trials", "30"], "30 trials in all"),
    ],
)
def test_the_commands_reach_it(desk: Desk, arguments: list[str], said: str) -> None:
    asked = [*arguments, "--storage", desk.paths.study_url, "--folder", str(desk.paths.folder)]
    result = CliRunner().invoke(cli, asked, standalone_mode=False)
    assert (result.exception, result.return_value) == (None, ExitCode.OK)
    assert said in result.output


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="there is no study store"):
        Desk.at(Paths.at(tmp_path / "nowhere"), STUDY)
    assert not (tmp_path / "nowhere").exists()

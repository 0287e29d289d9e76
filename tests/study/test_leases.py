"""Leases on SQLite and on PostgreSQL: one winner, ages by the database's clock, nobody robbed, the dead replaced."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from lease_racing import hold_and_sleep, race
from optuna.storages import RDBStorage

from harness.core.errors import HarnessError
from harness.study.heart import Heart
from harness.study.leases import Leases
from harness.study.owner import Life, Owner
from harness.study.requests import RequestKind, Requests
from harness.study.tables import LEASES, clock, ensure

Opener = Callable[[str], RDBStorage]
SPAWN = multiprocessing.get_context("spawn")
ROUNDS = 60


def elsewhere(name: str) -> Owner:
    """A process on another machine."""
    return Owner(name, "another-boot/pid:[1]", 17, 4)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_of_processes_that_take_at_once_exactly_one_gets_it(opened: Opener, store_url: str) -> None:
    """Half the trials are free; the other half belong to a machine that has been silent for an hour."""
    storage = opened(store_url)
    gone = Leases(storage, "race", elsewhere("gone"))
    assert all(gone.take(number) for number in range(0, ROUNDS, 2))
    silent_for(storage, 3600.0)
    storage.engine.dispose()
    ready, won = SPAWN.Barrier(2), SPAWN.Queue()
    racers = [SPAWN.Process(target=race, args=(store_url, ROUNDS, ready, won)) for _ in range(2)]
    for racer in racers:
        racer.start()
    first, second = won.get(timeout=120), won.get(timeout=120)
    for racer in racers:
        racer.join(timeout=60)
    assert sorted(first[1] + second[1]) == list(range(ROUNDS))
    assert first[1], "one process won every round: nothing was raced"
    assert second[1], "one process won every round: nothing was raced"
    holders = Leases(storage, "race", Owner.here()).holders()
    assert {number for number, lease in holders.items() if lease.owner.pid == first[0]} == set(first[1])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_empty_database_is_opened_by_several_at_once(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """Optuna's tables and ours are made by whoever is first; the others find them."""
    fresh = f"sqlite:///{tmp_path}/new.db" if kind == "sqlite" else request.getfixturevalue("postgres").create("empty")
    commands = [[sys.executable, "-c", _OPEN_AND_TAKE, fresh, str(number)] for number in range(3)]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    errors = [racer.communicate(timeout=120)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], errors


_OPEN_AND_TAKE = """
import sys
from harness.study.leases import Leases
from harness.study.owner import Owner
from harness.study.store import open_storage
assert Leases(open_storage(sys.argv[1]), "s", Owner.here()).take(int(sys.argv[2]))
"""


def test_a_free_trial_is_taken_kept_and_given_back(opened: Opener, store_url: str) -> None:
    storage = opened(store_url)
    mine, other = Leases(storage, "s", Owner.here()), Leases(storage, "s", elsewhere("b"))
    assert mine.holders() == {}
    assert mine.take(3)
    assert mine.take(3), "taking again what one holds keeps it"
    assert not other.take(3)
    assert Leases(storage, "another study", elsewhere("b")).take(3)
    assert mine.beat({3: {"rung": 1, "step": 7}, 9: {"rung": 0}}) == frozenset()
    held = mine.holders()
    assert held.keys() == {3}
    assert (held[3].owner, held[3].status, held[3].dead) == (Owner.here(), {"rung": 1, "step": 7}, False)
    other.release(3)
    assert mine.holders().keys() == {3}, "only the holder gives back"
    mine.release(3)
    mine.release(3)
    assert other.take(3)


def silent_for(storage: RDBStorage, seconds: float) -> None:
    """As if every holder had not been heard of for so long."""
    with storage.engine.begin() as connection:
        connection.execute(sqlalchemy.update(LEASES).values(beat_at=LEASES.c.beat_at - seconds))


def test_who_is_silent_elsewhere_loses_it_after_the_ttl_and_hears_of_it(opened: Opener, store_url: str) -> None:
    storage = opened(store_url)
    silent, prompt = Leases(storage, "s", elsewhere("a")), Leases(storage, "s", elsewhere("b"))
    assert silent.take(1)
    silent_for(storage, 30.0)
    assert not prompt.take(1)
    silent_for(storage, 31.0)
    assert prompt.take(1)
    assert silent.held == {1}
    assert silent.beat({1: {"step": 9}}) == {1}
    assert silent.beat() == frozenset(), "a loss is told once"
    seen = prompt.holders()[1]
    assert (seen.owner, seen.status) == (elsewhere("b"), {}), "the loser's status does not overwrite the winner's"
    assert seen.held_s < 60.0
    assert not silent.take(1)


def test_who_beats_is_not_robbed_however_slow_its_main_thread(opened: Opener, store_url: str) -> None:
    storage = opened(store_url)
    slow = Leases(storage, "s", elsewhere("a"), ttl_s=3.0)
    thief = Leases(opened(store_url), "s", elsewhere("b"), ttl_s=3.0)
    assert slow.take(1)
    with Heart(slow, every_s=0.1) as heart:
        heart.tell(1, {"phase": "train", "step": 3})
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            assert not thief.take(1)
            time.sleep(0.05)
        assert heart.lost() == frozenset()
        assert thief.holders()[1].status == {"phase": "train", "step": 3}
    assert until(lambda: thief.take(1)), "after the last beat it is free within the ttl"


def test_the_heart_tells_what_was_lost(opened: Opener, store_url: str) -> None:
    storage = opened(store_url)
    mine = Leases(storage, "s", Owner.here())
    assert mine.take(1)
    assert mine.take(2)
    with Heart(mine, every_s=0.05) as heart:
        Leases(storage, "s", elsewhere("b")).drop([2])
        told: list[int] = []
        assert until(lambda: bool(told) or told.extend(heart.lost()) is not None or bool(told))
        assert told == [2]
        assert mine.held == {1}


def test_ages_come_from_the_database_not_from_this_machine(
    opened: Opener, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = opened(store_url)
    leases = Leases(storage, "s", elsewhere("a"))
    day = 86_400.0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + day)
    assert leases.take(1)
    monkeypatch.setattr(time, "time", lambda: real() - day)
    assert leases.take(2)
    seen = leases.holders()
    assert all(-1.0 < lease.age_s < 30.0 for lease in seen.values())
    assert leases.dead() == frozenset()
    with storage.engine.begin() as connection:
        now = connection.execute(sqlalchemy.select(clock(connection))).scalar_one()
        connection.execute(sqlalchemy.update(LEASES).where(LEASES.c.number == 1).values(beat_at=clock(connection) - 61.0))
    assert abs(float(now) - real()) < 30.0, "both clocks of this machine count from the same epoch"
    assert leases.dead() == {1}


def test_a_killed_process_of_this_machine_is_replaced_at_once(opened: Opener, store_url: str) -> None:
    """Its lease would live for an hour elsewhere; here it is gone with the process, and no clock decides that."""
    taken = SPAWN.Barrier(2)
    holder = SPAWN.Process(target=hold_and_sleep, args=(store_url, 5, taken))
    holder.start()
    taken.wait(timeout=60)
    heir = Leases(opened(store_url), "s", Owner.here(), ttl_s=3600.0)
    assert not heir.take(5)
    assert heir.dead() == frozenset()
    holder.kill()
    assert until(lambda: heir.take(5)), "a zombie is dead too: nobody has waited for it yet"
    holder.join(timeout=60)
    assert heir.holders()[5].owner == Owner.here()


def test_a_living_process_of_this_machine_keeps_what_it_has_not_beaten_for(opened: Opener, store_url: str) -> None:
    """A suspended laptop, or a clock that was set forward: every age on the machine jumps at once."""
    storage = opened(store_url)
    mine = Leases(storage, "s", Owner.here())
    assert mine.take(1)
    silent_for(storage, 7200.0)
    assert not Leases(storage, "s", elsewhere("b")).take(1)
    assert not mine.holders()[1].dead


def test_owners_are_told_apart() -> None:
    me = Owner.here()
    assert Owner.parse(me.text) == me
    assert me.life() is Life.ALIVE
    assert replace(me, started=me.started + 1).life() is Life.DEAD, "another process with the same id"
    assert replace(me, boot="other").life() is Life.ELSEWHERE
    assert replace(me, host="other").life() is Life.ELSEWHERE
    child = subprocess.Popen(["sleep", "60"])
    started = int(Path(f"/proc/{child.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19])
    his = replace(me, pid=child.pid, started=started)
    assert his.life() is Life.ALIVE
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert his.life() is Life.DEAD, "a zombie"
    child.wait()
    assert his.life() is Life.DEAD


def test_the_heart_outlives_a_locked_database(opened: Opener, new_study_url: Callable[[], str]) -> None:
    url = new_study_url()
    storage = opened(url)
    quick = opened(url)
    quick.engine.dispose()
    quick.engine = sqlalchemy.create_engine(
        url, connect_args={"timeout": 0.05}
    )  # no patience: every try fails while it is locked
    leases = Leases(quick, "s", elsewhere("a"))
    assert leases.take(1)
    with Heart(leases, every_s=0.05) as heart:
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            assert until(lambda: heart.trouble is not None)
            assert "locked" in str(heart.trouble)
            heart.tell(1, {"step": 5})
        assert until(lambda: heart.trouble is None)
        assert until(lambda: leases.holders()[1].status == {"step": 5}), "what was told meanwhile is not lost"
        assert heart.silent_s < 5.0
        assert heart.lost() == frozenset()


def test_optuna_works_beside_a_quick_heart_and_other_writers(opened: Opener, store_url: str) -> None:
    """On SQLite all of them wait for one lock; none may be turned away."""
    storage = opened(store_url)
    study = optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])
    leases, requests, stop = Leases(storage, "s", Owner.here()), Requests(opened(store_url), "s"), threading.Event()
    asked: list[int] = []

    def ask() -> None:
        while not stop.wait(0.01):
            asked.append(requests.ask(RequestKind.BUDGET, {"n_trials": 1}))

    other = threading.Thread(target=ask)
    with Heart(leases, every_s=0.01) as heart:
        other.start()
        try:
            for turn in range(8):
                trial = study.ask({"r": optuna.distributions.IntDistribution(8, 64)})
                assert leases.take(trial.number)
                heart.tell(trial.number, {"step": turn})
                trial.set_user_attr("rung:0", "x" * 500)
                study.tell(trial, (0.5, 1.0))
                leases.release(trial.number)
        finally:
            stop.set()
            other.join()
        assert heart.trouble is None
        assert heart.lost() == frozenset()
    assert len(study.trials) == 8
    assert len(requests.pending()) == len(asked) > 0


def test_other_databases_are_refused_in_words() -> None:
    engine = sqlalchemy.create_mock_engine("mysql+pymysql://", lambda *_: None)
    with pytest.raises(HarnessError, match="mysql"):
        ensure(engine)  # type: ignore[arg-type]

"""A study on a real PostgreSQL: the ledger's ask and tell, two processes at once, and a server that goes away."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy
from optuna.storages import RDBStorage
from postgres_server import Server

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.heart import Heart
from harness.study.leases import Leases
from harness.study.owner import Owner
from harness.study.sampling import ProposalAsk, distributions, propose
from harness.study.store import create_ledger, load_ledger, open_storage, study_names, translated

OBJECTIVES = ("pass_rate", "mutation_score")
Opener = Callable[[str], RDBStorage]


def config() -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "model": {"name": "x"},
            "data": {"source": "human-eval"},
            "space": {"r": {"low": 8, "high": 64, "log": True}, "quantization": {"choices": ["none", "nf4"]}},
            "objectives": [{"name": name} for name in OBJECTIVES],
        }
    )


def test_a_study_lives_in_postgres(opened: Opener, postgres_url: str) -> None:
    settings = config()
    ledger = create_ledger(opened(postgres_url), "s", settings)
    space = distributions(settings.space)
    ask = ProposalAsk(space, ("maximize", "maximize"), settings.study.sampler, seed=1)
    for turn in range(8):
        asked = ledger.ask(space, lambda history: propose(history, ask))
        assert asked is not None
        ledger.begin_segment(asked.number, 0)
        ledger.reach(RungScore(asked.number, 0, (turn / 8, 0.5), ((0.5, None),)), {"pass_rate": turn / 8})
        outcome = Outcome(Ending.COMPLETED, "ok", {"pass_rate": turn / 8, "mutation_score": 0.5})
        if turn % 4 == 3:
            outcome = Outcome(Ending.PRUNED_MEMORY, "too big", memory_constraint=0.5)
        ledger.decide(asked.number, outcome)
        ledger.tell(asked.number, outcome, OBJECTIVES)
    other = load_ledger(opened(postgres_url), "s")
    assert [told.ending for told in other.told()].count(Ending.PRUNED_MEMORY) == 2
    assert other.told()[0].values == (0.0, 0.5)
    assert len(other.scores()) == 8
    assert other.config().identity() == settings.identity()
    assert study_names(opened(postgres_url)) == ["s"]


def test_a_server_that_was_restarted_costs_no_lease(postgres: Server, opened: Opener, postgres_url: str) -> None:
    storage = opened(postgres_url)
    leases = Leases(storage, "s", Owner("far", "away/pid:[1]", 7, 7))
    assert leases.take(1)
    with Heart(leases, every_s=0.05) as heart:
        postgres.stop()
        try:
            end = time.monotonic() + 20
            while heart.trouble is None:
                assert time.monotonic() < end, "a beat reached a server that is down"
                time.sleep(0.02)
        finally:
            postgres.start()
        end = time.monotonic() + 20
        while heart.trouble is not None:
            assert time.monotonic() < end, heart.trouble
            time.sleep(0.02)
        assert heart.lost() == frozenset()
    assert leases.holders().keys() == {1}
    assert leases.take(1)


def test_a_server_that_is_not_there_is_said_without_the_password(postgres: Server) -> None:
    address = postgres.url("nowhere").replace("tester@", "tester:hush@")
    with pytest.raises(HarnessError) as caught:
        open_storage(address)
    assert caught.value.code is ExitCode.STORAGE
    assert "nowhere" in "".join(caught.value.lines())
    assert "hush" not in "".join(caught.value.lines())


def test_a_lost_connection_is_a_storage_error(postgres: Server, opened: Opener, postgres_url: str) -> None:
    """What the sweep sees of it, once the pool's own second try has failed too."""
    storage = opened(postgres_url)
    postgres.stop()
    try:
        with pytest.raises(HarnessError) as caught, translated(postgres_url):
            storage.get_all_studies()
    finally:
        postgres.start()
    assert caught.value.code is ExitCode.STORAGE
    assert storage.get_all_studies() == []
    with storage.engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar_one() == 1

"""Study stores of both kinds: every test that asks for `store_url` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from optuna.storages import RDBStorage
from postgres_server import Server, missing

Opener = Callable[[str], RDBStorage]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _postgres_migrated(postgres: Server) -> str:
    from harness.study.store import open_storage

    storage = open_storage(postgres.create("migrated"))
    storage.engine.dispose()
    return "migrated"


@pytest.fixture
def postgres_url(postgres: Server, _postgres_migrated: str) -> str:
    """An empty study store in PostgreSQL."""
    return postgres.create(f"study-{uuid.uuid4().hex[:8]}", _postgres_migrated)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, new_study_url: Callable[[], str]) -> str:
    """An empty study store of either kind."""
    return new_study_url() if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens stores whose connections are closed after the test."""
    from harness.study.store import open_storage

    made: list[RDBStorage] = []

    def open_one(url: str) -> RDBStorage:
        made.append(open_storage(url))
        return made[-1]

    yield open_one
    for storage in made:
        storage.engine.dispose()

"""The tables that this project adds to a study's database, and that database's clock.

Owns columns, creation and the one expression for time. What the rows mean is `leases`' and `requests`'. Optuna's own tables are
never touched from here.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    cast,
    func,
    inspect,
)
from sqlalchemy.exc import DBAPIError

from harness.core.errors import ExitCode, HarnessError

METADATA = MetaData()
_STUDY = String(512)  # as long as Optuna's own column
_DAY_S = 86_400.0
_EPOCH_JULIAN = 2_440_587.5  # the Julian day at which 1970 begins

LEASES = Table(
    "harness_leases",
    METADATA,
    Column("study", _STUDY, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(512), nullable=False),
    Column("taken_at", Float(53), nullable=False),
    Column("beat_at", Float(53), nullable=False),
    Column("status", Text, nullable=False),
)
"""One row for each trial that somebody works on; seconds since the epoch by the database's clock."""

REQUESTS = Table(
    "harness_requests",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("study", _STUDY, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("done_at", Float(53)),
    Column("answer", Text),
    Index("ix_harness_requests_study_done", "study", "done_at"),
)
"""What another terminal asks of whoever sweeps a study."""


def clock(connection: Connection) -> ColumnElement[float]:
    """The database's clock at the moment the statement runs: seconds since the epoch.

    PostgreSQL's `now()` would be the start of the transaction, i.e. the moment before a lock was waited for.

    Raises:
        HarnessError: STORAGE for a database that leases have not been proved on.
    """
    match connection.dialect.name:
        case "sqlite":
            return (func.julianday("now") - _EPOCH_JULIAN) * _DAY_S
        case "postgresql":
            return cast(func.extract("epoch", func.clock_timestamp()), Float(53))
    raise _unknown(connection.dialect.name)


def ensure(engine: Engine) -> None:
    """Create the tables where they are missing; any number of processes may do so at once.

    Raises:
        HarnessError: STORAGE for another database than SQLite and PostgreSQL.
        sqlalchemy.exc.DBAPIError: they cannot be created.
    """
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise _unknown(engine.dialect.name)
    for attempt in range(3):
        try:
            METADATA.create_all(engine, checkfirst=True)
            return
        except DBAPIError:
            # Another process was faster between the look and the creation: then the next look finds them.
            if attempt == 2:
                raise


def present(engine: Engine) -> bool:
    """Whether the tables are there; a mere reader does not create them."""
    there = set(inspect(engine).get_table_names())
    return set(METADATA.tables) <= there


def _unknown(dialect: str) -> HarnessError:
    return HarnessError(
        f"a study cannot be shared through {dialect}",
        why="who works on which trial is kept with the study, and only SQLite and PostgreSQL are proved for that",
        fix="set study.storage to a postgresql:// or sqlite:/// address",
        code=ExitCode.STORAGE,
    )

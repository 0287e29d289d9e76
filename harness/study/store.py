"""Studies in an Optuna storage: opening, naming, creating, and the errors of a store that does not work."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy.exc
from optuna.storages import BaseStorage, RDBStorage

from harness.config.sections import Objective
from harness.config.sweep_config import SweepConfig
from harness.core.addresses import driver_advice, without_password
from harness.core.errors import ExitCode, HarnessError
from harness.study.ledger import Ledger
from harness.study.sampling import distributions, plain
from harness.study.warm import FILE_SUFFIXES, read_known_good, settings_within, warm_start_proposals

_LOCK_WAIT_S = 60.0
_CONNECT_S = 10
_LIBPQ = ("postgresql://", "postgresql+psycopg://", "postgresql+psycopg2://")


def open_storage(url: str) -> RDBStorage:
    """Open, and create where needed, an Optuna storage. Any number of threads may share it.

    Raises:
        HarnessError: STORAGE when the URL does not work.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with translated(url):
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return _created(url, _engine_settings(url))


def _created(url: str, settings: dict[str, Any]) -> RDBStorage:
    """The storage, its tables made where they are missing.

    Two processes that open an empty database at once: one of them finds the tables, or the row of the version, made between its
    look and its own creation.
    """
    for _ in range(3):
        try:
            return RDBStorage(url, engine_kwargs=dict(settings))
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.ProgrammingError) as error:
            if "exist" not in str(error.orig).lower() and "unique" not in str(error.orig).lower():
                raise
    return RDBStorage(url, engine_kwargs=dict(settings))


def _engine_settings(url: str) -> dict[str, Any]:
    """What SQLAlchemy is told of the database.

    A server's connection is tried before it is used, since it may have been cut while a trial trained; SQLite waits for a
    lock that another process holds.
    """
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": _LOCK_WAIT_S}}
    settings: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith(_LIBPQ):
        settings["connect_args"] = {"connect_timeout": _CONNECT_S, "keepalives_idle": 30, "keepalives_interval": 10}
    return settings


@contextmanager
def translated(url: str, name: str = "study store") -> Iterator[None]:
    """Turn a database's or file system's refusal into a HarnessError.

    Args:
        url: Of the database.
        name: What it is called in the message.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError, ImportError) as error:
        cause = next(iter(str(getattr(error, "orig", None) or error.__cause__ or error).splitlines()), type(error).__name__)
        raise HarnessError(
            f"the {name} {without_password(url)} does not work",
            why=without_password(cause),
            fix=driver_advice(error) or "check disk space, permissions and the address; nothing that was stored is lost",
            code=ExitCode.STORAGE,
        ) from error


def study_names(storage: BaseStorage) -> list[str]:
    """Every study in the store."""
    return sorted(study.study_name for study in storage.get_all_studies())


def load_ledger(storage: BaseStorage, name: str) -> Ledger:
    """Open an existing study.

    Raises:
        HarnessError: BAD_INPUT when there is none of that name.
    """
    try:
        return Ledger(optuna.load_study(study_name=name, storage=storage))
    except KeyError as error:
        names = ", ".join(study_names(storage)) or "none"
        raise HarnessError(f"no study named {name!r}", why=f"studies in this store: {names}", fix="name one of them") from error


def create_ledger(storage: BaseStorage, name: str, config: SweepConfig) -> Ledger:
    """Create a study and queue what is tried first: trial 0, its replicates, the warm start, then `study.enqueue`.

    Repeated after a crash in the middle it does the rest.

    Raises:
        HarnessError: BAD_INPUT when `study.warm_start` cannot be used; nothing is created then.
    """
    first = list(first_proposals(storage, config))
    directions = [objective.direction for objective in config.objectives]
    study = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # names axes in Optuna's own dashboard
        study.set_metric_names([objective.name for objective in config.objectives])
    study.set_user_attr("config", config.without_passwords().to_json())
    study.set_user_attr("identity", config.identity())
    for proposal, replicate in first[len(study.get_trials(deepcopy=False)) :]:
        study.enqueue_trial(proposal, user_attrs={"replicate": replicate})
    return Ledger(study)


def first_proposals(storage: BaseStorage, config: SweepConfig) -> Iterator[tuple[dict[str, Any], int]]:
    """What a study tries before it proposes anything: settings, and which repetition of trial 0 they are."""
    default = {key: plain(value) for key, value in config.default_proposal().items()}
    for replicate in range(1 + config.study.replicates):
        yield default, replicate
    queued = [*_warm_start(storage, config), *config.study.enqueue]
    for partial in queued:
        yield {key: plain(value) for key, value in partial.items()}, 0


def _warm_start(storage: BaseStorage, config: SweepConfig) -> list[dict[str, Any]]:
    """The best settings of an earlier study, or of a file."""
    source, count = config.study.warm_start, config.study.warm_start_trials
    if source is None:
        return []
    space = distributions(config.space)
    if Path(source).suffix in FILE_SUFFIXES:
        return settings_within(read_known_good(Path(source)), space, count)
    earlier = load_ledger(storage, source)
    before, now = earlier.config().objectives, config.objectives
    if before != now:
        raise HarnessError(
            f"study {source!r} cannot be a warm start",
            why=f"its objectives are {_named(before)}, here they are {_named(now)}",
            fix="name a study with the same objectives, or a file of settings",
        )
    return warm_start_proposals(earlier.history(), [objective.direction for objective in now], space, count)


def _named(objectives: Iterable[Objective]) -> str:
    return ", ".join(f"{objective.direction} {objective.name}" for objective in objectives)

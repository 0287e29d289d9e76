"""Studies in an Optuna storage: opening, naming, creating, and the errors of a store that does not work."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy.exc
from optuna.storages import BaseStorage

from harness.config.sweep_config import SweepConfig
from harness.core.addresses import driver_advice, without_password
from harness.core.errors import ExitCode, HarnessError
from harness.study.ledger import Ledger
from harness.study.sampling import plain


def open_storage(url: str) -> BaseStorage:
    """Open, and create where needed, an Optuna storage.

    Raises:
        HarnessError: STORAGE when the URL does not work.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with translated(url):
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        wait = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None  # another process may hold the lock
        return optuna.storages.RDBStorage(url, engine_kwargs=wait)


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
    """Create a study and queue what is tried first: trial 0, its replicates, then `study.enqueue`."""
    study = optuna.create_study(
        study_name=name, storage=storage, directions=[objective.direction for objective in config.objectives]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # names axes in Optuna's own dashboard
        study.set_metric_names([objective.name for objective in config.objectives])
    study.set_user_attr("config", config.without_passwords().to_json())
    study.set_user_attr("identity", config.identity())
    default = {key: plain(value) for key, value in config.default_proposal().items()}
    for replicate in range(1 + config.study.replicates):
        study.enqueue_trial(default, user_attrs={"replicate": replicate})
    for partial in config.study.enqueue:
        study.enqueue_trial({key: plain(value) for key, value in partial.items()})
    return Ledger(study)

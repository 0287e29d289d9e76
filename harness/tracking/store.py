"""The MLflow store of a sweep: opening it, and the one experiment that the runs go to.

Owns the connection. What is written through it belongs to `tracker` and `registry`. No global MLflow state is set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _initialize_tables
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from harness.core.addresses import driver_advice, without_password
from harness.core.errors import ExitCode, HarnessError

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # else the UI opens its view for chat traces
_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")


@dataclass(frozen=True, slots=True)
class Store:
    """An open MLflow store.

    Attributes:
        client: Bound to `tracking_uri`; safe to use from several threads.
        tracking_uri: A database URI such as ``sqlite:///mlruns/mlflow.db``, or the address of a server.
        experiment_id: MLflow's id of the experiment.
    """

    client: MlflowClient
    tracking_uri: str
    experiment_id: str

    @classmethod
    def open(cls, tracking_uri: str, artifacts: Path | str, experiment: str, *, registry_uri: str | None = None) -> Store:
        """Connect, making the database (2-10 s the first time) and the experiment where they are missing.

        Args:
            tracking_uri: Database URI or server address.
            artifacts: Folder, or URI, that a new experiment keeps its artifacts in. An existing one keeps its own.
            experiment: Name of the experiment.
            registry_uri: Of the model registry; None is the same store.

        Raises:
            HarnessError: the file store was asked for, or the store cannot be reached or written.
        """
        _check_scheme(tracking_uri)
        for noisy in ("mlflow.store.db.utils", "alembic"):  # some 70 INFO lines for a new database
            logging.getLogger(noisy).setLevel(logging.WARNING)
        try:
            _prepare_file(tracking_uri)
            client = MlflowClient(tracking_uri=tracking_uri, registry_uri=registry_uri)
            return cls(client, tracking_uri, _experiment_id(client, experiment, _as_uri(artifacts)))
        except (MlflowException, SQLAlchemyError, OSError, ImportError, ValueError) as error:
            raise _unreachable(tracking_uri, error) from error

    @classmethod
    def existing(cls, tracking_uri: str) -> Store:
        """Connect to what is there, to read it or to move an alias; nothing is made, and there is no experiment to write to.

        Raises:
            HarnessError: NO_RESULT where there is no store, or as `open`.
        """
        _check_scheme(tracking_uri)
        file = Path(tracking_uri.removeprefix("sqlite:///"))
        if tracking_uri.startswith("sqlite:///") and not file.exists():
            raise HarnessError(
                f"there is no MLflow store at {file}",
                why="no sweep has run there",
                fix="run `harness sweep FILE` first, or name the place with --folder or --tracking-uri",
                code=ExitCode.NO_RESULT,
            )
        try:
            _prepare_file(tracking_uri)
            return cls(MlflowClient(tracking_uri=tracking_uri), tracking_uri, "")
        except (MlflowException, SQLAlchemyError, OSError, ImportError, ValueError) as error:
            raise _unreachable(tracking_uri, error) from error


@contextmanager
def answering(tracking_uri: str) -> Iterator[None]:
    """Say what is wrong where a store does not answer.

    Raises:
        HarnessError: STORAGE in the place of MLflow's and SQLAlchemy's errors.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise _unreachable(tracking_uri, error) from error


def _check_scheme(uri: str) -> None:
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in _SCHEMES:
        raise HarnessError(
            f"MLflow cannot track to {without_password(uri)!r}",
            why="it is not a database or a server; MLflow gave up the plain-folder store in 3.13",
            fix="use sqlite:///mlruns/mlflow.db, another database URI, or http://HOST:PORT",
        )


def _unreachable(uri: str, error: Exception) -> HarnessError:
    reason = str(error.__cause__ or error).splitlines() or [type(error).__name__]
    return HarnessError(
        f"the MLflow store {without_password(uri)} cannot be used",
        why=without_password(reason[0]),
        fix=driver_advice(error)
        or "check that its folder exists and is writable, that the disk has room, and that the server answers",
        code=ExitCode.STORAGE,
    )


def _prepare_file(uri: str) -> None:
    """Find out at once what MLflow would find out after 100 s of retries."""
    if not uri.startswith("sqlite:///"):
        return
    file = Path(uri.removeprefix("sqlite:///"))
    file.parent.mkdir(parents=True, exist_ok=True)
    for target in (file.parent, file):
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(f"no permission to write {target}")
    if not file.exists():
        _make_whole(file)
    if file.exists() and file.stat().st_size and not _is_sqlite(file):
        raise OSError(f"{file} is not an SQLite database")


def _make_whole(file: Path) -> None:
    """Make MLflow's tables under another name first.

    A process that dies within the seconds that its migrations take would leave a database that MLflow refuses for ever.
    """
    half = file.with_name(f".{file.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{half}")
    try:
        _initialize_tables(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()
    try:
        os.link(half, file)
    except FileExistsError:
        half.unlink()  # another process was faster, and uses it already
    except OSError:
        half.replace(file)  # a file system without links
    else:
        half.unlink()


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(16) == b"SQLite format 3\0"


def _as_uri(artifacts: Path | str) -> str:
    return artifacts if isinstance(artifacts, str) and "://" in artifacts else Path(artifacts).resolve().as_uri()


def _experiment_id(client: MlflowClient, name: str, artifacts: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts, tags=_EXPERIMENT_TAGS))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)

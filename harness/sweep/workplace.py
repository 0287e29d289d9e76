"""Everything a sweep works with, opened once and in the order in which things can go wrong cheaply."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from optuna.storages import RDBStorage

from harness.config.sweep_config import SweepConfig
from harness.console.view import SweepView
from harness.core.errors import ExitCode, HarnessError
from harness.data.prepared.prepare import PreparedData
from harness.guard.supervise import StopSignal
from harness.guard.worker import Worker
from harness.study.ledger import Ledger
from harness.study.store import load_ledger, open_storage
from harness.sweep.materials import Materials, open_materials
from harness.sweep.naming import Place, Wanted, claim_existing, claim_study
from harness.sweep.paths import Paths, remembered_uri
from harness.sweep.trial_process import open_worker
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Workplace:
    """An opened sweep.

    Attributes:
        config: The sweep file.
        paths: Where everything is kept.
        materials: Data, model, device.
        ledger: The Optuna study; this process holds its lock.
        tracker: The MLflow runs.
        store: The MLflow store.
        view: What the person sees.
        stop: Set by Ctrl-C.
        environ: Environment of trial processes.
        resumed: True when the study existed.
        storage: Of the study.
        beside: The process beside the trials: the untuned base and finished adapters are measured in it.
        stack: Closes what was opened for the sweep when it ends.
        start_adapter: Folder of the adapter that training goes on from; None trains a new one.
        tags: What else the sweep's MLflow run is tagged with.
    """

    config: SweepConfig
    paths: Paths
    materials: Materials
    ledger: Ledger
    tracker: Tracker
    store: Store
    view: SweepView
    stop: StopSignal
    environ: Mapping[str, str]
    resumed: bool
    storage: RDBStorage
    beside: Worker
    stack: ExitStack
    start_adapter: Path | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Objective names, in order."""
        return tuple(objective.name for objective in self.config.objectives)


@dataclass(frozen=True, slots=True)
class Session:
    """What comes from the entry point: the screen, the stop signal, the environment, and what closes things at the end."""

    view: SweepView
    stop: StopSignal
    environ: Mapping[str, str]
    stack: ExitStack


@dataclass(frozen=True, slots=True)
class Given:
    """What a step over batches brings along, in place of data that the sweep prepares itself.

    Attributes:
        data: Its splits.
        start_adapter: Folder of the adapter it goes on from, or None.
        tags: Of its MLflow run.
    """

    data: PreparedData
    start_adapter: Path | None
    tags: Mapping[str, str]


def check_platform() -> None:
    """Refuse what cannot work.

    Raises:
        HarnessError: ENVIRONMENT on anything but Linux.
    """
    if not sys.platform.startswith("linux"):
        raise HarnessError(
            "harness runs on Linux (WSL2 included)",
            why=f"this is {sys.platform}: process supervision and the sandbox need Linux kernel features",
            fix="use a Linux machine, or WSL2 on Windows",
            code=ExitCode.ENVIRONMENT,
        )


def open_workplace(config: SweepConfig, stem: str, session: Session, given: Given | None = None) -> Workplace:
    """Open stores, materials and study.

    Args:
        config: The sweep file.
        stem: The file's name without suffix.
        session: Screen, stop signal, environment; closes what is opened here.
        given: Of a step over batches.

    Raises:
        HarnessError: with the code of whatever does not work; nothing is half-written.
    """
    check_platform()
    paths = Paths.of(config)
    _check_writable(paths.folder)
    storage = open_storage(paths.study_url)
    materials = open_materials(config, paths.folder, session.view, session.environ, given.data if given else None)
    session.stack.callback(materials.probe.close)
    store = Store.open(paths.tracking_uri, paths.artifacts, config.tracking.experiment)
    wanted = Wanted(config, materials.data.digest)
    claimed = claim_study(Place(storage, paths.study_url, paths.trials), wanted, stem, session.view.message)
    session.stack.callback(claimed.lock.release)
    made_of = _Made(config, paths, materials, claimed.ledger, store, storage)
    return _workplace(made_of, session, resumed=claimed.resumed, given=given)


def reopen_workplace(
    study: str, paths: Paths, session: Session, given: Given | None = None, tracking_uri: str | None = None
) -> Workplace:
    """Open the sweep of an existing study, with the settings it was created from.

    Args:
        study: The study's name.
        paths: Where it is kept.
        session: Screen, stop signal, environment; closes what is opened here.
        given: Of a step over batches.
        tracking_uri: The MLflow store; None is the one that the study was created with.

    Raises:
        HarnessError: no such study, its MLflow store needs a password, or another process is sweeping it.
    """
    check_platform()
    _check_writable(paths.folder)
    storage = open_storage(paths.study_url)
    config = load_ledger(storage, study).config()
    uri = tracking_uri or remembered_uri(config, study) or paths.tracking_uri
    claimed = claim_existing(Place(storage, paths.study_url, paths.trials), study)
    session.stack.callback(claimed.lock.release)
    materials = open_materials(config, paths.folder, session.view, session.environ, given.data if given else None)
    session.stack.callback(materials.probe.close)
    store = Store.open(uri, paths.artifacts, config.tracking.experiment)
    made_of = _Made(config, paths, materials, claimed.ledger, store, storage)
    return _workplace(made_of, session, resumed=True, given=given)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was opened, in this order."""

    config: SweepConfig
    paths: Paths
    materials: Materials
    ledger: Ledger
    store: Store
    storage: RDBStorage


def _workplace(made_of: _Made, session: Session, *, resumed: bool, given: Given | None) -> Workplace:
    beside = open_worker(session.environ, made_of.materials.probe)
    session.stack.callback(beside.close)
    return Workplace(
        config=made_of.config,
        paths=made_of.paths,
        materials=made_of.materials,
        ledger=made_of.ledger,
        tracker=Tracker(made_of.store, made_of.ledger.name, scratch=made_of.paths.trials / made_of.ledger.name),
        store=made_of.store,
        view=session.view,
        stop=session.stop,
        environ=session.environ,
        resumed=resumed,
        storage=made_of.storage,
        beside=beside,
        stack=session.stack,
        start_adapter=given.start_adapter if given else None,
        tags=given.tags if given else {},
    )


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / f".writable.{os.getpid()}"
        mark.write_text("x", "utf-8")
        mark.unlink()
    except OSError as error:
        raise HarnessError(
            f"{folder} cannot be written to",
            why=error.strerror or str(error),
            fix="free some disk space, change its permissions, or set tracking.folder to another place",
            code=ExitCode.STORAGE,
        ) from error

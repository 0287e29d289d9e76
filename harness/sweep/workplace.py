"""Everything a sweep works with, opened once and in the order in which things can go wrong cheaply."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.console.view import SweepView
from harness.core.errors import ExitCode, HarnessError
from harness.guard.supervise import StopSignal
from harness.study.ledger import Ledger
from harness.study.store import load_ledger, open_storage
from harness.sweep.materials import Materials, open_materials
from harness.sweep.naming import Place, claim_existing, claim_study
from harness.sweep.paths import Paths
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


def open_workplace(config: SweepConfig, stem: str, session: Session) -> Workplace:
    """Open stores, materials and study.

    Args:
        config: The sweep file.
        stem: The file's name without suffix.
        session: Screen, stop signal, environment; closes what is opened here.

    Raises:
        HarnessError: with the code of whatever does not work; nothing is half-written.
    """
    check_platform()
    paths = Paths.of(config)
    _check_writable(paths.folder)
    storage = open_storage(paths.study_url)
    materials = open_materials(config, paths.folder, session.view, session.environ)
    session.stack.callback(materials.probe.close)
    store = Store.open(paths.tracking_uri, paths.artifacts, config.tracking.experiment)
    claimed = claim_study(Place(storage, paths.study_url, paths.trials), config, stem, session.view.message)
    session.stack.callback(claimed.lock.release)
    tracker = Tracker(store, claimed.ledger.name)
    return Workplace(
        config, paths, materials, claimed.ledger, tracker, store, session.view, session.stop, session.environ, claimed.resumed
    )


def reopen_workplace(study: str, paths: Paths, session: Session) -> Workplace:
    """Open the sweep of an existing study, with the settings it was created from.

    Args:
        study: The study's name.
        paths: Where it is kept.
        session: Screen, stop signal, environment; closes what is opened here.

    Raises:
        HarnessError: no such study, or another process is sweeping it.
    """
    check_platform()
    _check_writable(paths.folder)
    storage = open_storage(paths.study_url)
    config = load_ledger(storage, study).config()
    claimed = claim_existing(Place(storage, paths.study_url, paths.trials), study)
    session.stack.callback(claimed.lock.release)
    materials = open_materials(config, paths.folder, session.view, session.environ)
    session.stack.callback(materials.probe.close)
    uri = config.tracking.tracking_uri or paths.tracking_uri
    store = Store.open(uri, paths.artifacts, config.tracking.experiment)
    tracker = Tracker(store, study)
    return Workplace(
        config, paths, materials, claimed.ledger, tracker, store, session.view, session.stop, session.environ, resumed=True
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

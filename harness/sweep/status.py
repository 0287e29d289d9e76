"""`harness status`: a study read from another terminal. Takes no lock, writes nothing.

Owns the reading and the rhythm of ``--watch``. The layout is `harness.console.status_table`'s.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.storages import RDBStorage
from rich.console import Console
from rich.live import Live

from harness.console.status_table import RunningTrial, StudyStatus, render_status, rich_status
from harness.core.errors import ExitCode
from harness.study.leases import Lease, Leases
from harness.study.ledger import Ledger, OpenTrial
from harness.study.owner import Owner
from harness.study.requests import Request, Requests
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths
from harness.sweep.summary import Results

_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A study, as another terminal has it open.

    Attributes:
        paths: Where it is kept.
        storage: Its store.
        ledger: The study.
    """

    paths: Paths
    storage: RDBStorage
    ledger: Ledger

    @classmethod
    def at(cls, paths: Paths, study: str) -> Desk:
        """Open an existing study.

        Raises:
            HarnessError: BAD_INPUT for an unknown one, STORAGE for a store that does not work.
        """
        paths.require_study_store()
        storage = open_storage(paths.study_url)
        with translated(paths.study_url):
            return cls(paths, storage, load_ledger(storage, study))

    def holders(self) -> dict[int, Lease]:
        """Who works on what."""
        return Leases(self.storage, self.ledger.name, Owner.here()).holders()

    def swept(self, holders: Mapping[int, Lease]) -> str:
        """Who sweeps it, in words; empty where nobody does."""
        pid = StudyLock(self.paths.trials / self.ledger.name).held_by()
        hosts = sorted({lease.owner.host for lease in holders.values() if not lease.dead})
        if pid is not None:
            return f"swept by process {pid} on this machine"
        return f"swept on {', '.join(hosts)}" if hosts else ""


def read_status(desk: Desk) -> StudyStatus:
    """Look at the study once."""
    ledger = desk.ledger
    config, opened, holders = ledger.config(), ledger.open_trials(), desk.holders()
    results = Results.read(ledger, config)
    n_trials = budget_of(ledger)
    idle = [trial for trial in opened if trial.asked.number not in holders]
    waiting: dict[int, list[int]] = {}
    for trial in idle:
        if _waits(trial):
            waiting.setdefault(trial.reached, []).append(trial.asked.number)
    running = [_running(trial, holders[trial.asked.number]) for trial in opened if trial.asked.number in holders]
    return StudyStatus(
        study=ledger.name,
        swept=desk.swept(holders),
        finished=bool(ledger.noted("finished")),
        n_trials=n_trials,
        left=ledger.remaining(n_trials),
        queued=ledger.queued(),
        rungs=len(config.halving.schedule()),
        running=tuple(running),
        waiting={rung: tuple(waiting[rung]) for rung in sorted(waiting)},
        broken_off=tuple(trial.asked.number for trial in idle if not _waits(trial)),
        ended=Counter(told.ending.value for told in results.trials),
        requests=tuple(map(said, Requests(desk.storage, ledger.name).pending())),
        rows=results.rows(),
        objectives=results.objectives,
    )


def budget_of(ledger: Ledger) -> int:
    """How many trials are asked for: as changed last, else as the file says."""
    return int((ledger.noted("budget") or {}).get("n_trials") or ledger.config().study.n_trials)


def _waits(trial: OpenTrial) -> bool:
    return bool(trial.scores) and trial.heading is None and trial.decided is None


def said(request: Request) -> str:
    """A request in words."""
    details = ", ".join(f"{name} {value:g}" for name, value in request.payload.items() if value is not None)
    return f"{request.kind.value} {details}, {request.age_s:.0f} s ago"


def _running(trial: OpenTrial, lease: Lease) -> RunningTrial:
    told: Mapping[str, Any] = lease.status
    return RunningTrial(
        trial.asked.number,
        trial.asked.proposal,
        f"{lease.owner.host}:{lease.owner.pid}",
        lease.age_s,
        lease.dead,
        told.get("rung", trial.heading),
        told.get("phase", ""),
        told.get("step") or 0,
        told.get("total") or 0,
        told.get("used_bytes"),
        told.get("eta_s"),
    )


def status_command(desk: Desk, *, watch: bool, as_json: bool) -> ExitCode:
    """Show how a study stands, once or until Ctrl-C.

    Args:
        desk: The study.
        watch: Look again every two seconds, until the sweep has finished; a terminal shows one picture that changes.
        as_json: One JSON object a look.
    """
    with translated(desk.paths.study_url):
        if not watch:
            render_status(read_status(desk), sys.stdout, json_=as_json)
            return ExitCode.OK
        try:
            _watch(desk, as_json=as_json)
        except KeyboardInterrupt:  # the way to end it
            return ExitCode.OK
    return ExitCode.OK


def _watch(desk: Desk, *, as_json: bool) -> None:
    console = Console(highlight=False)
    live = not as_json and console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf")
    status = read_status(desk)
    if not live:
        render_status(status, sys.stdout, json_=as_json)
        while not _over(status):
            time.sleep(_EVERY_S)
            status = read_status(desk)
            render_status(status, sys.stdout, json_=as_json)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as picture:
        picture.update(rich_status(status, console.width), refresh=True)
        while not _over(status):
            time.sleep(_EVERY_S)
            status = read_status(desk)
            picture.update(rich_status(status, console.width), refresh=True)


def _over(status: StudyStatus) -> bool:
    return status.finished and not status.swept

"""`harness fsck`: study, trial folders, MLflow and registry compared, reported, and on request brought into line.

Owns the order: look, refuse to touch what is alive, repair, look again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from harness.console.findings import Report, Shown, render_findings
from harness.core.errors import ExitCode, HarnessError
from harness.study.leases import Leases
from harness.study.owner import Owner
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.fsck_repair import Repairs
from harness.sweep.fsck_rules import Finding, findings
from harness.sweep.fsck_scene import Opened, Scene, read_scene
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths, remembered_uri
from harness.tracking.runs import Runs
from harness.tracking.store import Store
from harness.tracking.survey import Survey
from harness.tracking.tracker import Tracker

_ROUNDS = 3  # a repaired trial may uncover a run that differs; nothing uncovers more than that


@dataclass(frozen=True, slots=True)
class FsckAsked:
    """What is asked for.

    Attributes:
        study: Its name.
        paths: Where it is kept.
        repair: Whether to put right what can be.
        as_json: One JSON object instead of text.
        tracking_uri: MLflow store; None is the one that the study was created with.
    """

    study: str
    paths: Paths
    repair: bool = False
    as_json: bool = False
    tracking_uri: str | None = None


def fsck_command(asked: FsckAsked) -> ExitCode:
    """Compare, report, and repair when asked to.

    Returns:
        OK when everything agrees, or agrees now; CONFLICT when something is left.

    Raises:
        HarnessError: unknown study, a store that does not work; CONFLICT when a repair is asked for while somebody sweeps it.
    """
    asked.paths.require_study_store()
    lock = StudyLock(asked.paths.trials / asked.study)
    with translated(asked.paths.study_url):
        opened, store = _open(asked)
        with lock:
            swept_by = _taken(lock) if asked.repair else lock.held_by()
            report = _report(asked, opened, store, swept_by)
    render_findings(report, sys.stdout, as_json=asked.as_json)
    return ExitCode.CONFLICT if report.left else ExitCode.OK


def _report(asked: FsckAsked, opened: Opened, store: Store, swept_by: str | None) -> Report:
    scene = read_scene(opened, swept_by)
    found = findings(scene)
    if not asked.repair or not found:
        return Report(asked.study, _looked_at(scene), tuple(map(_shown, found)), (), _swept(scene))
    if scene.alive:
        raise HarnessError(
            f"study {asked.study!r} is not repaired while it is swept",
            why=_swept(scene),
            fix="wait for it or stop it with Ctrl-C; without --repair it can be looked at",
            code=ExitCode.CONFLICT,
        )
    repaired: list[Finding] = []
    repairs = Repairs(opened, Tracker(store, asked.study), Runs(store, asked.study))
    for _ in range(_ROUNDS):
        done = repairs.carry_out(found)
        repaired += done
        scene = read_scene(opened, swept_by)
        found = findings(scene)
        if not done or not any(finding.repair for finding in found):
            break
    return Report(asked.study, _looked_at(scene), tuple(map(_shown, found)), tuple(map(_shown, repaired)), "")


def _open(asked: FsckAsked) -> tuple[Opened, Store]:
    paths = asked.paths
    storage = open_storage(paths.study_url)
    ledger = load_ledger(storage, asked.study)
    config = ledger.config()
    uri = asked.tracking_uri or remembered_uri(config, asked.study) or paths.tracking_uri
    store = Store.open(uri, paths.artifacts, config.tracking.experiment)
    leases = Leases(storage, asked.study, Owner.here())
    return Opened(paths, ledger, leases, Survey(store, asked.study)), store


def _looked_at(scene: Scene) -> dict[str, int]:
    runs = sum(not run.deleted for run in scene.runs)
    folders = sum(map(len, scene.folders.values()))
    return {
        "trial": len(scene.numbers),
        "MLflow run": runs,
        "folder": folders,
        "lease": len(scene.leases),
        "registered version": len(scene.versions),
    }


def _swept(scene: Scene) -> str:
    if scene.swept_by is not None:
        return f"process {scene.swept_by} sweeps it on this machine"
    hosts = sorted({lease.owner.host for lease in scene.leases.values() if not lease.dead})
    return f"it is swept on {', '.join(hosts)}" if hosts else ""


def _shown(finding: Finding) -> Shown:
    return Shown(finding.kind.value, finding.subject, finding.found, finding.repair)


def _taken(lock: StudyLock) -> str | None:
    """None when this process holds the lock now, else who does."""
    return None if lock.acquire() else lock.holder()

"""What disagrees between a study, its trial folders, MLflow and the registry. Pure: a scene in, findings out.

The study (Optuna) is right, since every decision is written there first: repairs bring the others into line with it. What
somebody alive works on is in motion and not judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.core.metrics import EXECUTION_METRICS
from harness.core.outcome import Ending
from harness.study.ledger import OpenTrial, Told
from harness.sweep.fsck_scene import LOST_AND_FOUND, Scene
from harness.tracking.survey import PAUSED_STATUS, KnownRun, status_of


class Kind(StrEnum):
    """What can be wrong."""

    DECIDED_NOT_TOLD = "decided-not-told"
    DEAD_LEASE = "dead-lease"
    LEASE_OF_ENDED = "lease-of-ended"
    RUN_MISSING = "run-missing"
    RUN_DELETED = "run-deleted"
    RUN_OTHER = "run-other"
    RUN_LEFT_OPEN = "run-left-open"
    RUN_DIFFERS = "run-differs"
    RUN_TWICE = "run-twice"
    RUN_WITHOUT_TRIAL = "run-without-trial"
    FOLDER_WITHOUT_TRIAL = "folder-without-trial"
    LEFT_CHECKPOINTS = "left-checkpoints"
    HALF_WRITTEN = "half-written"
    PROMOTED_GONE = "promoted-gone"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement.

    Attributes:
        kind: Which.
        subject: What it is about: a trial, a run, a file.
        found: What is there, and what should be.
        repair: What ``--repair`` does; empty where a person has to decide.
        trial: Number of the trial it is about, where there is one.
        run_id: The run, where it is about one.
        path: The file or folder, where it is about one.
    """

    kind: Kind
    subject: str
    found: str
    repair: str = ""
    trial: int | None = None
    run_id: str | None = None
    path: Path | None = None


def findings(scene: Scene) -> tuple[Finding, ...]:
    """Everything that disagrees, in the order in which it is put right."""
    rules = (_decided, _runs_of_trials, _runs_of_nobody, _leases, _folders, _left, _promotion)
    return tuple(finding for rule in rules for finding in rule(scene))


def _decided(scene: Scene) -> Iterator[Finding]:
    for opened in scene.opened:
        number = opened.asked.number
        if opened.decided is not None and number not in scene.living and scene.swept_by is None:
            found = f"it ended as {opened.decided.ending.value}, which is written down, but Optuna was not told"
            yield Finding(Kind.DECIDED_NOT_TOLD, f"trial {number}", found, "closes its run and tells Optuna", number)


def _runs_of_trials(scene: Scene) -> Iterator[Finding]:
    active: dict[int, list[KnownRun]] = {}
    for run in scene.runs:
        if run.trial is not None and not run.deleted:
            active.setdefault(run.trial, []).append(run)
    deleted = {run.run_id for run in scene.runs if run.deleted}
    trials: tuple[Told | OpenTrial, ...] = (*scene.told, *scene.opened)
    for trial in trials:
        number = trial.number if isinstance(trial, Told) else trial.asked.number
        if number in scene.living or (isinstance(trial, OpenTrial) and scene.swept_by is not None):
            continue
        mine = next((run for run in active.get(number, ()) if run.run_id == trial.run_id), None)
        yield from _twice(number, mine, active.get(number, []))
        kept = mine or next(iter(active.get(number, ())), None)
        if kept is None or (mine is None and isinstance(trial, OpenTrial)):
            yield from _missing(trial, number, kept, deleted)
        else:
            yield from _ended_run(trial, kept, scene) if isinstance(trial, Told) else _open_run(trial, kept)


def _twice(number: int, mine: KnownRun | None, runs: list[KnownRun]) -> Iterator[Finding]:
    kept = mine or next(iter(runs), None)
    for run in runs:
        if run is not kept and kept is not None:
            found = f"trial {number} has another one, {kept.run_id}, which the study names or which is newer"
            repair = "puts it among MLflow's deleted runs"
            yield Finding(Kind.RUN_TWICE, f"run {run.run_id}", found, repair, number, run.run_id)


def _missing(trial: Told | OpenTrial, number: int, other: KnownRun | None, deleted: set[str]) -> Iterator[Finding]:
    if trial.run_id is None and isinstance(trial, OpenTrial):
        return  # asked for, nothing more yet: the next sweep makes its run
    subject = f"trial {number}"
    if trial.run_id in deleted and other is None:
        yield Finding(Kind.RUN_DELETED, subject, f"its run {trial.run_id} was deleted", "restores the run", number, trial.run_id)
    elif other is not None:
        found = f"MLflow has no run {trial.run_id}, but {other.run_id} says that it is of this trial"
        yield Finding(Kind.RUN_OTHER, subject, found, "notes that run with the trial", number, other.run_id)
    else:
        found = f"MLflow has no run {trial.run_id}" if trial.run_id else "it has no run in MLflow"
        yield Finding(Kind.RUN_MISSING, subject, found, "makes one from what the study holds", number)


def _ended_run(told: Told, run: KnownRun, scene: Scene) -> Iterator[Finding]:
    subject, wanted = f"run {run.run_id}", status_of(told.ending)
    ending = told.ending.value
    if run.status != wanted or run.outcome != ending:
        open_ = run.status in ("RUNNING", PAUSED_STATUS)
        found = f"trial {told.number} ended as {ending}; the run is {run.status}, outcome {run.outcome or 'none'}"
        kind = Kind.RUN_LEFT_OPEN if open_ else Kind.RUN_DIFFERS
        yield Finding(kind, subject, found, f"makes it {wanted}, outcome {ending}", told.number, run.run_id)
        return
    off = [name for name in scene.objectives if told.values is not None and _differs(name, told, run)]
    if off:
        found = f"it says other figures than trial {told.number}: {', '.join(off)}"
        yield Finding(Kind.RUN_DIFFERS, subject, found, "writes the study's figures", told.number, run.run_id)


def _differs(name: str, told: Told, run: KnownRun) -> bool:
    """A loss streams under its own name with later steps: only its absence is a disagreement."""
    wanted, there = told.metrics.get(name), run.metrics.get(name)
    if wanted is None or not math.isfinite(wanted):
        return False
    if there is None:
        return True
    return name in EXECUTION_METRICS and not math.isclose(wanted, there, rel_tol=1e-9, abs_tol=1e-12)


def _open_run(opened: OpenTrial, run: KnownRun) -> Iterator[Finding]:
    """A paused trial's run is scheduled; of one that was broken off, killed or scheduled."""
    number, subject = opened.asked.number, f"run {run.run_id}"
    if opened.decided is not None:
        return  # ends with its trial
    paused = bool(opened.scores) and opened.heading is None
    if run.status == PAUSED_STATUS or (run.status == "KILLED" and not paused):
        return
    state = "waits at a rung" if paused else "was broken off and is taken up by the next sweep"
    wanted = PAUSED_STATUS if paused else "KILLED"
    kind = Kind.RUN_LEFT_OPEN if run.status == "RUNNING" else Kind.RUN_DIFFERS
    yield Finding(kind, subject, f"trial {number} {state}; the run is {run.status}", f"makes it {wanted}", number, run.run_id)


def _runs_of_nobody(scene: Scene) -> Iterator[Finding]:
    for run in scene.runs:
        if run.deleted or scene.alive:
            continue
        if run.kind == "trial" and run.trial not in scene.numbers:
            found = "it says that it is of trial " + (
                f"{run.trial}, which the study does not have" if run.trial is not None else "?"
            )
            yield Finding(
                Kind.RUN_WITHOUT_TRIAL, f"run {run.run_id}", found, "puts it among MLflow's deleted runs", run_id=run.run_id
            )
        elif run.kind != "trial" and run.status == "RUNNING":
            found = f"{run.name} ({run.kind}) is RUNNING, and nobody sweeps this study"
            yield Finding(Kind.RUN_LEFT_OPEN, f"run {run.run_id}", found, "makes it KILLED", run_id=run.run_id)


def _leases(scene: Scene) -> Iterator[Finding]:
    ended = {told.number for told in scene.told}
    for number, lease in scene.leases.items():
        holder = f"process {lease.owner.pid} on {lease.owner.host}"
        if number in ended and (lease.dead or scene.swept_by is None):
            found = f"trial {number} has ended, and {holder} still holds it"
            yield Finding(Kind.LEASE_OF_ENDED, f"lease of trial {number}", found, "removes the lease", number)
        elif lease.dead:
            found = f"{holder} is dead (last beat {lease.age_s:.0f} s ago)"
            repair = "removes the lease; the next sweep takes the trial up"
            yield Finding(Kind.DEAD_LEASE, f"lease of trial {number}", found, repair, number)


def _folders(scene: Scene) -> Iterator[Finding]:
    ended = {told.number for told in scene.told}
    for number, paths in scene.folders.items():
        if number not in scene.numbers and not scene.alive:
            for path in paths:
                repair = f"moves it to {LOST_AND_FOUND}"
                yield Finding(Kind.FOLDER_WITHOUT_TRIAL, str(path), f"the study has no trial {number}", repair, path=path)
        elif number in ended and number in scene.checkpoints and number not in scene.living:
            found = f"trial {number} has ended and will not be trained any further"
            for path in paths:
                yield Finding(
                    Kind.LEFT_CHECKPOINTS, str(path / "checkpoints"), found, "removes them", number, path=path / "checkpoints"
                )


def _left(scene: Scene) -> Iterator[Finding]:
    if scene.alive:
        return
    for left in scene.left:
        who = f"process {left.pid}" if left.pid is not None else "a process"
        found = f"{who} did not live to finish writing it"
        yield Finding(Kind.HALF_WRITTEN, str(left.path), found, "removes it", path=left.path)


def _promotion(scene: Scene) -> Iterator[Finding]:
    completed = {told.number for told in scene.told if told.ending is Ending.COMPLETED}
    runs = {run.run_id for run in scene.runs if not run.deleted}
    for version in scene.versions:
        gone = [f"trial {version.trial} of the study"] if version.trial not in completed else []
        gone += [f"run {version.run_id}"] if version.run_id not in runs else []
        gone += [f"folder {version.folder}"] if version.champion and version.folder in scene.gone else []
        if gone:
            found = f"it came from what is gone: {', '.join(gone)}; `harness promote {scene.study}` makes a new version"
            yield Finding(Kind.PROMOTED_GONE, f"{version.name} version {version.number}", found)
    if scene.promoted is not None and not scene.registered:
        name, number, trial = (scene.promoted[key] for key in ("name", "version", "trial"))
        found = f"the study notes it as promoted; `harness promote {scene.study} --trial {trial}` registers it again"
        yield Finding(Kind.PROMOTED_GONE, f"{name} version {number}", found)

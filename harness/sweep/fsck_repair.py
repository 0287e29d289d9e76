"""Putting right what `fsck_rules` found: the study is right, the others follow. Every step may be repeated.

Owns the writing. It is the caller's to make sure that nobody sweeps the study meanwhile.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.metrics import EXECUTION_METRICS
from harness.core.outcome import Ending, Outcome
from harness.study.ledger import OpenTrial, Told
from harness.study.trial_record import RUN_ID
from harness.sweep.fsck_rules import Finding, Kind
from harness.sweep.fsck_scene import LOST_AND_FOUND, Opened
from harness.sweep.segments import label_of
from harness.tracking.runs import Runs
from harness.tracking.survey import PAUSED_STATUS
from harness.tracking.tracker import KIND_TRIAL, Tracker

_CUT_OFF = Outcome(Ending.INTERRUPTED, "the process was killed, or the machine stopped")


@dataclass(frozen=True, slots=True)
class Repairs:
    """What repairs are written through.

    Attributes:
        opened: The study and what is compared with it.
        tracker: Of the study.
        runs: Of the study.
    """

    opened: Opened
    tracker: Tracker
    runs: Runs

    def carry_out(self, found: Sequence[Finding]) -> list[Finding]:
        """Put right what can be; returns what was."""
        repaired = []
        for finding in found:
            if finding.repair:
                self._one(finding)
                repaired.append(finding)
        return repaired

    def _one(self, finding: Finding) -> None:
        match finding.kind:
            case Kind.DECIDED_NOT_TOLD:
                self._tell(_number(finding))
            case Kind.DEAD_LEASE | Kind.LEASE_OF_ENDED:
                self.opened.leases.drop([_number(finding)])
            case Kind.RUN_LEFT_OPEN | Kind.RUN_DIFFERS:
                self._close(finding)
            case Kind.RUN_MISSING:
                self._make(_number(finding))
            case Kind.RUN_OTHER:
                self._note(_number(finding), str(finding.run_id))
            case Kind.RUN_DELETED:
                self.opened.survey.restore(str(finding.run_id))
            case Kind.RUN_TWICE | Kind.RUN_WITHOUT_TRIAL:
                self.opened.survey.delete(str(finding.run_id))
            case Kind.FOLDER_WITHOUT_TRIAL:
                _set_aside(Path(str(finding.path)))
            case Kind.LEFT_CHECKPOINTS | Kind.HALF_WRITTEN:
                _remove(Path(str(finding.path)))

    def _tell(self, number: int) -> None:
        ledger = self.opened.ledger
        trial = ledger.open_trial(number)
        if trial.decided is None:
            return
        if trial.run_id is not None and any(run.run_id == trial.run_id for run in self.opened.survey.runs()):
            self.tracker.finish_run(trial.run_id, trial.decided)
        ledger.tell(number, trial.decided, [objective.name for objective in ledger.config().objectives])
        self.opened.paths.trial_dir(ledger.name, label_of(number)).remove_checkpoints()
        self.opened.leases.drop([number])

    def _close(self, finding: Finding) -> None:
        """Give a run the end that its trial has; one of a trial that has none, or of no trial, is paused or killed."""
        run_id, trial = str(finding.run_id), self._trial(finding.trial)
        if isinstance(trial, Told):
            self.tracker.finish_run(run_id, Outcome(trial.ending, trial.reason, trial.metrics))
            if trial.values is not None:
                self.opened.survey.correct(run_id, self._figures(trial))
        elif trial is not None and trial.scores and trial.heading is None:
            self.runs.set_status(run_id, PAUSED_STATUS)
        else:
            self.tracker.finish_run(run_id, _CUT_OFF)

    def _figures(self, told: Told) -> dict[str, float]:
        """Objectives that are measured by running tests: the others stream under their own names."""
        names = {objective.name for objective in self.opened.ledger.config().objectives} & set(EXECUTION_METRICS)
        return {name: told.metrics[name] for name in names if math.isfinite(told.metrics.get(name, math.nan))}

    def _make(self, number: int) -> None:
        """A run from what the study holds: settings, figures, ending; what was streamed is lost."""
        trial = self._trial(number)
        if trial is None:
            return
        proposal: dict[str, Any] = dict(trial.proposal if isinstance(trial, Told) else trial.asked.proposal)
        parent = self.opened.ledger.noted("sweep_run")
        tags = {"kind": KIND_TRIAL, "trial": str(number), "restored": "by fsck, from the study"}
        run_id = self.runs.create(label_of(number), {**tags, **({"mlflow.parentRunId": parent} if parent else {})})
        self.runs.log_params(run_id, self.opened.ledger.config().base_params().merged(proposal).to_dict())
        if isinstance(trial, Told):
            self.tracker.finish_run(run_id, Outcome(trial.ending, trial.reason, trial.metrics))
        else:
            self.opened.ledger.attach(number, RUN_ID, run_id)
            self.runs.set_status(run_id, PAUSED_STATUS)

    def _note(self, number: int, run_id: str) -> None:
        if isinstance(self._trial(number), OpenTrial):
            self.opened.ledger.attach(number, RUN_ID, run_id)

    def _trial(self, number: int | None) -> Told | OpenTrial | None:
        ledger = self.opened.ledger
        both: tuple[Told | OpenTrial, ...] = (*ledger.told(), *ledger.open_trials())
        return next((trial for trial in both if number == _number_of(trial)), None)


def _number_of(trial: Told | OpenTrial) -> int:
    return trial.number if isinstance(trial, Told) else trial.asked.number


def _number(finding: Finding) -> int:
    if finding.trial is None:
        raise ValueError(f"{finding.kind} names no trial")
    return finding.trial


def _set_aside(path: Path) -> None:
    """Into lost+found beside it; nothing that a person may want is removed."""
    place = path.parent / LOST_AND_FOUND
    place.mkdir(exist_ok=True)
    target, count = place / path.name, 1
    while target.exists():
        count += 1
        target = place / f"{path.name}-{count}"
    path.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

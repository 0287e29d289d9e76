"""Whether, and in which form, a proposal starts: estimate, what earlier peaks taught, budget, ladder.

Owns the composition. The rules are `harness.core`'s; the peaks are kept by `harness.guard.observations`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.config.sections import Guard
from harness.core.admission import Adapt, Admit, Budget, Reject, admit
from harness.core.calibration import Correction, Observation, group_of, learn
from harness.core.ladder import adapt
from harness.core.memory import MemoryEstimate
from harness.core.outcome import Ending
from harness.core.params import TrialParams
from harness.core.reliability import Decision, Reliability, reliability
from harness.core.workload import LossPath, Workload
from harness.guard.observations import ObservationStore
from harness.study.ledger import Told
from harness.sweep.predict import Predictor


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal's way through the gate.

    Attributes:
        workload: What starts, or would have: the settings after adaptation.
        estimate: Its peak as predicted, before correction; None where nothing can be predicted.
        corrected: The same after what earlier peaks taught.
        correction: What they taught; None without an estimate.
        verdict: None where nothing can be predicted: such a trial is watched only.
    """

    workload: Workload
    estimate: MemoryEstimate | None = None
    corrected: MemoryEstimate | None = None
    correction: Correction | None = None
    verdict: Admit | Adapt | Reject | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """What was changed to make it fit, in words."""
        return tuple(map(str, self.verdict.steps)) if isinstance(self.verdict, Adapt) else ()

    def to_dict(self, budget: Budget) -> dict[str, Any]:
        """JSON-ready record, kept with the trial in the study."""
        return {
            "admitted": not isinstance(self.verdict, Reject),
            "estimate_bytes": self.estimate.total_bytes if self.estimate else None,
            "predicted_bytes": self.corrected.total_bytes if self.corrected else None,
            "budget_bytes": budget.bytes,
            "group": group_of(self.workload.params),
            "steps": list(self.steps),
            "effective": {
                "params": self.workload.params.to_dict(),
                "loss_path": self.workload.loss_path.value,
                "offloaded_layers": self.workload.offloaded_layers,
            },
        }


class Gate:
    """Admission of one sweep.

    Args:
        predictor: Estimates.
        budget: The most one trial may take.
        settings: `guard` of the sweep file.
        memory: Where observed peaks are kept.
        subject: Device and model, as observations name them.
    """

    def __init__(
        self, predictor: Predictor, budget: Budget, settings: Guard, memory: ObservationStore, subject: tuple[str, str]
    ) -> None:
        self._predictor = predictor
        self.budget = budget
        self._settings = settings
        self._memory = memory
        self._device, self._model = subject
        self._seen: tuple[Observation, ...] = memory.read()

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Peaks of this device and model, from this sweep and from earlier ones."""
        return tuple(o for o in self._seen if (o.device, o.model) == (self._device, self._model))

    def judge(self, params: TrialParams) -> Judged:
        """Decide about a proposal; with ``on_risk: adapt`` what does not fit is made to fit, if it can be."""
        workload = self._predictor.workload(params)
        verdict: Admit | Adapt | Reject | None = self._verdict(workload)
        if isinstance(verdict, Reject) and self._settings.on_risk == "adapt":
            kind, layers = self._predictor.device.kind, self._predictor.num_layers
            verdict = adapt(workload, self._certain_verdict, kind, layers)
            workload = verdict.workload if isinstance(verdict, Adapt) else workload
        return self._judged(workload, verdict)

    def restore(self, kept: Mapping[str, Any]) -> Judged:
        """A trial that was admitted before, as it was then: what has been learned since does not change its settings.

        Args:
            kept: `Judged.to_dict` of its admission.
        """
        effective = kept["effective"]
        workload = replace(
            self._predictor.workload(TrialParams.from_dict(effective["params"])),
            loss_path=LossPath(effective["loss_path"]),
            offloaded_layers=effective["offloaded_layers"],
        )
        return self._judged(workload, None)

    def observe(self, judged: Judged, observed_bytes: int, *, censored: bool) -> None:
        """Learn from a trial that ran.

        Args:
            judged: Its way through the gate; nothing is learned where nothing was predicted.
            observed_bytes: Its peak.
            censored: True when it was ended for memory: it needed at least so much.
        """
        if judged.estimate is None:
            return
        group = group_of(judged.workload.params)
        seen = Observation(self._device, self._model, group, judged.estimate.total_bytes, observed_bytes, censored)
        self._memory.append(seen)
        self._seen = (*self._seen, seen)

    def reliability(self, trials: Sequence[Told]) -> Reliability:
        """How well the guard has decided about the trials of a study; those without an estimate are left out."""
        decided = [self._decision(told) for told in trials if told.admission and told.admission["estimate_bytes"]]
        return reliability(decided, self.observations)

    def _decision(self, told: Told) -> Decision:
        kept = dict(told.admission or {})
        admitted = kept["admitted"]
        return Decision(
            admitted,
            kept["predicted_bytes"],
            kept["estimate_bytes"],
            kept["budget_bytes"],
            admitted and told.ending is Ending.PRUNED_MEMORY,
            self._device,
            self._model,
            kept["group"],
        )

    def _verdict(self, workload: Workload) -> Admit | Reject | None:
        corrected = self._judged(workload, None).corrected
        return None if corrected is None else admit(corrected, self.budget)

    def _certain_verdict(self, workload: Workload) -> Admit | Reject:
        """For the ladder: a rung that cannot be predicted any more is none."""
        verdict = self._verdict(workload)
        return Reject("its memory cannot be predicted", math.inf) if verdict is None else verdict

    def _judged(self, workload: Workload, verdict: Admit | Adapt | Reject | None) -> Judged:
        estimate = self._predictor.estimate(workload)
        if estimate is None:
            return Judged(workload)
        correction = learn(self._seen, self._device, self._model, group_of(workload.params), self._settings.coverage)
        return Judged(workload, estimate, correction.applied(estimate), correction, verdict)

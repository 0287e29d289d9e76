"""The sweeps of benchmarks/memory_gpu.py: admission under an artificial budget, real trainings, and learning. No torch."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol

from memory_gpu_cases import GIB, Case, draws
from memory_gpu_runs import Run, Workshop

from harness.core.admission import Admit, Budget, admit
from harness.core.calibration import Observation, group_of, learn
from harness.core.memory import DeviceProfile, MemoryEstimate, estimate_peak
from harness.core.model_shape import ModelShape
from harness.guard.probe import MemoryProbe

PROPOSALS = 300


class Bench(Protocol):
    """What a sweep needs of the benchmark."""

    @property
    def probe(self) -> MemoryProbe: ...  # noqa: D102
    @property
    def profile(self) -> DeviceProfile: ...  # noqa: D102
    @property
    def workshop(self) -> Workshop: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """One artificial card.

    Attributes:
        budget_bytes: Its size.
        model: What is trained on it.
        launches: Trainings, at most.
        device: ``cuda`` or ``cpu``.
        until: No launch after this point of `time.monotonic`.
    """

    budget_bytes: int
    model: str
    launches: int
    device: str
    until: float


class Gate:
    """Estimate, what was learned, budget: as in a sweep.

    Args:
        shape: The model.
        profile: The device.
        plan: The budget.
        seen: Peaks so far; what is observed here is added.
        device_name: As observations name it.
    """

    def __init__(
        self, shape: ModelShape, profile: DeviceProfile, plan: SweepPlan, seen: list[Observation], device_name: str
    ) -> None:
        self._shape, self._profile, self._plan, self._seen, self._name = shape, profile, plan, seen, device_name
        self._budget = Budget(plan.budget_bytes, plan.budget_bytes, "artificial")

    def estimate(self, case: Case) -> MemoryEstimate:
        """By the formula alone."""
        return estimate_peak(self._shape, case.workload, self._profile)

    def corrected(self, case: Case) -> MemoryEstimate:
        """With what was learned."""
        correction = learn(self._seen, self._name, case.model, group_of(case.params))
        return correction.applied(self.estimate(case))

    def admits(self, case: Case) -> bool:
        """Whether it may start."""
        return isinstance(admit(self.corrected(case), self._budget), Admit)

    def observe(self, run: Run, *, censored: bool) -> None:
        """Learn from a training."""
        observed = max(run.observed_bytes, self._plan.budget_bytes) if censored else run.observed_bytes
        predicted = self.estimate(run.case).total_bytes
        self._seen.append(Observation(self._name, run.case.model, group_of(run.case.params), predicted, observed, censored))


def run_sweep(plan: SweepPlan, shape: ModelShape, bench: Bench, seen: list[Observation]) -> tuple[dict[str, Any], list[Run]]:
    """Figures of one budget, and what was launched.

    Launches are the largest admitted and a random admitted proposal, in turn; each is judged anew after what the one
    before it taught.
    """
    gate = Gate(shape, bench.profile, plan, seen, bench.probe.device_name)
    proposals = draws(plan.device, plan.model, PROPOSALS, plan.budget_bytes)
    first = sum(map(gate.admits, proposals))
    source, runs, exceeded = random.Random(plan.budget_bytes), list[Run](), 0
    cap = _cap(plan, bench)
    while len(runs) < plan.launches and time.monotonic() < plan.until:
        admitted = [case for case in proposals if gate.admits(case)]
        if not admitted:
            break
        largest = max(admitted, key=lambda case: gate.corrected(case).total_bytes)
        case = largest if len(runs) % 2 == 0 else source.choice(admitted)
        proposals.remove(case)
        run = bench.workshop.train(case, cap)
        censored = run.status == "out_of_memory" or (run.status == "ok" and run.observed_bytes > plan.budget_bytes)
        exceeded += censored
        if run.status == "ok" or censored:
            gate.observe(run, censored=censored)
        runs.append(replace(run, status="out_of_memory", reason="peak above the budget") if censored else run)
    return _figures(plan, first, runs, exceeded), runs


def _cap(plan: SweepPlan, bench: Bench) -> float | None:
    """The share of the real card that torch may reserve so that, with the context, it is the artificial one."""
    if plan.device == "cpu":
        return None
    total = bench.probe.sample().total_bytes
    return min(1.0, (plan.budget_bytes - bench.profile.context_bytes) / total)


def _figures(plan: SweepPlan, admitted: int, runs: list[Run], exceeded: int) -> dict[str, Any]:
    peaks = [run.observed_bytes for run in runs if run.status == "ok"]
    return {
        "budget_gib": plan.budget_bytes / GIB,
        "model": plan.model,
        "proposals": PROPOSALS,
        "admitted_at_first": admitted,
        "launched": len(runs),
        "out_of_memory": exceeded,
        "failed": sum(run.status == "failed" for run in runs),
        "largest_peak_share": round(max(peaks, default=0) / plan.budget_bytes, 4),
    }

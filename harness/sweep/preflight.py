"""Before the first trial: whether anything of the space fits into memory, and what the person is shown first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from harness.config.fields import Choices, FloatRange, IntRange
from harness.config.space import extremes
from harness.config.sweep_config import SweepConfig
from harness.console.view import SweepHeader
from harness.core.addresses import without_password
from harness.core.admission import Reject
from harness.core.errors import ExitCode, HarnessError
from harness.core.pareto import Objective
from harness.study.sampling import plain
from harness.sweep.gate import Gate
from harness.sweep.workplace import Workplace

_MEMORY_AXES = ("r", "quantization", "per_device_train_batch_size", "max_length", "gradient_checkpointing", "target_modules")
_UNORDERED = ("quantization", "gradient_checkpointing", "target_modules")


def check_smallest_fits(work: Workplace) -> None:
    """Refuse a sweep in which every trial would be refused.

    Raises:
        HarnessError: NO_MEMORY.
    """
    smallest = smallest_refusal(work.config, work.materials.gate, work.materials.predictor.source)
    if smallest is None:
        return
    raise HarnessError(
        "not even the smallest configuration of the space fits into memory",
        why=smallest.reason,
        fix="free memory, raise guard.budget, add nf4 to space.quantization, or lower max_length, batch size or r",
        code=ExitCode.NO_MEMORY,
    )


def smallest_refusal(config: SweepConfig, gate: Gate, source: str) -> Reject | None:
    """Why not even the smallest configuration of a space fits; None where one does.

    Args:
        config: The sweep file.
        gate: Decides which settings start.
        source: Where its estimates come from, as `Predictor.source`.
    """
    base, refusals = config.base_params(), []
    for corner in _corners(config, source):
        verdict = gate.judge(base.merged(corner)).verdict
        if not isinstance(verdict, Reject):
            return None
        refusals.append(verdict)
    return min(refusals, key=lambda refusal: refusal.constraint)


def _corners(config: SweepConfig, source: str) -> list[dict[str, Any]]:
    """Settings among which the smallest peak must be; few, where asking for a peak takes seconds."""
    searched = {name: axis for name, axis in config.space.axes().items() if name in _MEMORY_AXES}
    ends = {name: [plain(value) for value in extremes(axis)] for name, axis in searched.items()}
    if source == "tracer":
        ends = {name: values if name in _UNORDERED else [min(values)] for name, values in ends.items()}
    return [dict(zip(ends, corner, strict=True)) for corner in product(*ends.values())]


def header(work: Workplace) -> SweepHeader:
    """What the screen shows first."""
    return SweepHeader(
        study=work.ledger.name,
        model=work.materials.model.public_id,
        data=work.materials.data.counts,
        space={name: _in_words(axis) for name, axis in work.config.space.axes().items()},
        objectives=tuple(Objective(o.name, o.direction) for o in work.config.objectives),
        budget_bytes=work.materials.budget.bytes,
        device=f"{work.materials.probe.device_name} ({work.materials.probe.kind})",
        n_trials=work.config.study.n_trials,
        storage={
            "study": without_password(work.paths.study_url),
            "mlflow": without_password(work.paths.tracking_uri),
            "trials": str(work.paths.trials),
        },
        rungs=_rungs(work),
        workers=len(work.config.workers.devices or ("",)) if work.config.workers.count == "auto" else work.config.workers.count,
        simulated="simulated" in work.tags,
        ended=len(work.ledger.told()),
    )


def _rungs(work: Workplace) -> tuple[str, ...]:
    """What a trial gets at each rung below the full one, in words."""
    rungs, count = work.config.halving.schedule(), work.materials.data.counts["validation"]
    found = []
    for index, rung in enumerate(rungs.lower):
        judged_by = "validation loss alone" if rung.by_loss else f"{rungs.functions(index, count)} functions"
        found.append(f"{rung.training:.0%} of training, {judged_by}".replace("%", " %"))
    return tuple(found)


def _in_words(axis: IntRange | FloatRange | Choices[Any]) -> str:
    if isinstance(axis, Choices):
        values: Sequence[Any] = [plain(choice) for choice in axis.choices]
        return ", ".join(map(str, values))
    return f"{axis.low:g}-{axis.high:g}{' log' if axis.log else ''}{f' step {axis.step:g}' if axis.step not in (None, 1) else ''}"

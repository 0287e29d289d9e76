"""How a trial that would not fit is made smaller without changing what it learns from: the effective batch stays. Pure.

Owns the rungs, their order and which of them are kept. Whether a workload fits is the caller's judge, made of
`harness.core.memory`, `harness.core.calibration` and `harness.core.admission`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from harness.core.admission import Adapt, Admit, Reject, Step
from harness.core.params import PARAM_NAMES, Quantization
from harness.core.workload import LossPath, Workload

__all__ = ["PAGED_OPTIMIZER", "Judge", "Step", "adapt", "differences"]

Judge = Callable[[Workload], Admit | Reject]
_Rung = Callable[[Workload], Sequence[Workload]]

PAGED_OPTIMIZER = "paged_adamw_8bit"
"""The optimizer rung: 8-bit Adam state in memory that the driver moves to the host when the card is full."""
_ADAM = frozenset(
    {
        "adamw_torch",
        "adamw_torch_fused",
        "adamw_torch_8bit",
        "adamw_apex_fused",
        "adamw_anyprecision",
        "adamw_8bit",
        "adamw_bnb_8bit",
        "paged_adamw",
        "paged_adamw_32bit",
    }
)


def adapt(workload: Workload, judge: Judge, device_kind: str, num_layers: int) -> Adapt | Reject:
    """The workload that fits with the fewest changes this order finds, or why none does.

    The order, from what costs least: smaller micro-batches with more accumulation, gradient checkpointing, the
    memory-saving loss path, the paged 8-bit optimizer, frozen layers in host memory. Each rung is climbed only if all
    before it did not suffice, and one that would raise the peak is left out. Of the last one the lowest level
    that fits is taken (binary search); then, from the dearest back to the cheapest, each rung before it is lowered as
    far as the workload still fits, so that no step remains which the others make unnecessary.

    Args:
        workload: As proposed.
        judge: Whether a workload fits; expected not to refuse less where more is saved.
        device_kind: ``cuda`` or ``host``.
        num_layers: Decoder layers of the model.

    Returns:
        Adapt, without steps where it fits as it is; Reject with the reason of the smallest workload and what was tried.
    """
    decision = _adapted(workload, workload, judge)
    if isinstance(decision, Adapt):
        return decision
    reached, refused = workload, decision
    climbed: list[_Rung] = []
    for rung in _rungs(device_kind, num_layers):
        levels = rung(reached)
        if len(levels) == 1:
            continue
        top = judge(levels[-1])
        if isinstance(top, Admit):
            return _adapted(workload, _relaxed(workload, [*climbed, rung], judge), judge)
        # One that changes nothing by itself stays: another phase may hold the peak until a later rung lowers that one.
        if top.constraint <= refused.constraint:
            reached, refused = levels[-1], top
            climbed.append(rung)
    if not climbed:
        return refused
    tried = ", ".join(str(step) for step in differences(workload, reached))
    return Reject(f"{refused.reason}; smallest tried: {tried}", refused.constraint)


def differences(was: Workload, now: Workload) -> tuple[Step, ...]:
    """What one workload has otherwise than another, in the order of the fields, parameters first."""
    names = [name for name in (field.name for field in fields(Workload)) if name not in ("params", "writing")]
    pairs = [(name, getattr(was.params, name), getattr(now.params, name)) for name in PARAM_NAMES]
    pairs += [(name, getattr(was, name), getattr(now, name)) for name in names]
    return tuple(Step(name, _written(before), _written(after)) for name, before, after in pairs if before != after)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _adapted(proposed: Workload, chosen: Workload, judge: Judge) -> Adapt | Reject:
    decision = judge(chosen)
    if isinstance(decision, Reject):
        return decision
    return Adapt(chosen, differences(proposed, chosen), decision.headroom_bytes, decision.constraint)


def _relaxed(workload: Workload, climbed: Sequence[_Rung], judge: Judge) -> Workload:
    """The climbed rungs at the lowest levels that fit, given that they fit together at their tops.

    The last rung is lowered first: all before it were at their tops when it was reached, so some of it is needed.
    """
    tops = [len(rung(_climb(workload, climbed[:index], ()))) - 1 for index, rung in enumerate(climbed)]
    levels = list(tops)
    for index in reversed(range(len(climbed))):
        low, high = -1, tops[index]
        while high - low > 1:
            middle = (low + high) // 2
            smaller = _climb(workload, climbed, [*levels[:index], middle, *levels[index + 1 :]])
            low, high = (low, middle) if isinstance(judge(smaller), Admit) else (middle, high)
        levels[index] = high
    return _climb(workload, climbed, levels)


def _climb(workload: Workload, rungs: Sequence[_Rung], levels: Sequence[int]) -> Workload:
    """The workload with each rung at its level; at the top of those without one.

    A rung that has become lower, since one before it was lowered, is taken at its top: layers are not offloaded without
    checkpointing.
    """
    for index, rung in enumerate(rungs):
        steps = rung(workload)
        workload = steps[min(levels[index], len(steps) - 1)] if index < len(levels) else steps[-1]
    return workload


def _rungs(device_kind: str, num_layers: int) -> tuple[_Rung, ...]:
    """Each gives a workload's levels, from itself to the most that the rung can save."""

    def offload(workload: Workload) -> Sequence[Workload]:
        # bitsandbytes' layers cannot train under accelerate's offloading hooks.
        if workload.params.quantization is not Quantization.NONE or not workload.params.gradient_checkpointing:
            return (workload,)
        return [replace(workload, offloaded_layers=count) for count in range(workload.offloaded_layers, num_layers + 1)] or [
            workload
        ]

    def loss(workload: Workload) -> Sequence[Workload]:
        saving = LossPath.FUSED if device_kind == "cuda" else LossPath.COMPLETION
        if workload.loss_path in (saving, LossPath.COMPLETION):
            return (workload,)
        return (workload, replace(workload, loss_path=saving))

    on_any: tuple[_Rung, ...] = (_micro_batches, _checkpointing, loss)
    return (*on_any, _paged_optimizer, offload) if device_kind == "cuda" else on_any


def _micro_batches(workload: Workload) -> Sequence[Workload]:
    """Each the largest proper divisor of the one before, so that accumulation stays whole: 8 4 2 1, 6 3 1, 5 1."""
    effective, sizes = workload.params.effective_batch, [workload.params.per_device_train_batch_size]
    while sizes[-1] > 1:
        sizes.append(next(size for size in range(sizes[-1] // 2, 0, -1) if sizes[-1] % size == 0))
    return [
        workload.with_params(per_device_train_batch_size=size, gradient_accumulation_steps=effective // size) for size in sizes
    ]


def _checkpointing(workload: Workload) -> Sequence[Workload]:
    if workload.params.gradient_checkpointing:
        return (workload,)
    return (workload, workload.with_params(gradient_checkpointing=True))


def _paged_optimizer(workload: Workload) -> Sequence[Workload]:
    return (workload, workload.with_params(optim=PAGED_OPTIMIZER)) if workload.params.optim in _ADAM else (workload,)

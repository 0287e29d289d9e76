"""The criteria of success of a sweep file, and the two that hold for every sweep, met or missed. They decide nothing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.console.promotion import Criterion
from harness.console.text import gib, number
from harness.core.limits import Limit
from harness.core.smooth import spikes
from harness.study.ledger import Told
from harness.sweep.workplace import Workplace
from harness.trial.events import EventReader


def criteria(work: Workplace, told: Told, tested: Mapping[str, float]) -> tuple[Criterion, ...]:
    """Each with what was found.

    Args:
        work: The sweep.
        told: The chosen trial.
        tested: Its metrics on the test functions; what they do not say is taken from its training.
    """
    seen = {**told.metrics, **{name: value for name, value in tested.items() if not name.startswith("peak_")}}
    own = [_limit(Limit.parse(text), seen) for text in work.config.promotion.criteria]
    return (*own, _memory(work, told), _smooth(work, told))


def _limit(limit: Limit, seen: Mapping[str, float]) -> Criterion:
    found = number(limit.metric, seen[limit.metric]) if limit.metric in seen else "not measured"
    return Criterion(limit.text, found, limit.kept(seen))


def _memory(work: Workplace, told: Told) -> Criterion:
    budget, peak = work.materials.budget.bytes, told.metrics.get("peak_bytes")
    text = f"training memory within {gib(budget)}"
    return Criterion(text, "not measured", None) if peak is None else Criterion(text, gib(int(peak)), peak <= budget)


def _smooth(work: Workplace, told: Told) -> Criterion:
    events = EventReader(work.paths.trial_dir(work.ledger.name, f"trial {told.number}").events_file).new()
    losses = [event.metrics["loss"] for event in events if event.phase == "train" and "loss" in event.metrics]
    if not losses:
        return Criterion("smooth loss", "not measured", None)
    jumps = spikes(losses)
    return Criterion("smooth loss", f"{jumps} of {len(losses)} steps jump", jumps == 0)

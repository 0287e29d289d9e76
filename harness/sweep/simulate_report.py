"""What a budget buys: the front of a simulated sweep over virtual time, in lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.core.front_volume import growth
from harness.core.outcome import Ending
from harness.core.pareto import Objective
from harness.simulation.timeline import Moment, read_moments

_SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
_HOUR = 3600.0


def budget_lines(file: Path, config: SweepConfig) -> list[str]:
    """Trials and hypervolume after shares of the virtual time; nothing where nothing happened.

    Args:
        file: The timeline.
        config: The sweep file.
    """
    moments = read_moments(file)
    if not moments:
        return []
    end = moments[-1].at
    steps = sum(moment.train_steps for moment in moments)
    lines = [f"simulated: {end / _HOUR:.2f} virtual hours, {len({m.trial for m in moments})} trials, {steps} optimizer steps"]
    final = _volume(moments, config)
    for share in _SHARES:
        seen = [moment for moment in moments if moment.at <= share * end]
        lines.append(f"  after {share * end / _HOUR:.2f} h: {_counts(seen)}{_of(_volume(seen, config), final)}")
    refused = sum(moment.ending == Ending.PRUNED_MEMORY for moment in moments)
    lines.append(
        f"  outgrew their memory budget: {refused}; diverged: {sum(m.ending == Ending.PRUNED_UNSTABLE for m in moments)}"
    )
    return lines


def _counts(moments: Sequence[Moment]) -> str:
    """Trials that reached each rung."""
    rungs = Counter(moment.rung for moment in moments if moment.values is not None)
    whole = sum(moment.last and moment.values is not None for moment in moments)
    below = ", ".join(f"{rungs[rung]} at rung {rung + 1}" for rung in sorted(rungs) if not _is_last(moments, rung))
    return f"{below}, {whole} trained whole" if below else f"{whole} trained whole"


def _is_last(moments: Sequence[Moment], rung: int) -> bool:
    return any(moment.last and moment.rung == rung for moment in moments)


def _of(volume: float, final: float) -> str:
    return f", front hypervolume {volume:.4f} ({volume / final:.0%} of the last)" if final else ""


def _volume(moments: Sequence[Moment], config: SweepConfig) -> float:
    """Of the front so far, see `harness.core.front_volume.reference_point`."""
    points = [moment.values for moment in moments if moment.last and moment.values is not None]
    return growth(points, [Objective(o.name, o.direction) for o in config.objectives])[-1] if points else 0.0

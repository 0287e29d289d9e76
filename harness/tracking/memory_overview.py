"""The memory of all trials of a study in one still picture: each one's peak against the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE
from harness.tracking.study_report import TrialLine

_GIB = 1 << 30
_FAR = 4  # a budget this many times above all peaks would flatten them
_GROUPS: Final = (("completed", FRONT, "o"), ("pruned:memory", BASELINES[0], "X"), ("pruned:rung", DOMINATED, "o"))


def memory_overview(lines: Sequence[TrialLine], budget_bytes: int | None) -> Figure | None:
    """Peaks by trial number; None where no trial was seen to take any.

    Args:
        lines: Trials with a peak.
        budget_bytes: The most one may take; None where that is not known.
    """
    known = [line for line in lines if line.peak_bytes is not None]
    if not known:
        return None
    figure = Figure(figsize=(9.5, 3.4), layout="constrained")
    panel = figure.subplots()
    named = {name for name, *_ in _GROUPS}
    for name, colour, mark in (*_GROUPS, ("other", KNEE, "s")):
        members = [line for line in known if line.ending == name or (name == "other" and line.ending not in named)]
        if members:
            heights = [(line.peak_bytes or 0) / _GIB for line in members]
            label = {"pruned:memory": "ended by memory", "pruned:rung": "cut at a rung"}.get(name, name)
            panel.plot([line.number for line in members], heights, mark, color=colour, markersize=5, label=label)
    highest = max((line.peak_bytes or 0) for line in known) / _GIB
    if budget_bytes:
        budget = budget_bytes / _GIB
        far = budget > _FAR * highest
        panel.axhline(budget, color=BASELINES[0], linewidth=1.4, label=f"budget {budget:.1f} GiB{' (above)' if far else ''}")
        highest = highest if far else max(highest, budget)
    panel.set(xlabel="trial", ylabel="peak (GiB)", ylim=(0, 1.12 * highest or 1))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.legend(frameon=False, fontsize=9, ncols=4, loc="upper left", bbox_to_anchor=(0, 1.16))
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    return figure

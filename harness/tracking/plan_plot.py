"""The picture of a plan (PNG): where the estimated peaks of the space lie beside the budget, and what they are made of.

Drawn with matplotlib's object interface, in the colours of `harness.tracking.palette`. The figures are `harness.core.plan`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.core.plan import Fate, Plan, main_terms, shares
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE

_GIB = 1 << 30
_BINS = 40
_TERMS = 6
_COLOURS = {Fate.FITS: FRONT, Fate.ADAPTED: KNEE, Fate.REFUSED: BASELINES[0]}
_HATCHES = {Fate.FITS: "", Fate.ADAPTED: "//", Fate.REFUSED: "xx"}
_TERM_COLOURS = (FRONT, "#56B4E9", "#009E73", "#F0E442", KNEE, "#CC79A7", DOMINATED)
"""Okabe and Ito's colours; the last is for everything else."""


def plan_figure(plan: Plan) -> Figure:
    """The peaks of all drawn settings as a histogram, and below it the terms of three settings as bars."""
    tall = bool(plan.settings)  # where each peak takes seconds, none are drawn
    figure = Figure(figsize=(9, 6.4 if tall else 3.2), layout="constrained")
    panels = figure.subplots(1 + tall, 1, height_ratios=[3, 2.2][-1 - tall :], squeeze=False).ravel().tolist()
    if tall:
        _histogram(panels[0], plan)
    _terms(panels[-1], plan)
    for panel in panels:
        _budget_line(panel, plan)
        _plain(panel)
    for panel in panels:  # beside the panels, where no bar can be under them
        panel.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.03))
    figure.suptitle(f"{plan.model} on {plan.device}, budget {plan.budget_bytes / _GIB:.2f} GiB")
    return figure


def _histogram(panel: Axes, plan: Plan) -> None:
    sizes = {fate: [s.estimate.total_bytes / _GIB for s in plan.settings if s.fate is fate] for fate in Fate}
    shown = [fate for fate in Fate if sizes[fate]]
    found = shares(plan.settings)
    _, _, bars = panel.hist(
        [sizes[fate] for fate in shown],
        bins=_edges([s.estimate.total_bytes / _GIB for s in plan.settings], plan.budget_bytes / _GIB),
        stacked=True,
        color=[_COLOURS[fate] for fate in shown],
        label=[f"{fate.value}: {found[fate].value:.0%}" for fate in shown],
        edgecolor="white",
        linewidth=0.4,
    )
    groups: Any = bars if len(shown) > 1 else [bars]
    for fate, group in zip(shown, groups, strict=True):
        for bar in group:
            bar.set_hatch(_HATCHES[fate])
    panel.set(xlabel="estimated peak as proposed (GiB)", ylabel=f"settings of {len(plan.settings)} drawn")


def _edges(sizes: Sequence[float], budget: float) -> list[float]:
    """Bin edges of equal width with one of them at the budget, so that no bar is on both sides of it."""
    low, high = min(sizes), max(sizes)
    width = max((high - low) / _BINS, 1e-3)
    if not low - width < budget < high + width:
        return [low + width * index for index in range(_BINS + 2)]
    below = int((budget - low) / width) + 1
    above = int((high - budget) / width) + 1
    return [budget + width * index for index in range(-below, above + 1)]


def _terms(panel: Axes, plan: Plan) -> None:
    labels = [extreme.label for extreme in plan.extremes]
    rows = main_terms([extreme.setting.estimate for extreme in plan.extremes], _TERMS)
    starts = [0.0] * len(labels)
    for (name, sizes), colour in zip(rows, (*_TERM_COLOURS[: len(rows) - 1], DOMINATED), strict=True):
        # A learned correction may be below zero; a bar cannot be, and the total is written beside it.
        lengths = [max(0.0, size / _GIB) for size in sizes]
        panel.barh(labels, lengths, left=starts, color=colour, label=name, edgecolor="white", linewidth=0.6, height=0.62)
        starts = [start + length for start, length in zip(starts, lengths, strict=True)]
    for place, extreme in enumerate(plan.extremes):
        total = extreme.setting.estimate.total_bytes / _GIB
        panel.annotate(f"{total:.2f}", (starts[place], place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    panel.invert_yaxis()
    panel.margins(x=0.08)
    panel.set(xlabel=f"largest terms of the estimate (GiB, {plan.source})")


def _budget_line(panel: Axes, plan: Plan) -> None:
    budget = plan.budget_bytes / _GIB
    low, high = panel.get_xlim()
    if budget > high + 0.6 * (high - low):  # far off: a line there would squeeze everything else
        return
    panel.axvline(budget, color="black", linestyle="--", linewidth=1.4, label=f"budget {budget:.2f} GiB")
    panel.set_xlim(min(low, budget - 0.02 * (high - low)), max(high, budget + 0.02 * (high - low)))


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)

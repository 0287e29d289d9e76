"""The picture of one training (PNG): its losses over the optimizer steps, the rungs it passed, what it was worth at each.

Drawn with matplotlib's object interface, in the colours of `harness.tracking.palette`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE
from harness.tracking.run_files import RungReached

_FEWEST = 12  # logged steps, below which a smoothed line says nothing that the raw one does not
_WINDOW = 15  # of the logged steps, one part goes into the smoothed value
_COLOURS = (KNEE, BASELINES[2], BASELINES[1], BASELINES[3])
_MARKS = ("o", "s", "^", "v")
_APART = 0.006  # of the steps, between objectives at one rung, so that their whiskers do not lie on each other


def loss_figure(rows: Sequence[Mapping[str, Any]], rungs: Sequence[RungReached] = ()) -> Figure:
    """Losses above; below them what the trial was worth at its rungs, and the learning rate.

    Args:
        rows: As `harness.tracking.run_log.metric_rows` makes them.
        rungs: Lowest first.
    """
    scored = any(reached.values for reached in rungs)
    figure = Figure(figsize=(7.5, 6.6 if scored else 5))
    # No layout search: this is drawn once per segment, in the thread that starts the next one.
    figure.subplots_adjust(left=0.11, right=0.98, top=0.95, bottom=0.085 if scored else 0.105, hspace=0.12)
    heights = [3, 1.7, 1] if scored else [3, 1]
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _losses(panels[0], rows)
    if scored:
        _objectives(panels[1], rungs, _last_step(rows, rungs))
    _raw(panels[-1], rows, "learning_rate", color=DOMINATED, linewidth=1.4)
    panels[-1].set(ylabel="learning rate", xlabel="optimizer step")
    panels[-1].ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in panels:
        _mark_rungs(panel, rungs, named=panel is panels[0])
        _plain(panel)
    figure.align_ylabels(panels)
    return figure


def smoothed(values: Sequence[float], window: float) -> list[float]:
    """Exponential mean of the values so far, without the pull towards the first one.

    Args:
        values: In order.
        window: After so many values an earlier one counts 1/e.

    Source: Kingma and Ba (2015), "Adam", section 3: initialisation bias correction.
    """
    decay, mean, weight, found = 1.0 - 1.0 / max(window, 1.0), 0.0, 0.0, []
    for value in values:
        mean = decay * mean + (1 - decay) * value
        weight = decay * weight + (1 - decay)
        found.append(mean / weight)
    return found


def _losses(panel: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    raw = _series(rows, "train_loss")
    if len(raw) >= _FEWEST:
        steps, values = zip(*raw, strict=True)
        panel.plot(steps, values, color=FRONT, linewidth=1.0, alpha=0.3)
        panel.plot(steps, smoothed(values, len(values) / _WINDOW), color=FRONT, linewidth=2.0, label="training, smoothed")
    elif raw:
        _raw(panel, rows, "train_loss", label="training", color=FRONT, linewidth=1.6, marker="o", markersize=3.5)
    _raw(panel, rows, "eval_loss", label="validation", color=BASELINES[0], marker="D", markersize=5, linewidth=1.4)
    panel.set_ylabel("loss (nats per token)")
    if panel.lines:
        panel.legend(frameon=False)
    else:
        panel.text(0.5, 0.5, "no loss was logged", transform=panel.transAxes, ha="center", color=DOMINATED)


def _objectives(panel: Axes, rungs: Sequence[RungReached], last: int) -> None:
    names = list(dict.fromkeys(name for reached in rungs for name in reached.values))
    for place, name in enumerate(names):
        known = [(reached.step, reached.values[name]) for reached in rungs if name in reached.values]
        shift = _APART * last * (place - (len(names) - 1) / 2)
        below = [max(0.0, m.value - m.low) if m.low is not None else 0.0 for _, m in known]
        above = [max(0.0, m.high - m.value) if m.high is not None else 0.0 for _, m in known]
        style: dict[str, Any] = {
            "color": _COLOURS[place % 4],
            "marker": _MARKS[place % 4],
            "markersize": 5,
            "elinewidth": 1,
            "capsize": 2,
        }
        across = [step + shift for step, _ in known]
        panel.errorbar(across, [m.value for _, m in known], yerr=[below, above], label=name, linewidth=1.2, **style)
    panel.set_ylabel("on validation")
    panel.margins(y=0.12)
    panel.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)


def _mark_rungs(panel: Axes, rungs: Sequence[RungReached], *, named: bool) -> None:
    for reached in rungs:
        panel.axvline(reached.step, color=DOMINATED, linewidth=0.9, linestyle=":", zorder=0)
        if named:
            where: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 8, "color": DOMINATED}
            panel.text(reached.step, 1.005, f"rung {reached.rung + 1}", transform=panel.get_xaxis_transform(), **where)


def _raw(panel: Axes, rows: Sequence[Mapping[str, Any]], name: str, **style: Any) -> None:
    known = _series(rows, name)
    if known:
        panel.plot(*zip(*known, strict=True), **style)


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, float]]:
    return [(row["step"], row[name]) for row in rows if row.get(name) is not None]


def _last_step(rows: Sequence[Mapping[str, Any]], rungs: Sequence[RungReached]) -> int:
    steps: list[int] = [1, *(row["step"] for row in rows), *(reached.step for reached in rungs)]
    return max(steps)


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)

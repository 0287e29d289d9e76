"""The memory of one trial as a still picture: what it took over time against its budget, and what had been predicted.

Owns the drawing of a `MemoryRecord`. Sizes are in GiB; text below the panels says why.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Patch

from harness.core.memory import MemoryEstimate
from harness.tracking.memory import MemoryRecord
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE

_GIB = 1 << 30
_DPI = 130  # as `plots.save` writes
_WIDTH_PX, _HEIGHT_PX = 1200, 700
_TOP = 0.80  # of the panels; above stand title, legend and phases
_LINE = 0.028  # height of a line of text
_LETTER_PX = 8.4  # of the phases' names
_COLUMNS = 138  # letters in a line below the panels
_FAR = 4  # a budget this many times above all else would flatten the curve
_MOST_BARS = 8
_MOST_LINES = 12  # more beginnings of phases than this are shown by the strip alone
_SMALL = 0.01  # of the estimate: smaller terms share one bar
_BUDGET, _GAIN, _MARK = BASELINES[0], BASELINES[2], BASELINES[3]
_PHASES: Final = {"load": "#CFE3F1", "train": "#F5E3B5", "eval": "#CDE8DC", "save": "#DDDDDD", "generate": "#EFD5E4"}

_UNDERLAY: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # keeps lines out of figures

Bars = Sequence[tuple[str, int, str]]


def memory_figure(record: MemoryRecord) -> Figure:
    """Left the observed curve, right the predicted terms; one of them alone where the other is not known.

    Drawn for 1200 x 700 pixels.
    """
    figure = Figure(figsize=(_WIDTH_PX / _DPI, _HEIGHT_PX / _DPI))
    notes = _notes(record)
    bottom = 0.115 + _LINE * len(notes)
    figure.text(0.02, 0.965, _title(record), fontsize=12, va="top", weight="bold")
    figure.text(0.98, 0.96, _shown(record.device, 60), fontsize=9, va="top", ha="right", color=DOMINATED, parse_math=False)
    figure.text(0.02, 0.02, "\n".join(notes), fontsize=8.5, va="bottom", linespacing=1.25, parse_math=False)
    if record.curve:
        width = 0.50 if record.estimate else 0.915
        _draw_curve(figure.add_axes((0.065, bottom, width, _TOP - bottom)), record)
    if record.estimate:
        left = 0.74 if record.curve else 0.22
        _draw_terms(figure.add_axes((left, bottom, 0.97 - left, _TOP - bottom)), record, record.estimate)
    return figure


def _title(record: MemoryRecord) -> str:
    if record.killed_at_s is not None:
        return f"Killed after {_duration(record.killed_at_s)}"
    return "Memory while the trial ran" if record.launched else "Refused before launch"


def _notes(record: MemoryRecord) -> list[str]:
    """Lines of text; what does not fit stands in full in memory.json."""
    said = (
        ("Reason", record.reason, 4),
        ("Adapted before launch" if record.launched else "Tried", "; ".join(record.steps), 2),
        ("Correction", record.correction, 1),
        ("Not watched", record.blind or "", 2),
    )
    lines = []
    for name, text, most in said:
        if text:
            lines += textwrap.wrap(_shown(f"{name}: {text}"), _COLUMNS, max_lines=most, placeholder=" …")
    return lines


def _draw_curve(panel: Axes, record: MemoryRecord) -> None:
    last = max(record.curve[-1].seconds, record.killed_at_s or 0.0, 1.0)
    unit, scale = _time_unit(last)
    times, used = [p.seconds / scale for p in record.curve], [p.used_bytes / _GIB for p in record.curve]
    peak = max(used) if record.observed_peak_bytes is None else record.observed_peak_bytes / _GIB
    marker, width = "o" if len(used) <= 20 else "", 1.6 if len(used) <= 300 else 1.0
    panel.plot(times, used, color=FRONT, linewidth=width, marker=marker, ms=4, label=f"observed, peak {peak:.2f}", zorder=4)
    top = _levels(panel, record, peak)
    free = [p.free_bytes / _GIB for p in record.curve]
    if min(free) < top:
        panel.plot(times, free, color=DOMINATED, linewidth=1, alpha=0.55, label="free on the device")
    if record.killed_at_s is not None:
        at = record.killed_at_s / scale
        panel.axvline(at, color=_MARK, linewidth=0.8, linestyle=":")
        panel.plot(at, used[-1], "X", color=_MARK, ms=9, mec="white", label=f"killed, at {used[-1]:.2f}", zorder=6, clip_on=False)
    panel.set(xlim=(0, last / scale * 1.03), ylim=(0, top))
    panel.set_xlabel(f"time since the start ({unit})", fontsize=9)
    panel.set_ylabel("GiB", fontsize=9)
    _plain(panel, "both")
    _explain(panel, _mark_phases(panel, _stretches(record.phases, last), scale))


def _explain(panel: Axes, phases: Sequence[Patch]) -> None:
    """The legend, above the strip of phases; at most three lines."""
    handles = [*panel.get_legend_handles_labels()[0], *phases]
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.045), "borderaxespad": 0}
    panel.legend(handles=handles, ncols=3 if len(handles) <= 9 else 4, frameon=False, fontsize=8, **place)


def _levels(panel: Axes, record: MemoryRecord, peak: float) -> float:
    """Draw budget and estimates across; returns the upper end of the axis."""
    heights = [peak]
    if record.estimate is not None:
        heights.append(record.estimate.total_bytes / _GIB)
        panel.axhline(heights[-1], color=KNEE, linewidth=1.3, linestyle=":", label=f"estimate {heights[-1]:.2f}")
    if record.corrected_bytes is not None:
        heights.append(record.corrected_bytes / _GIB)
        panel.axhline(heights[-1], color=KNEE, linewidth=1.3, linestyle="--", label=f"corrected {heights[-1]:.2f}")
    budget = record.budget_bytes / _GIB
    far = budget > _FAR * max(heights)
    panel.axhline(budget, color=_BUDGET, linewidth=1.6, label=f"budget {budget:.2f}{' (above)' if far else ''}")
    return max(*heights, 1e-3) * 1.15 if far else max(*heights, budget) * 1.1


def _mark_phases(panel: Axes, stretches: Sequence[tuple[float, float, str]], scale: float) -> list[Patch]:
    """A strip above the panel; returns what the legend names because no stretch has room for the name."""
    end = panel.get_xlim()[1]
    across = panel.get_xaxis_transform()
    named: dict[str, bool] = {}
    for start, stop, name in stretches:
        left, width = start / scale, (stop - start) / scale
        colour = _PHASES.get(name, "#EEEEEE")
        panel.broken_barh([(left, width)], (1.005, 0.04), transform=across, clip_on=False, color=colour, linewidth=0)
        if len(stretches) <= _MOST_LINES:
            panel.axvline(left, color=colour, linewidth=0.8, zorder=1)
        fits = width / end * panel.get_position().width * _WIDTH_PX > _LETTER_PX * len(name) + 4
        if fits and not named.get(name):
            panel.text(left + width / 2, 1.023, name, transform=across, fontsize=7, ha="center", va="center")
        named[name] = named.get(name, False) or fits
    return [Patch(color=_PHASES.get(name, "#EEEEEE"), label=name) for name, shown in named.items() if not shown]


def _stretches(phases: Sequence[tuple[float, str]], end: float) -> list[tuple[float, float, str]]:
    """(from, to, name) in seconds; a phase that only goes on is one stretch."""
    begun = [p for i, p in enumerate(phases) if (i == 0 or phases[i - 1][1] != p[1]) and p[0] < end]
    stops = [*(seconds for seconds, _ in begun), end][1:]
    return [(seconds, stop, name) for (seconds, name), stop in zip(begun, stops, strict=True)]


def _draw_terms(panel: Axes, record: MemoryRecord, estimate: MemoryEstimate) -> None:
    bars = [*_totals(record, estimate), *_term_bars(estimate)]
    sizes = [size / _GIB for _, size, _ in bars]
    places = range(len(bars))
    panel.barh(places, sizes, color=[colour for *_, colour in bars], height=0.66)
    for place, size in zip(places, sizes, strict=True):
        where: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        panel.annotate(f"{size:.2f}", (max(size, 0.0), place), fontsize=8, bbox=_UNDERLAY, **where)
    panel.set_yticks(places, [textwrap.fill(name, 27) for name, *_ in bars])
    panel.invert_yaxis()
    right = max([*sizes, 1e-3])
    if not record.curve:
        budget = record.budget_bytes / _GIB
        right = max(right, budget)
        panel.axvline(budget, color=_BUDGET, linewidth=1.6, label=f"budget {budget:.2f}")
        panel.legend(loc="lower right", bbox_to_anchor=(1, 1.0), frameon=False, fontsize=8)
    panel.set(xlim=(min([0.0, *sizes]) * 1.1, right * 1.22))
    panel.set_xlabel("GiB", fontsize=9)
    panel.axvline(0, color="black", linewidth=0.8)
    title = f"predicted peak: {estimate.total_bytes / _GIB:.2f} GiB\nphase: {estimate.phase}, by the {estimate.source}"
    panel.annotate(title, (0, 1.02), xycoords="axes fraction", fontsize=8, va="bottom")
    _plain(panel, "x")


def _totals(record: MemoryRecord, estimate: MemoryEstimate) -> Bars:
    """What a refused trial was judged by; where there is a curve, the lines across it say the same."""
    if record.curve:
        return ()
    corrected = [] if record.corrected_bytes is None else [("corrected estimate", record.corrected_bytes, KNEE)]
    return (("estimate", estimate.total_bytes, KNEE), *corrected)


def _term_bars(estimate: MemoryEstimate) -> Bars:
    """Largest first, the small ones as one, what is taken off last."""
    least = _SMALL * abs(estimate.total_bytes)
    rows = [term for term in estimate.largest(len(estimate.terms)) if term[1] > 0]
    gains = [(name, size, _GAIN) for name, size in estimate.terms if size < 0]
    shown = min(sum(size >= least for _, size in rows), _MOST_BARS)
    small = rows[shown:]
    if len(small) > 1:
        rows = [*rows[:shown], (f"{len(small)} smaller terms", sum(size for _, size in small))]
    return [*((name, size, FRONT) for name, size in rows), *gains]


def _time_unit(last: float) -> tuple[str, float]:
    return ("s", 1.0) if last < 180 else ("min", 60.0) if last < 7200 else ("h", 3600.0)


def _duration(seconds: float) -> str:
    unit, scale = _time_unit(seconds)
    return f"{seconds / scale:.3g} {unit}"


def _shown(text: str, most: int | None = None) -> str:
    """Without what the font cannot draw: matplotlib would warn of every such letter."""
    known = get_font(findfont(FontProperties())).get_charmap()
    plain = "".join(letter if ord(letter) in known else "?" for letter in " ".join(text.split()))
    return plain if most is None else textwrap.shorten(plain, most, placeholder=" …")


def _plain(panel: Axes, grid: str) -> None:
    panel.grid(visible=True, axis=grid, color="#E5E5E5", linewidth=0.8)  # type: ignore[arg-type]
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)

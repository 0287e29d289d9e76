"""The picture of an inspection (PNG): how long prompts, suites and training examples are, in characters and in tokens.

Drawn with matplotlib's object interface: no pyplot, no global state, no display.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from harness.core.errors import ExitCode, HarnessError
from harness.data.inspection.parts import Spread
from harness.data.inspection.report import Inspection

# Okabe and Ito's colours, as everywhere else. Source: Okabe and Ito (2008), "Color Universal Design".
_COLOURS: Final = {"prompt": "#0072B2", "suite": "#009E73", "example": "#CC79A7"}
_LIMIT: Final = "#D55E00"
_TITLES: Final = {"prompt": "prompt", "suite": "oracle suite", "example": "training example (prompt and answer)"}
_BINS = 40
_TAIL = 4  # medians


def histograms(found: Inspection) -> Figure:
    """One column for each kind of text, one row for each unit.

    Raises:
        ValueError: if there is no length to draw.
    """
    kinds = [kind for kind in _TITLES if kind in found.lengths]
    if not kinds or found.values is None:
        raise ValueError("there is no length to draw")
    units = ["characters"] + ["tokens"] * any(found.values[kind]["tokens"] for kind in kinds)
    figure = Figure(figsize=(4.3 * len(kinds) + 0.6, 2.9 * len(units) + 0.9), layout="constrained")
    panels = figure.subplots(len(units), len(kinds), squeeze=False)
    for row, unit in zip(panels, units, strict=True):
        for panel, kind in zip(row, kinds, strict=True):
            lengths = found.lengths[kind]
            spread = lengths.characters if unit == "characters" else lengths.tokens
            if spread is None:
                panel.set_visible(False)
                continue
            _histogram(panel, found.values[kind][unit], spread, _COLOURS[kind])
            panel.set_xlabel(unit)
            if unit == "tokens" and kind == "example" and found.tokens is not None:
                _limits(panel, [limit.max_length for limit in found.tokens.limits])
    for panel, kind in zip(panels[0], kinds, strict=True):
        panel.set_title(_TITLES[kind], fontsize=11)
    for row in panels:
        row[0].set_ylabel("records")
    figure.suptitle(_headline(found), fontsize=12)
    return figure


def _headline(found: Inspection) -> str:
    name = found.source if len(found.source) <= 60 else "..." + found.source[-57:]
    parts = [f"{name}, {found.counts.records:,} records"]
    if found.tokens is not None and found.tokens.tokenizer:
        every = found.tokens.records == found.counts.records
        sample = "" if every else f", {found.tokens.records:,} records sampled"
        parts.append(f"tokens: {found.tokens.tokenizer}{sample}")
    # matplotlib reads a pair of dollars as mathematics, and a stranger's file name may have one.
    return "\n".join(parts).replace("$", r"\$")


def _histogram(panel: Axes, values: Sequence[int], spread: Spread, colour: str) -> None:
    # A long tail would squeeze everything else; without one a plain axis is easier to read.
    logarithmic = spread.max > _TAIL * spread.p50
    panel.hist(values, bins=_edges(values) if logarithmic else _BINS, color=colour, edgecolor="white", linewidth=0.4)
    if logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_minor_formatter(lambda value, _: _short(value) if f"{value:.0e}"[0] in "25" else "")
    else:
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.xaxis.set_major_formatter(lambda value, _: _short(value))
    panel.tick_params(axis="both", which="both", labelsize=9)
    for value, style, name in ((spread.p50, "-", "median"), (spread.p95, "--", "95 %")):
        panel.axvline(value, color="#333333", linestyle=style, linewidth=1.2, label=f"{name} {value:,}")
    panel.axvline(spread.max, color="#999999", linestyle=":", linewidth=1.2, label=f"longest {spread.max:,}")
    _plain(panel)
    _legend(panel)


def _legend(panel: Axes) -> None:
    """Above the bars, on white, so that it hides none and no line runs through the words."""
    highest = max((bar.get_height() for bar in panel.patches if isinstance(bar, Rectangle)), default=1.0)
    panel.set_ylim(top=highest * 1.45)
    panel.legend(fontsize=8, loc="upper right", facecolor="white", edgecolor="none", framealpha=0.9)


def _edges(values: Sequence[int]) -> list[float]:
    """Bins that are equally wide on a logarithmic axis, one length at least."""
    low, high = max(min(values), 1) * 0.97, max(max(values), 1) * 1.03
    step = (math.log(high) - math.log(low)) / _BINS
    return [math.exp(math.log(low) + step * index) for index in range(_BINS + 1)]


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _limits(panel: Axes, limits: Sequence[int]) -> None:
    for limit in limits:
        panel.axvline(limit, color=_LIMIT, linewidth=1.6, label=f"max_length {limit:,}")
    _legend(panel)


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        HarnessError: STORAGE when it cannot be written.
    """
    half = path.with_name(f".{path.name}.building")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(half, format="png", dpi=130, facecolor="white")
        half.rename(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise HarnessError(
            f"cannot write {path}", why=why, fix="give a --plot that can be written", code=ExitCode.STORAGE
        ) from error
    finally:
        _remove(half)


def _remove(half: Path) -> None:
    with contextlib.suppress(OSError):
        half.unlink()

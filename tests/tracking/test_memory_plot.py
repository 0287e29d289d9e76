from __future__ import annotations

import struct
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from harness.core.curve import CurvePoint
from harness.core.memory import MemoryEstimate
from harness.tracking import plots
from harness.tracking.memory import MemoryRecord
from harness.tracking.memory_plot import memory_figure

GIB = 1 << 30
MIB = 1 << 20
NAMES = (
    *("context and libraries", "linear weights", "embeddings and norms", "left over from quantizing", "adapters", "gradients"),
    *("optimizer state", "activations", "backward of one layer", "dequantized weight", "fragmentation", "learned from 19 peaks"),
)
SIZES = (600, 3210, 2079, 500, 154, 154, 308, 4500, 700, 260, 810, -520)
TERMS = tuple(zip(NAMES, (size * MIB for size in SIZES), strict=True))
ESTIMATE = MemoryEstimate(TERMS, sum(size for _, size in TERMS), "backward")
LONG = " ".join(["rises by 2.31 GiB a second and would fill the device before the next look;"] * 9)
REFUSED = MemoryRecord("needs about 12.5 GiB, budget 4.00 GiB", 4 * GIB, "NVIDIA A10G", ESTIMATE, corrected_bytes=13 * GIB)


def curve(count: int, end: float, free: int = 24 * GIB) -> tuple[CurvePoint, ...]:
    step = end / max(count - 1, 1)
    return tuple(CurvePoint(i * step, (used := (10 + i % 3) * GIB), free - used) for i in range(count))


def ran(count: int, end: float) -> MemoryRecord:
    """A killed trial that also evaluated and saved some twenty times."""
    phases = [(0.0, "load"), *((end * (k + part) / 20, p) for k in range(20) for part, p in ((0.1, "train"), (0.8, "eval")))]
    return replace(REFUSED, curve=curve(count, end), phases=tuple(phases), killed_at_s=end, observed_peak_bytes=12 * GIB)


CASES = {
    "refused": REFUSED,
    "refused, long": replace(REFUSED, reason=LONG, steps=("per_device_train_batch_size 4 -> 2",) * 9, correction="x" * 300),
    "3 s": ran(5, 3.0),
    "3 h": ran(1000, 10_800.0),
    "3 h, long": replace(ran(1000, 10_800.0), reason=LONG, blind=LONG, steps=("optim a -> b",) * 20, correction=LONG),
    "unpredicted": replace(ran(60, 100.0), estimate=None, corrected_bytes=None),
    "huge card": replace(ran(60, 100.0), budget_bytes=141 * GIB),
    "one look": replace(REFUSED, curve=curve(1, 0.0), observed_peak_bytes=10 * GIB),
    "no terms": replace(ran(5, 3.0), estimate=MemoryEstimate((), 0, "loss")),
    "odd letters": replace(ran(5, 3.0), reason="$a$ \x1b[31m 用户 _b^c", device="card $x$ " * 20),
    "nothing used": replace(REFUSED, estimate=None, corrected_bytes=None, curve=(CurvePoint(0.0, 0, 0),), observed_peak_bytes=0),
}


def texts(figure: Figure) -> list[Text]:
    """All that is written, ticks aside, after it was laid out."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    written = [
        *figure.texts,
        *(t for panel in figure.axes for t in (*panel.texts, *legend(panel), *panel.get_yticklabels(), panel.xaxis.label)),
    ]
    return [t for t in written if t.get_text() and t.get_visible()]


def legend(panel: Axes) -> list[Text]:
    found = panel.get_legend()
    return list(found.get_texts()) if found else []


def labels(figure: Figure) -> list[str]:
    return [t.get_text() for panel in figure.axes for t in legend(panel)]


@pytest.mark.parametrize("name", CASES)
def test_no_text_leaves_the_picture_or_lies_on_another(name: str) -> None:
    figure = memory_figure(CASES[name])
    figure.set_dpi(130)
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts(figure)]
    for text, box in boxes:
        assert box.x0 >= 0 <= box.y0, text
        assert box.x1 <= 1200, text
        assert box.y1 <= 700, text
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.padded(-2).overlaps(b.padded(-2)), (one, other)


@pytest.mark.parametrize("name", ["3 s", "refused"])
def test_the_picture_has_1200_by_700_pixels(tmp_path: Path, name: str) -> None:
    plots.save(memory_figure(CASES[name]), tmp_path / "memory.png")
    assert struct.unpack(">II", (tmp_path / "memory.png").read_bytes()[16:24]) == (1200, 700)


def test_a_killed_trial_shows_curve_budget_estimates_and_the_kill() -> None:
    figure = memory_figure(CASES["3 s"])
    assert figure.texts[0].get_text() == "Killed after 3 s"
    shown = labels(figure)
    for wanted in ("observed, peak 12.00", "estimate 12.46", "corrected 13.00", "budget 4.00", "killed, at 11.00"):
        assert wanted in shown
    observed = figure.axes[0].lines[0]
    assert np.asarray(observed.get_xdata())[:2].tolist() == [0.0, 0.75]
    assert np.asarray(observed.get_ydata())[:2].tolist() == [10.0, 11.0]
    assert len(figure.axes) == 2


def test_a_refused_trial_shows_what_was_predicted_against_the_budget() -> None:
    figure = memory_figure(REFUSED)
    assert figure.texts[0].get_text() == "Refused before launch"
    assert labels(figure) == ["budget 4.00"]
    names = [t.get_text().replace("\n", " ") for t in figure.axes[0].get_yticklabels()]
    assert names[:3] == ["estimate", "corrected estimate", "activations"]
    assert names[-2:] == ["3 smaller terms", "learned from 19 peaks"]
    bars = [patch.get_window_extent().width for patch in figure.axes[0].patches]
    bars[-1] = -bars[-1]  # what was learned is taken off
    assert sum(bars[2:]) == pytest.approx(bars[0])


@pytest.mark.parametrize(("seconds", "unit"), [(3.0, "(s)"), (600.0, "(min)"), (10_800.0, "(h)")])
def test_the_time_axis_takes_a_fitting_unit(seconds: float, unit: str) -> None:
    panel = memory_figure(ran(5, seconds)).axes[0]
    assert panel.get_xlabel().endswith(unit)
    assert 1 < panel.get_xlim()[1] < 180


def test_a_budget_far_above_does_not_flatten_the_curve() -> None:
    panel = memory_figure(CASES["huge card"]).axes[0]
    assert panel.get_ylim()[1] < 20
    assert "budget 141.00 (above)" in [t.get_text() for t in legend(panel)]


def test_free_memory_is_drawn_only_where_it_comes_into_sight() -> None:
    tight = replace(ran(5, 3.0), curve=curve(5, 3.0, free=13 * GIB))
    assert "free on the device" in labels(memory_figure(tight))
    roomy = replace(ran(5, 3.0), curve=curve(5, 3.0, free=80 * GIB))
    assert "free on the device" not in labels(memory_figure(roomy))


def test_phases_are_named_in_the_strip_or_else_in_the_legend() -> None:
    wide = replace(ran(5, 3.0), phases=((0.0, "load"), (0.01, "train"), (2.0, "train"), (2.5, "an unknown one")))
    figure = memory_figure(wide)
    assert "train" in [t.get_text() for t in figure.axes[0].texts]
    assert [label for label in labels(figure) if label in ("load", "train")] == ["load"]
    assert {"load", "train", "eval"} <= set(labels(memory_figure(CASES["3 h"])))

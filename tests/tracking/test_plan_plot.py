from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from harness.core.memory import MemoryEstimate
from harness.core.plan import Extreme, Fate, Plan, Setting
from harness.tracking.plan_plot import plan_figure
from harness.tracking.plots import save

GIB = 1 << 30


def setting(gib: float, budget: float) -> Setting:
    size = int(gib * GIB)
    terms = (("linear weights", size // 2), ("activations", size - size // 2), ("learned from 3 peaks", 0))
    fate = Fate.FITS if gib <= budget else Fate.ADAPTED if gib <= 1.5 * budget else Fate.REFUSED
    return Setting({"r": 8}, MemoryEstimate(terms, size, "backward"), fate)


def plan(sizes: list[float], budget: float) -> Plan:
    drawn = tuple(setting(gib, budget) for gib in sizes)
    ends = zip(("smallest", "trial 0", "largest"), (min(sizes), sizes[0], max(sizes)), strict=True)
    extremes = tuple(Extreme(label, setting(gib, budget)) for label, gib in ends)
    return Plan("tiny", "org/tiny", "T4 16GB", int(budget * GIB), "asked", drawn, extremes, (), "prune", 5, None, "unknown")


def bars(panel: Axes) -> list[Rectangle]:
    return [patch for patch in panel.patches if isinstance(patch, Rectangle) and patch.get_height() > 0]


def test_every_setting_is_in_the_histogram_and_no_bar_crosses_the_budget() -> None:
    sizes = [1 + index * 0.013 for index in range(400)]
    upper = plan_figure(plan(sizes, 3.0)).axes[0]
    assert sum(bar.get_height() for bar in bars(upper)) == 400
    assert all(bar.get_x() + bar.get_width() <= 3.0 + 1e-6 or bar.get_x() >= 3.0 - 1e-6 for bar in bars(upper))
    legend = {text.get_text() for text in upper.get_legend().get_texts()}
    assert {words.partition(":")[0] for words in legend} == {"fits", "fits after adapt", "does not fit", "budget 3.00 GiB"}


def test_the_bars_of_the_terms_end_at_the_peak() -> None:
    lower = plan_figure(plan([2.0, 1.0, 4.0], 3.0)).axes[1]
    ends = [max(bar.get_x() + bar.get_width() for bar in bars(lower) if round(bar.get_y() + 0.31) == row) for row in range(3)]
    assert ends == pytest.approx([1.0, 2.0, 4.0])
    assert {text.get_text() for text in lower.texts} == {"1.00", "2.00", "4.00"}


def test_a_budget_far_off_does_not_squeeze_the_picture() -> None:
    upper, lower = plan_figure(plan([1.0, 1.2, 1.4], 80.0)).axes
    assert upper.get_xlim()[1] < 3
    assert lower.get_xlim()[1] < 3


@pytest.mark.parametrize("sizes", [[2.0], [2.0, 2.0, 2.0], [9.0, 9.5]])
def test_few_or_equal_settings_can_be_drawn(sizes: list[float], tmp_path: Path) -> None:
    save(plan_figure(plan(sizes, 3.0)), tmp_path / "plan.png")
    data = (tmp_path / "plan.png").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert 600 < height < width < 2000


def test_without_drawn_settings_the_terms_alone_are_shown(tmp_path: Path) -> None:
    figure = plan_figure(replace(plan([2.0, 1.0], 3.0), settings=()))
    assert len(figure.axes) == 1
    save(figure, tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 5000

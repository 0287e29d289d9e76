from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from sweep_points import SweepPoints

from harness.core.pareto import Objective
from harness.tracking import plots
from harness.tracking.axes import axes
from harness.tracking.interactive import parallel_html, pareto_html
from harness.tracking.parallel import parallel_coordinates
from harness.tracking.points import TrialPoint, front_markdown, knee_point, rows


def texts(figure: plots.Figure) -> set[str]:
    return {t.get_text() for panel in figure.axes for t in (*panel.texts, panel.xaxis.label, panel.yaxis.label)}


@pytest.mark.parametrize("width", [2, 3])
def test_every_trial_is_numbered_and_every_axis_named(sweep_points: SweepPoints, width: int) -> None:
    figure = plots.pareto(*sweep_points(width))
    assert len(figure.axes) == (1 if width == 2 else 3)
    assert {str(n) for n in range(6)} <= texts(figure)
    assert "latency_s (lower is better)" in texts(figure)
    legend = {t.get_text() for t in figure.legends[0].get_texts()}
    assert legend == {"dominated", "front", "untuned, zero-shot", "knee"}


def test_one_objective_becomes_values_by_trial(sweep_points: SweepPoints) -> None:
    panel = plots.pareto(*sweep_points(1)).axes[0]
    assert [t.get_text() for t in panel.get_xticklabels()] == [str(n) for n in range(6)]
    assert panel.get_ylabel() == "pass_rate (higher is better)"


def test_marks_on_one_spot_share_a_label() -> None:
    objectives = [Objective("a", "maximize"), Objective("b", "maximize")]
    same = [TrialPoint(f"trial {n}", {}, (0.5, 0.5), on_front=True) for n in (3, 7)]
    assert "3, 7" in texts(plots.pareto([*same, TrialPoint("trial 8", {}, (0.1, 0.1))], objectives))


@pytest.mark.parametrize("only", [0, 1])
def test_a_lone_point_or_no_trial_at_all_can_be_drawn(sweep_points: SweepPoints, tmp_path: Path, only: int) -> None:
    for width in (1, 2, 3):
        points, objectives = sweep_points(width)
        lone = points[only : only + 1]
        plots.save(plots.pareto(lone, objectives), tmp_path / "a.png")
        plots.save(parallel_coordinates(lone, objectives), tmp_path / "b.png")
        assert lone[0].label in parallel_html(lone, objectives)
        assert "plotly" in pareto_html(lone, objectives)


def test_png_is_a_picture_of_sensible_size(sweep_points: SweepPoints, tmp_path: Path) -> None:
    plots.save(parallel_coordinates(*sweep_points(3)), tmp_path / "p.png")
    data = (tmp_path / "p.png").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert 600 < height < width < 4000


def test_pages_need_no_network_and_hover_tells_everything(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(3)
    for page in (pareto_html(points, objectives), parallel_html(points, objectives)):
        assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
        for point in points:
            assert f"\\u003cb\\u003e{point.label}\\u003c\\u002fb\\u003e" in page
        assert "quantization = nf4" in page
        assert "pass_rate: 0.5 [0.45, 0.55]" in page


def test_labels_cannot_smuggle_markup_into_a_page() -> None:
    evil = TrialPoint("<script>alert(1)</script>", {"p": "<img>"}, (0.5, 0.5), on_front=True)
    page = pareto_html([evil], [Objective("a", "maximize"), Objective("b", "maximize")])
    assert "<script>alert(1)" not in page


def test_axes_leave_out_what_does_not_vary_and_spread_powers_evenly() -> None:
    objectives = [Objective("pass_rate", "maximize")]
    made = [TrialPoint(f"trial {n}", {"r": 8 * 2**n, "epochs": 1.0, "q": "ab"[n % 2]}, (0.1 * n,)) for n in range(4)]
    found = {a.name: a for a in axes([*made, TrialPoint("untuned", {}, (0.0,), kind="baseline")], objectives)}
    assert list(found) == ["trial", "r", "q", "pass_rate ↑"]
    assert found["r"].positions == (0.0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0, None)
    assert found["q"].ticks == ((0.25, "a"), (0.75, "b"))
    assert found["pass_rate ↑"].is_objective


def test_rows_and_markdown_mark_the_knee(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(2)
    balanced = knee_point(points, objectives)
    assert balanced is not None
    table = rows(points, objectives)
    assert [row["label"] for row in table if row["knee"]] == [balanced.label]
    assert {"pass_rate_low", "pass_rate_high", "quantization"} <= set(table[0])
    text = front_markdown(points, objectives)
    assert f"**{balanced.label} (knee)** |" in text
    assert "trial 3" not in text

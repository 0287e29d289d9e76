from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import pytest
from sweep_points import SweepPoints

from harness.core.outcome import Ending, Outcome
from harness.core.pareto import Objective
from harness.tracking import plots
from harness.tracking.interactive_study import study_html
from harness.tracking.metrics import charted
from harness.tracking.search import Fate, LearningCurve, RungMark, SearchRecord, VolumeMark
from harness.tracking.slices import slice_axes, slice_figure, slice_marks
from harness.tracking.store import Store
from harness.tracking.study_plots import losses_figure, pareto_3d, volume_figure
from harness.tracking.tracker import Tracker
from harness.tracking.ui import ui_url
from harness.tracking.ui_view import VIEW_TAG, viewed_experiment

VOLUMES = (VolumeMark("trial 0", 1, 60.0, 0.1), VolumeMark("trial 4", 3, 180.0, 0.25))


def search(width: int) -> SearchRecord:
    """Trial 9 was cut; trial 5 was trained whole, so its point counts and its curve does not."""
    cut = LearningCurve("trial 9", (RungMark(0.3, 0.5, (0.3, 2.5, 0.1)[:width]),), Fate.CUT, {"r": 12, "quantization": "int8"})
    whole = LearningCurve("trial 5", (RungMark(1.0, 1.0, (0.9, 9.0, 0.9)[:width]),), Fate.FRONT, {"r": 64})
    return SearchRecord((cut, whole), {"pass_rate": {"r": 1.0}}, VOLUMES, frozenset({"r"}))


def test_every_trial_is_a_mark_and_the_cut_one_lies_below(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(2)
    marks = slice_marks(points, search(2).curves, objectives)
    assert next(mark.label for mark in marks) == "trial 9"
    assert sorted(mark.label for mark in marks) == [f"trial {n}" for n in (0, 1, 2, 3, 4, 5, 9)]
    assert [mark.fate for mark in marks].count(Fate.FRONT) == 2
    assert sum(mark.is_knee for mark in marks) == 1
    assert marks[0].interval(0) == (0.3, 0.3)


def test_a_setting_stands_on_the_axis_that_it_was_searched_on(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(2)
    settings = {axis.name: axis for axis in slice_axes(slice_marks(points, search(2).curves, objectives), frozenset({"r"}))}
    assert settings["r"].log
    assert not settings["learning_rate"].log
    assert settings["quantization"].levels == ("int8", "nf4", "none")


@pytest.mark.parametrize("width", [1, 2, 3])
def test_slices_have_a_panel_for_each_setting_and_objective(sweep_points: SweepPoints, width: int, tmp_path: Path) -> None:
    points, objectives = sweep_points(width)
    figure = slice_figure(points, search(width), objectives)
    assert figure is not None
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert len(shown) == 3 * width
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["cut at a rung (1)", "trained whole, dominated (4)", "front (2)", "knee", "untuned, zero-shot"]
    plots.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_settings_that_do_not_fit_beside_each_other_continue_below(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(1)
    wide = [
        point if not point.params else _with(point, {f"s{n}": float(k + n) for n in range(6)}) for k, point in enumerate(points)
    ]
    figure = slice_figure(wide, SearchRecord(), objectives)
    assert figure is not None
    assert sum(panel.get_visible() for panel in figure.axes) == 6


def _with(point: plots.TrialPoint, params: dict[str, float]) -> plots.TrialPoint:
    return plots.TrialPoint(point.label, params, point.values, point.intervals, point.on_front, point.kind)


def test_where_nothing_differs_there_is_no_slice(sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(2)
    assert slice_figure(points[:2], SearchRecord(), objectives) is None


def test_three_dimensions_from_two_sides(sweep_points: SweepPoints, tmp_path: Path) -> None:
    figure = pareto_3d(*sweep_points(3))
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dominated", "front", "untuned, zero-shot", "knee"]
    plots.save(figure, tmp_path / "a.png")


def test_the_volume_rises_in_steps_and_is_held_to_the_last_trial() -> None:
    left, right = volume_figure(VOLUMES, 7).axes
    assert list(left.lines[0].get_xdata()) == [1, 3, 7]
    assert list(left.lines[0].get_ydata()) == [0.1, 0.25, 0.25]
    assert right.get_xlabel().endswith("(min)")


def test_losses_of_several_trials_are_told_apart() -> None:
    rows = [{"step": 1, "train_loss": 2.0}, {"step": 2, "train_loss": 1.0, "eval_loss": 1.5}]
    (panel,) = losses_figure([("trial 1", rows), ("trial 2", rows)]).axes
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["trial 1", "trial 2"]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_one_page_holds_every_interactive_picture(sweep_points: SweepPoints, width: int) -> None:
    points, objectives = sweep_points(width)
    text = study_html("Plots of <b>", points, search(width), objectives)
    assert text.count("plotly.js v") == 1
    assert not re.search(r"<(script|link)[^>]+(src|href)=", text)
    assert "<title>Plots of &lt;b&gt;</title>" in text
    for wanted in ("Every setting against every objective", "PED-ANOVA", "How the front grew"):
        assert wanted in text
    assert ("three dimensions" in text) is (width == 3)


def test_a_finished_sweep_leaves_them_all(store: Store, tracker: Tracker, sweep_points: SweepPoints) -> None:
    points, objectives = sweep_points(3)
    tracker.finish_sweep(points, objectives, Outcome(Ending.COMPLETED, "done"), search(3))
    files = {file.path for file in store.client.list_artifacts(tracker.sweep_run)}
    assert {"slices.png", "pareto_3d.png", "hypervolume.png", "plots.html", "hypervolume.csv", "importances.png"} <= files


def test_only_what_a_person_compares_is_a_metric() -> None:
    kept = {
        "pass_rate": 0.5,
        "pass_rate_low": 0.4,
        "mutation_score_all": 0.1,
        "rung_pass_rate": 0.3,
        "steps": 9.0,
        "estimate_bytes": 1.0,
    }
    gone = ("pass_rate_n", "mutation_score_all_low", "pass_rate_without_copied_high", "rung_pass_rate_n", "estimate_loss_bytes")
    assert charted(kept | dict.fromkeys((*gone, "mutation_score_lenient_at_valid"), 1.0)) == kept


def test_the_ui_opens_with_the_columns_of_the_sweep(store: Store, tracker: Tracker) -> None:
    assert viewed_experiment(store.tracking_uri) is None
    tracker.offer_view(["pass_rate"], ["r", "quantization"])
    kept = store.client.get_experiment(store.experiment_id).tags[VIEW_TAG]
    state = json.loads(zlib.decompress(base64.b64decode(kept.removeprefix("deflate;"))))
    assert state["selectedColumns"][:4] == ["tags.`outcome`", "metrics.`pass_rate`", "params.`r`", "params.`quantization`"]
    assert viewed_experiment(store.tracking_uri) == store.experiment_id
    assert ui_url("h", 1, store.experiment_id).endswith("&viewStateShareKey=harness")
    assert viewed_experiment("sqlite:////nowhere/at/all.db") is None
    assert viewed_experiment("http://somewhere") is None


def test_a_rung_alone_is_no_curve() -> None:
    assert not SearchRecord([LearningCurve("trial 1", (RungMark(1.0, 1.0, (0.5,)),), Fate.FRONT)]).climbs
    assert search(1).climbs


def test_objectives_without_points_leave_no_plots(store: Store, tracker: Tracker) -> None:
    tracker.finish_sweep([], [Objective("a", "maximize")], Outcome(Ending.INTERRUPTED, "stopped"))
    assert {file.path for file in store.client.list_artifacts(tracker.sweep_run)} == {"sweep.yaml"}

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.outcome import Ending, Outcome
from harness.core.pareto import Objective
from harness.tracking import plots
from harness.tracking.artifacts import write_search_files
from harness.tracking.search import Fate, LearningCurve, RungMark, SearchRecord, importance_rows, rung_rows
from harness.tracking.search_plot import importance_bars, learning_curves
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

OBJECTIVES = [Objective("pass_rate", "maximize"), Objective("latency_s", "minimize")]
SHARES = ((1 / 9, 1 / 3), (1 / 3, 2 / 3), (1.0, 1.0))
IMPORTANCES = {"pass_rate": {"learning_rate": 0.7, "r": 0.3}, "latency_s": {"r": 0.9, "warmup_ratio": 0.1}}


def curve(number: int, rungs: int, fate: Fate) -> LearningCurve:
    marks = []
    for training, validation in SHARES[:rungs]:
        value = 0.1 * number + training / 5
        marks.append(RungMark(training, validation, (value, 2.0 - value), ((value - 0.1, value + 0.1), None)))
    return LearningCurve(f"trial {number}", tuple(marks), fate)


CURVES = [
    curve(0, 1, Fate.CUT),
    curve(1, 2, Fate.CUT),
    curve(2, 2, Fate.WAITING),
    curve(3, 3, Fate.DOMINATED),
    curve(4, 3, Fate.FRONT),
    curve(7, 3, Fate.FRONT),
]


def test_every_objective_has_a_panel_and_every_rung_a_tick() -> None:
    figure = learning_curves(CURVES, OBJECTIVES)
    assert [panel.get_ylabel() for panel in figure.axes] == ["pass_rate (higher is better)", "latency_s (lower is better)"]
    for panel in figure.axes:
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["11%\n33%", "33%\n67%", "100%\n100%"]
        assert {text.get_text() for text in panel.texts} == {"4", "7"}
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["cut at a rung (2)", "not decided (1)", "trained whole, dominated (1)", "front (2)"]


def test_only_the_front_has_whiskers_and_only_where_they_were_measured() -> None:
    measured, unmeasured = learning_curves(CURVES, OBJECTIVES).axes
    assert len(measured.collections) == 2 * len(SHARES)
    assert not unmeasured.collections


def test_fronts_that_end_alike_share_a_number() -> None:
    twin = LearningCurve("trial 12", CURVES[4].marks, Fate.FRONT)
    texts = {text.get_text() for text in learning_curves([*CURVES, twin], OBJECTIVES[:1]).axes[0].texts}
    assert texts == {"4, 12", "7"}


def test_thousands_of_trials_are_a_handful_of_lines() -> None:
    many = [curve(number % 9, 1, Fate.CUT) for number in range(3000)]
    (panel,) = learning_curves([*many, *CURVES], OBJECTIVES[:1]).axes
    assert len(panel.lines) == len(Fate) + 1


@pytest.mark.parametrize("fate", list(Fate))
def test_a_lone_trial_can_be_drawn(fate: Fate, tmp_path: Path) -> None:
    plots.save(learning_curves([curve(0, 1, fate)], OBJECTIVES), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_bars_stand_in_the_order_of_their_mean_and_an_absent_share_is_nothing() -> None:
    (panel,) = importance_bars(IMPORTANCES).axes
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["warmup_ratio", "learning_rate", "r"]
    assert sorted(text.get_text() for text in panel.texts) == ["0%", "0%", "10%", "30%", "70%", "90%"]


def test_tables_say_what_the_pictures_show() -> None:
    table = rung_rows(CURVES, OBJECTIVES)
    assert len(table) == 1 + 2 + 2 + 3 * 3
    first = {"label": "trial 0", "fate": "cut at a rung", "training": 1 / 9, "validation": 1 / 3}
    assert first.items() <= table[0].items()
    assert {"pass_rate_low", "pass_rate_high", "latency_s"} <= set(table[0])
    assert "latency_s_low" not in table[0]
    assert importance_rows(IMPORTANCES)[0] == {"parameter": "learning_rate", "pass_rate": 0.7, "latency_s": None}


def test_a_sweep_without_rungs_leaves_no_such_files(tmp_path: Path) -> None:
    assert write_search_files(SearchRecord(), OBJECTIVES, tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_finishing_a_sweep_leaves_the_search(store: Store, tracker: Tracker) -> None:
    tracker.finish_sweep([], OBJECTIVES, Outcome(Ending.COMPLETED, "6 trials"), SearchRecord(CURVES, IMPORTANCES))
    run = store.client.get_run(tracker.sweep_run)
    files = {file.path for file in store.client.list_artifacts(tracker.sweep_run)}
    kinds = {f"{name}.{kind}" for name in ("rungs", "importances") for kind in ("png", "json", "csv")}
    assert files == kinds | {"sweep.yaml"}
    tables = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    assert [table["path"] for table in tables] == ["rungs.json", "importances.json"]

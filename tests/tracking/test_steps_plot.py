from __future__ import annotations

import struct
from pathlib import Path

import pytest
from matplotlib.patches import Rectangle

from harness.core.measured import Measured
from harness.core.steps_points import SHOWN, StepPoint
from harness.tracking.plots import save
from harness.tracking.steps_plot import steps_figure
from harness.tracking.steps_run import StepsRun, log_steps
from harness.tracking.store import Store


def point(number: int, start_from: str = "adapter", metrics: tuple[str, ...] = SHOWN) -> StepPoint:
    values = {name: Measured(0.1 * k + 0.02 * number, 0.1 * k, 0.1 * k + 0.1) for k, name in enumerate(metrics)}
    return StepPoint(number, values, {name: Measured(0.05) for name in metrics}, 80 + 40 * number, 40, start_from, 2)


def test_scores_whiskers_bars_and_the_base_are_there() -> None:
    upper, lower = steps_figure("weekly", [point(0), point(1), point(2, "scratch")]).axes
    legend = upper.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "pass_rate, now 0.04",
        "branch_coverage, now 0.14",
        "mutation_score, now 0.24",
        "untuned base, zero-shot",
    ]
    assert len(upper.containers) == 3
    bars = [bar for bar in lower.patches if isinstance(bar, Rectangle)]
    assert [bar.get_height() for bar in bars] == [40, 80, 120, 40, 40, 40]
    assert [text.get_text() for text in lower.texts] == ["80", "120", "160"]
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["0\n(trial 2)", "1\n(trial 2)", "2\n(trial 2)\nfrom scratch"]


@pytest.mark.parametrize("count", [1, 3, 60])
def test_few_and_many_steps_can_be_drawn(count: int, tmp_path: Path) -> None:
    save(steps_figure("weekly", [point(number) for number in range(count)]), tmp_path / "steps.png")
    data = (tmp_path / "steps.png").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert 600 < height < width < 2000


def test_a_metric_that_was_not_measured_is_left_out() -> None:
    upper = steps_figure("weekly", [point(0, metrics=("pass_rate",)), point(1)]).axes[0]
    assert len(upper.containers) == 3
    assert len(steps_figure("weekly", [point(0, metrics=("pass_rate",))]).axes[0].containers) == 1


def test_the_run_of_all_steps_has_one_value_a_step_and_is_written_to_once(store: Store, tmp_path: Path) -> None:
    plot = tmp_path / "steps" / "weekly" / "steps.png"
    run_id = log_steps(store, StepsRun("weekly", None, {"step": "0"}), [point(0)], plot)
    again = log_steps(store, StepsRun("weekly", run_id, {"step": "2"}), [point(0), point(1), point(2)], plot)
    assert again == run_id
    client = store.client
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "functions_trained_on")] == [(0, 80), (1, 120), (2, 160)]
    assert [m.value for m in client.get_metric_history(run_id, "pass_rate_high")] == [0.1, 0.1, 0.1]
    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.status, run.data.tags["step"]) == ("steps of weekly", "FINISHED", "2")
    assert run.data.tags["steps_of"] == "weekly"
    assert "| 2 | 160 (40 new) |" in run.data.tags["mlflow.note.content"]
    assert {file.path for file in client.list_artifacts(run_id)} == {"steps.png", "steps.json", "steps.csv"}
    assert [path.name for path in plot.parent.iterdir()] == ["steps.png"]


def test_a_run_that_was_deleted_is_made_anew_with_all_steps(store: Store, tmp_path: Path) -> None:
    plot = tmp_path / "steps.png"
    first = log_steps(store, StepsRun("weekly", None, {}), [point(0)], plot)
    store.client.delete_run(first)
    second = log_steps(store, StepsRun("weekly", first, {}), [point(0), point(1)], plot)
    assert second != first
    assert len(store.client.get_metric_history(second, "pass_rate")) == 2

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measured import Measured
from harness.core.outcome import Ending, Outcome
from harness.tracking.foreign import fenced, visible
from harness.tracking.loss_plot import loss_figure, smoothed
from harness.tracking.run_files import RunFiles, RungReached, RunReport
from harness.tracking.run_log import kept_events, log_lines, metric_rows
from harness.tracking.run_report import write_run_report
from harness.tracking.samples import Sample, Samples, Written, samples_markdown
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker
from harness.trial.events import Event, EventWriter

T0 = 1_795_402_833.0
VALID = Written(
    "from solution import f\n\n\ndef test_f():\n    assert f(1) == 1\n",
    "raw",
    False,
    "valid",
    "1 of 1 tests pass",
    1,
    1,
    1.0,
    0.5,
    4,
    9,
)
WRONG = Written("from solution import f\n", "```python\ndef f(x): ...\n```", True, "nothing_collected", "no test | found", 0, 0)
SAMPLES = Samples(
    "trial 3", "base zero-shot", "validation", (Sample("HumanEval/1", "def f(x):\n    return x\n", WRONG, VALID),), 40
)
RUNGS = (
    RungReached(0, 2),
    RungReached(1, 4, {"pass_rate": Measured(0.4, 0.2, 0.6), "mutation_score": Measured(0.3)}),
    RungReached(2, 6, {"pass_rate": Measured(0.5, 0.3, 0.7), "mutation_score": Measured(0.35)}),
)


def train(step: int, loss: float) -> Event:
    return Event("train", step, 6, T0 + step, {"loss": loss, "epoch": step / 3, "learning_rate": 1e-3, "rss_bytes": 2.0**30})


def begins(step: int) -> Event:
    return Event("train", step, 6, T0, {})


def test_what_was_done_again_after_a_crash_stands_once() -> None:
    first = [begins(0), *(train(step, 9.0) for step in (1, 2, 3, 4)), Event("eval", 4, 6, T0, {"eval_loss": 9.0})]
    again = [begins(2), train(3, 1.0)]
    kept = kept_events([Event("load", 0, 0, T0, {"rss_bytes": 1.0}), *first, *again])
    assert [(row["step"], row["train_loss"], row["eval_loss"]) for row in metric_rows(kept)] == [
        (1, 9.0, None),
        (2, 9.0, None),
        (3, 1.0, None),
    ]
    assert next(event.phase for event in kept) == "load"


def test_a_new_start_with_calmer_settings_forgets_the_first() -> None:
    kept = kept_events([begins(0), train(1, 5.0), train(2, 50.0), begins(0), train(1, 4.0)])
    assert [row["train_loss"] for row in metric_rows(kept)] == [4.0]


def test_losses_of_one_step_share_a_row() -> None:
    rows = metric_rows([train(1, 2.0), Event("eval", 1, 6, T0 + 9, {"eval_loss": 1.5}), Event("generate", 3, 9, T0, {"x": 1.0})])
    assert len(rows) == 1
    assert (rows[0]["train_loss"], rows[0]["eval_loss"], rows[0]["seconds"]) == (2.0, 1.5, 8.0)


def test_every_event_is_a_line_in_words() -> None:
    lines = log_lines([begins(0), train(1, 0.5), begins(1), Event("generate", 3, 20, T0, {"rss_bytes": 2.0**31})])
    assert "begins" in lines[0]
    assert lines[0].startswith("2026-11-23 03:00:33  train ")
    assert "step 1/6" in lines[1]
    assert "loss 0.5" in lines[1]
    assert "lr 1.00e-03" in lines[1]
    assert "goes on" in lines[2]
    assert "suites 3/20" in lines[3]
    assert "rss 2.00 GiB" in lines[3]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(1, 20))
def test_a_smoothed_line_stays_between_what_was_measured(values: list[float], window: float) -> None:
    line = smoothed(values, window)
    assert line[0] == pytest.approx(values[0])
    assert all(min(values) - 1e-9 <= value <= max(values) + 1e-9 for value in line)


def test_the_picture_marks_rungs_and_shows_objectives_where_they_were_measured() -> None:
    rows = metric_rows([train(step, 3.0 / step) for step in range(1, 30)])
    losses, objectives, rate = loss_figure(rows, RUNGS).axes
    assert [text.get_text() for text in losses.texts] == ["rung 1", "rung 2", "rung 3"]
    assert [line.get_alpha() for line in losses.lines][:2] == [0.3, None]
    assert [text.get_text() for text in objectives.get_legend().get_texts()] == ["pass_rate", "mutation_score"]
    assert list(rate.lines[0].get_xdata()) == list(range(1, 30))
    assert len(loss_figure(rows, RUNGS[:1]).axes) == 2  # judged by the loss alone


def test_few_steps_are_drawn_as_they_are() -> None:
    losses, _ = loss_figure(metric_rows([train(1, 2.0), train(2, 1.0)])).axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["training"]
    assert "no loss was logged" in {text.get_text() for text in loss_figure([]).axes[0].texts}


def test_samples_read_well_and_say_what_became_of_each() -> None:
    text = samples_markdown(SAMPLES)
    assert text.startswith("# Tests written by trial 3, beside the untuned base (base zero-shot)")
    assert "1 of 40 validation functions" in text
    assert "| 1 | HumanEval/1 | nothing collected | valid | 0 of 0 | 1 of 1 | 0 | 4 of 9 |" in text
    assert "| after | valid | 1 of 1 | 100 % / 50 % | 4 of 9 | 1 of 1 tests pass |" in text
    assert "no test \\| found" in text
    assert "Before, no whole test (what the model wrote):\n\n````python\n```python\ndef f(x): ...\n```\n````" in text
    assert "After:\n\n```python\nfrom solution import f" in text


def test_without_a_base_there_is_only_after() -> None:
    alone = Samples("trial 3", "", "test", (Sample("a", "", None, VALID),), 1)
    text = samples_markdown(alone)
    assert "no untuned base was kept" in text
    assert "Before:" not in text
    assert "| before | - | - | - | - | - |" in text


@given(st.text())
def test_no_text_ends_its_own_block(text: str) -> None:
    block = fenced(text)
    fence = block.partition("python\n")[0]
    assert set(fence) == {"`"}
    assert block.endswith(f"\n{fence}")
    assert fence not in block[len(fence) : -len(fence)]
    visible(block).encode("utf-8")


def test_a_run_keeps_its_report_in_its_folder_and_in_mlflow(store: Store, tracker: Tracker, tmp_path: Path) -> None:
    folder = tmp_path / "trial-3"
    folder.mkdir()
    with EventWriter(folder / "events.jsonl") as writer:
        for event in (begins(0), train(1, 2.0), train(2, 1.0)):
            writer.write(event)
    (folder / "log.txt").write_bytes(b"loading\n\x1b[31mred\x1b[0m \xff\n")
    run_id = tracker.start_run("trial 3", params={}, tags={"trial": "3"})
    report = RunReport(RUNGS, SAMPLES, folder)
    tracker.log_artifacts(run_id, RunFiles(events_file=folder / "events.jsonl", log_file=folder / "log.txt", report=report))
    tracker.finish_run(run_id, Outcome(Ending.COMPLETED, "done"))
    names = {"metrics.csv", "train.log", "loss.png", "samples.md"}
    assert names <= {file.path for file in store.client.list_artifacts(run_id)}
    for name in names:
        assert (folder / name).read_bytes() == Path(store.client.download_artifacts(run_id, name)).read_bytes()
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["train_loss"], row["epoch"][:4]) for row in rows] == [("1", "2.0", "0.33"), ("2", "1.0", "0.66")]
    log = (folder / "train.log").read_text()
    assert "step 2/6" in log
    assert "\\x1b[31mred" in log
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_what_trained_nothing_has_no_losses(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps({"phase": "generate", "step": 1, "total_steps": 2, "time": T0, "metrics": {}}) + "\n")
    out = tmp_path / "out"
    out.mkdir()
    write_run_report(RunReport(), events, None, out)
    assert {path.name for path in out.iterdir()} == {"train.log"}
    write_run_report(RunReport(), None, None, out)
    write_run_report(RunReport(), tmp_path / "missing", None, out)
    assert {path.name for path in out.iterdir()} == {"train.log"}


def test_the_epoch_is_no_chart(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={})
    tracker.log_events(run_id, [train(1, 2.0)])
    tracker.finish_run(run_id, Outcome(Ending.COMPLETED, "done"))
    assert "epoch" not in store.client.get_run(run_id).data.metrics

from __future__ import annotations

import io
import json
import math
from typing import Any

from recorded_sweep import Clock, Recording

from harness.console.json_view import JsonView
from harness.console.plain_view import PlainView
from harness.console.quiet_view import QuietView
from harness.console.thinning import Thinning
from harness.console.view import SweepView, TrialEnd, TrialProgress
from harness.core.outcome import Ending


def told(recording: Recording, clock: Clock, view: SweepView, stream: io.StringIO, step_s: float = 1.0) -> list[str]:
    with view:
        recording.tell(view, clock, step_s)
    return stream.getvalue().splitlines()


def test_plain_lines_tell_the_whole_sweep(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    lines = told(recording, clock, PlainView(stream, clock), stream)
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "\r" not in text
    assert "objectives: maximize pass_rate, branch_coverage, mutation_score" in lines
    assert "trial 0: completed after 1:41, pass 0.46, branch 0.41, mutation 0.22" in lines
    assert "trial 1: completed after 1:41, pass 0.30, branch 0.50" in lines
    assert "trial 2: pruned:memory after 0:00, estimate 9.0 GiB is over the budget of 8.0 GiB by 12 %" in lines
    assert any(line.startswith("knee") and "trial 0" in line for line in lines)
    assert "promoted: trial 0 is quickstart version 1, alias champion" in lines
    assert "  ready to use in mlruns/promoted/quickstart" in lines
    assert lines[-1].endswith("harness ui")


def test_plain_progress_is_thinned_to_ten_seconds_and_new_phases(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    lines = told(recording, clock, PlainView(stream, clock), stream)
    steps = [line for line in lines if line.startswith("trial 0: train")]
    assert [line.split()[3] for line in steps] == ["1/40,", "11/40,", "21/40,", "31/40,"]
    assert steps[0] == "trial 0: train 1/40, loss 2.950, memory 2.0/8.0 GiB, 1:29 left"
    assert sum(line.startswith("trial 0: score") for line in lines) == 1


def test_plain_lines_reach_a_stream_that_knows_ascii_only(recording: Recording, clock: Clock) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    with PlainView(stream, clock) as view:
        recording.tell(view, clock)
    stream.flush()
    assert b"0.46 +-.09" in raw.getvalue()
    assert b"a32 lr 2e-4" in raw.getvalue()


def test_json_is_one_object_a_line(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    objects: list[dict[str, Any]] = [json.loads(line) for line in told(recording, clock, JsonView(stream, clock), stream)]
    assert {o["schema"] for o in objects} == {1}
    kinds = [o["event"] for o in objects]
    assert kinds[:3] == ["message", "sweep_started", "trial_started"]
    assert kinds[-2:] == ["trial_ended", "sweep_ended"]
    assert kinds.count("trial_progress") == 3 * (1 + 40 + 5)
    assert [o["time"] for o in objects] == sorted(o["time"] for o in objects)
    started, ended = objects[1], objects[-1]
    assert started["budget_bytes"] == 8 * 2**30
    assert started["objectives"][0] == {"name": "pass_rate", "direction": "maximize"}
    knee = next(row for row in ended["rows"] if row["is_knee"])
    assert knee["values"]["pass_rate"]["value"] == 0.46
    assert next(row for row in ended["rows"] if row["label"] == "trial 1")["values"]["mutation_score"] is None
    assert ended["promotion"]["alias"] == "champion"


def test_json_repeats_a_silent_step_every_ten_seconds_only(clock: Clock) -> None:
    stream = io.StringIO()
    view = JsonView(stream, clock)
    for _ in range(160):  # 16 Hz for ten seconds
        view.trial_progress(TrialProgress("trial 0", "train", 1, 40))
        clock.seconds += 0.0625
    view.trial_progress(TrialProgress("trial 0", "train", 1, 40))
    assert len(stream.getvalue().splitlines()) == 2


def test_json_has_null_for_a_loss_that_is_not_a_number(clock: Clock) -> None:
    stream = io.StringIO()
    JsonView(stream, clock).trial_ended(TrialEnd("trial 0", Ending.PRUNED_UNSTABLE, "loss is NaN", {"loss": math.nan}, 3.0))
    read = json.loads(stream.getvalue())
    assert read["metrics"] == {"loss": None}
    assert read["ending"] == "pruned:unstable"


def test_quiet_json_is_one_line(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    (line,) = told(recording, clock, JsonView(stream, clock, only_summary=True), stream)
    assert json.loads(line)["event"] == "sweep_ended"


def test_quiet_shows_the_table_and_broken_infrastructure_only(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    view = QuietView(stream)
    view.trial_ended(TrialEnd("trial 9", Ending.FAILED, "the disk is full", {}, 3.0))
    lines = told(recording, clock, view, stream)
    assert lines[0] == "trial 9: failed:infrastructure after 0:03, the disk is full"
    assert lines[1] == ""
    assert "pass ↑" in lines[2]


def test_thinning_keeps_labels_apart() -> None:
    thinning = Thinning(10.0)
    assert thinning.lets("a", "train", 0.0)
    assert thinning.lets("b", "train", 1.0)
    assert not thinning.lets("a", "train", 9.9)
    assert thinning.lets("a", "score", 9.9)
    assert thinning.lets("a", "score", 20.0)
    assert not thinning.lets("a", "score", 20.0)
    thinning.forget("a")
    assert thinning.lets("a", "score", 20.0)

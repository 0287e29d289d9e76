"""A sweep with rungs and trials at once, as every view shows it."""

from __future__ import annotations

import io
import json
import re

import pytest
from recorded_rungs import CUT, events
from recorded_sweep import Clock
from rich.console import Console

from harness.console.json_view import JsonView
from harness.console.plain_view import PlainView
from harness.console.quiet_view import QuietView
from harness.console.rich_view import RichView
from harness.console.view import SweepView, TrialEnd, TrialLine
from harness.core.outcome import Ending


def tell(view: SweepView, clock: Clock) -> None:
    with view:
        for event in events():
            event(view)
            clock.seconds += 1.0


def on_terminal(clock: Clock, width: int, height: int = 40) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, height=height, legacy_windows=False)
    tell(RichView(console, clock), clock)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_terminal(clock: Clock, width: int) -> None:
    lines = [line.rstrip() for line in on_terminal(clock, width).split("\n")]
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("‖ trial 8 ") and "rung 1/3" in line for line in lines) == 1
    assert sum(line.startswith("⊘ trial 5 ") and "cut at rung 2 of 3" in line for line in lines) == 1
    assert sum(line.startswith("✓ trial ") for line in lines) == 3
    assert any("rung 3/3" in line and "score" in line for line in lines)
    assert "⊘ 5 cut at rung 1: trial 1, 2, 4, 6, 7" in lines
    assert "  paused at rung 1: 2" in lines
    assert any("simulated" in line for line in lines)


def test_status_stays_on_the_screen_when_the_running_trials_do_not_fit(clock: Clock) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=10, legacy_windows=False)
    with RichView(console, clock) as view:
        next(events())(view)
        for trial in range(12):
            view.trial_started(TrialLine(f"trial {trial}", {}))
        view.trial_ended(TrialEnd("trial 99", Ending.PRUNED_MEMORY, "too big", {}, 0.0))
        drawn = stream.getvalue().split("too big", 1)[1]
    assert "trial 5" in drawn
    assert "trial 6" not in drawn
    assert "and 6 more" in drawn
    assert "1/9 trials" in drawn


def test_plain_lines(clock: Clock) -> None:
    stream = io.StringIO()
    tell(PlainView(stream, clock), clock)
    lines = stream.getvalue().splitlines()
    assert "rungs: 11 % of training, 8 functions; 33 % of training, 16 functions; then all of both" in lines
    assert "device: host (2 cores), 12.0 GiB at most, 2 trials at once" in lines
    assert "trial 0: rung 1/3 reached, waits after 0:30, pass 0.20, branch 0.16, mutation 0.12" in lines
    assert "trial 5: pruned:rung after 1:00, cut at rung 2 of 3: clearly worse than those that go on" in lines
    assert any(line.startswith("trial 3: rung 2/3, train 12/36, loss 1.880, memory") for line in lines)
    assert lines[-4:-2] == ["5 cut at rung 1: trial 1, 2, 4, 6, 7", "1 cut at rung 2: trial 5"]


def test_json_tells_every_pause_and_at_which_rung_a_trial_was_cut(clock: Clock) -> None:
    stream = io.StringIO()
    tell(JsonView(stream, clock), clock)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    paused = [one for one in said if one["event"] == "trial_paused"]
    assert len(paused) == 9 + 4
    assert paused[0] | {"time": 0} == {
        "schema": 1,
        "event": "trial_paused",
        "time": 0,
        "label": "trial 0",
        "rung": 0,
        "rungs": 3,
        "values": {"pass_rate": 0.2, "branch_coverage": 0.16, "mutation_score": 0.12},
        "duration_s": 30.0,
    }
    cut = {one["label"]: one["rung"] for one in said if one["event"] == "trial_ended" and one["rung"] is not None}
    assert cut == {f"trial {trial}": rung for trial, rung in CUT.items()}
    assert {(one["rung"], one["rungs"]) for one in said if one["event"] == "trial_progress"} == {(0, 3), (1, 3), (2, 3)}


def test_quiet_says_nothing_before_the_end(clock: Clock) -> None:
    stream = io.StringIO()
    tell(QuietView(stream), clock)
    assert "waits" not in stream.getvalue()
    assert stream.getvalue().splitlines()[-1].startswith("finished in 12:34")

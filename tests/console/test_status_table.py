"""What `harness status` and `harness fsck` look like: nothing is cut at 80 columns that a person needs, nothing overflows."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from harness.console.findings import Report, Shown, render_findings
from harness.console.status_table import RunningTrial, StudyStatus, plain_status, render_status, rich_status
from harness.console.view import ResultRow
from harness.core.measured import Measured
from harness.core.pareto import Objective

SETTINGS = {"r": 16, "learning_rate": 2e-4, "warmup_ratio": 0.03, "quantization": "nf4"}
OBJECTIVES = (Objective("pass_rate", "maximize"), Objective("mutation_score", "maximize"))


def status() -> StudyStatus:
    running = RunningTrial(
        12, SETTINGS, "host:4711", 3.0, dead=False, rung=1, phase="train", step=40, total=120, used_bytes=2**31, eta_s=195.0
    )
    silent = RunningTrial(13, SETTINGS, "far:17", 600.0, dead=True)
    values = {"pass_rate": Measured(0.46, 0.37, 0.55), "mutation_score": Measured(0.2, 0.1, 0.3)}
    rows = (ResultRow("base zero-shot", "baseline", {}, values), ResultRow("trial 3", "trial", SETTINGS, values, True, True))
    return StudyStatus(
        study="quickstart",
        swept="swept by process 4711 on this machine",
        finished=False,
        n_trials=20,
        left=6,
        queued=1,
        rungs=3,
        running=(running, silent),
        waiting={0: (1, 2), 1: (5,)},
        broken_off=(14,),
        ended={"completed": 3, "pruned:rung": 4, "pruned:memory": 1, "failed:infrastructure": 1, "stopped": 1},
        requests=("stop trial 12, 3 s ago",),
        rows=rows,
        objectives=OBJECTIVES,
    )


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_all_of_it_in_its_width(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None, highlight=False)
    console.print(rich_status(status(), width))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    shown = " ".join(" ".join(lines).split())
    for text in (
        "12 2/3 train 40/120 2.0 GiB 3:12 r16",
        "13 - dead - - -",
        "2 wait at rung 1 of 3",
        "1 out of memory",
        "★",
        "0.46 ±.09",
    ):
        assert text in shown


def test_a_pipe_gets_aligned_words() -> None:
    lines = plain_status(status())
    assert lines[:3] == [
        "study quickstart: swept by process 4711 on this machine",
        "14 of 20 trials begun, 10 ended: 3 complete, 4 cut, 1 out of memory, 1 infrastructure, 1 stopped",
        "1 running, 1 cut off, 2 wait at rung 1 of 3, 1 wait at rung 2 of 3, 1 broken off, 1 queued",
    ]
    assert lines[3].split() == ["trial", "rung", "phase", "step", "memory", "left", "settings"]
    assert "note: asked, not answered yet: stop trial 12, 3 s ago" in lines
    assert "front so far" in lines


def test_json_holds_numbers_and_the_front() -> None:
    stream = io.StringIO()
    render_status(status(), stream, json_=True)
    said = json.loads(stream.getvalue())
    assert (said["schema"], said["event"], said["left"], said["running"][0]["used_bytes"]) == (1, "status", 6, 2**31)
    assert [row["label"] for row in said["front"]] == ["trial 3"]
    assert said["waiting"] == {"0": [1, 2], "1": [5]}


WRONG = Shown("run-left-open", "run abc", "trial 3 ended as completed; the run is RUNNING, outcome none", "makes it FINISHED")
GONE = Shown("promoted-gone", "s version 1", "it came from what is gone: folder x", "")


@pytest.mark.parametrize(
    ("left", "repaired", "last"),
    [
        ((), (), "everything agrees"),
        ((WRONG,), (), "1 disagreement; `harness fsck s --repair` puts it right"),
        ((WRONG, WRONG), (), "2 disagreements; `harness fsck s --repair` puts all of them right"),
        ((WRONG, GONE), (), "2 disagreements; `harness fsck s --repair` puts 1 of them right"),
        ((GONE,), (WRONG,), "1 repaired, 1 disagreement"),
        ((), (WRONG,), "1 repaired, everything agrees"),
    ],
)
def test_fsck_closes_with_what_to_do(left: tuple[Shown, ...], repaired: tuple[Shown, ...], last: str) -> None:
    stream = io.StringIO()
    report = Report("s", {"trial": 5, "lease": 1}, left, repaired, "")
    render_findings(report, stream)
    lines = stream.getvalue().splitlines()
    assert (lines[0], lines[-1]) == ("study s: 5 trials, 1 lease", last)
    as_json = io.StringIO()
    render_findings(report, as_json, as_json=True)
    said = json.loads(as_json.getvalue())
    assert (said["clean"], len(said["left"]), len(said["repaired"])) == (not left, len(left), len(repaired))

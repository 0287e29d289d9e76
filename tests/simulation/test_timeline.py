from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.simulation.timeline import Moment, Timeline, read_moments

FIRST = Moment(12.5, 0, 0, "completed", False, (0.1, 0.2), 2)
SECOND = Moment(30.0, 1, 0, "pruned:unstable", False, None, 2)


def test_time_stands_until_something_happens(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "deep" / "timeline.jsonl")
    assert timeline.now() == 0.0
    timeline.happened(FIRST)
    timeline.happened(SECOND)
    assert timeline.now() == 30.0
    timeline.happened(replace(FIRST, at=20.0))
    assert timeline.now() == 30.0


def test_a_new_process_goes_on_where_the_clock_stood(tmp_path: Path) -> None:
    file = tmp_path / "timeline.jsonl"
    Timeline(file).happened(FIRST)
    with file.open("a") as half:
        half.write('{"at": 99')
    later = Timeline(file)
    assert later.now() == 12.5
    later.happened(SECOND)
    assert read_moments(file) == (FIRST, SECOND)


def test_without_a_file_nothing_is_kept() -> None:
    timeline = Timeline()
    timeline.happened(FIRST)
    assert timeline.now() == 12.5
    assert read_moments(Path("/nonexistent/timeline.jsonl")) == ()

"""Whole scenes on the scripted GPU: real processes, the real loop, the unmodified pynvml."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guard_support import GIB, HERE, MIB, TOTAL, ScriptedNvml, device, error

FULL = TOTAL - 300 * MIB


def play(nvml: ScriptedNvml, budget: int, *steps: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(nvml.run(str(HERE / "gpu_trial.py"), str(budget), *steps))
    return told


def test_an_overshoot_is_killed_and_its_memory_comes_back(nvml: ScriptedNvml) -> None:
    told = play(nvml, 2 * GIB, f"take:{GIB}", "sleep:0.4", f"take:{2 * GIB}", "sleep:10")
    assert told["kill"][:2] == ["level", "own"]
    assert (told["constraint"], told["peak"], told["back"], told["blind"]) == (0.5, 3 * GIB, True, None)
    assert 0.4 < told["killed_at_s"] < 10
    assert [used for _, used, _ in told["curve"]][-1] == 3 * GIB


def test_a_gpu_lost_while_training_ends_the_trial_as_an_error(nvml: ScriptedNvml) -> None:
    told = play(nvml, 2 * GIB, f"take:{GIB}", "sleep:0.2", f"say:{error('memory', 15)}", "sleep:10")
    assert told == {"lost": True, "alive": False}


def test_a_neighbour_that_fills_the_gpu_ends_the_trial_without_blame(nvml: ScriptedNvml) -> None:
    told = play(nvml, 8 * GIB, f"take:{GIB}", f"neighbour:{FULL - GIB - 10 * MIB}", "sleep:10")
    assert told["kill"][:2] == ["full", "neighbour"]
    assert "another process took the rest" in told["kill"][2]
    assert told["constraint"] < 0


def test_a_neighbour_that_grows_while_there_is_room_ends_nothing(nvml: ScriptedNvml) -> None:
    told = play(nvml, 2 * GIB, f"take:{GIB}", f"neighbour:{3 * GIB}", "sleep:0.5")
    assert (told["returncode"], told["kill"], told["peak"], told["notes"]) == (0, None, GIB, [])
    assert told["back"]


def test_after_a_neighbour_grew_the_trial_is_still_watched(nvml: ScriptedNvml) -> None:
    told = play(nvml, 2 * GIB, f"take:{GIB}", f"neighbour:{3 * GIB}", "sleep:0.3", f"take:{2 * GIB}", "sleep:10")
    assert told["kill"][:2] == ["level", "own"]
    assert told["constraint"] == 0.5


def test_a_neighbour_that_grows_and_fills_the_gpu_is_blamed(nvml: ScriptedNvml) -> None:
    told = play(nvml, 2 * GIB, f"take:{GIB}", f"neighbour:{FULL - GIB - 10 * MIB}", "sleep:10")
    assert told["kill"][:2] == ["full", "neighbour"]
    assert (told["constraint"], told["peak"]) == (-0.5, GIB)


@pytest.mark.parametrize("line", ["listed na", "listed none", "listed shifted", error("processes", 4)])
def test_where_the_driver_does_not_tell_the_fall_of_free_memory_decides_and_that_is_said(nvml: ScriptedNvml, line: str) -> None:
    nvml.add(line)
    told = play(nvml, 2 * GIB, f"take:{GIB}", f"neighbour:{3 * GIB}", "sleep:10")
    assert told["kill"][:2] == ["level", "own"]
    assert len(told["notes"]) == 1


@pytest.mark.parametrize(
    ("code", "says"), [(999, "Unknown Error"), (18, "version mismatch"), (4, "Permissions"), (10, "Timeout")]
)
def test_a_device_that_cannot_be_read_any_more_does_not_end_the_trial(nvml: ScriptedNvml, code: int, says: str) -> None:
    told = play(
        nvml, 2 * GIB, f"take:{GIB}", "sleep:0.2", f"say:{error('memory', code)}", "sleep:0.4", f"take:{4 * GIB}", "sleep:0.2"
    )
    assert (told["returncode"], told["kill"], told["peak"], told["back"]) == (0, None, GIB, False)
    assert told["blind"].startswith("not watched from ")
    assert says in told["blind"]


def test_a_hiccup_of_the_driver_is_forgotten(nvml: ScriptedNvml) -> None:
    nvml.write(f"clock {nvml.clock}", device(), f"takers {nvml.takers}", error("memory", 10, 200, 240))
    told = play(nvml, 2 * GIB, f"take:{GIB}", "clock:", "sleep:0.6")
    assert (told["returncode"], told["kill"], told["blind"]) == (0, None, None)


def test_a_device_that_can_be_read_again_is_watched_again(nvml: ScriptedNvml) -> None:
    nvml.write(f"clock {nvml.clock}", device(), f"takers {nvml.takers}", error("memory", 999, 100, 900))
    told = play(nvml, 2 * GIB, f"take:{GIB}", "clock:", "sleep:2", f"take:{4 * GIB}", "sleep:10")
    assert told["kill"][:2] == ["level", "own"]
    assert " to " in told["blind"]


def test_without_a_baseline_the_trial_runs_unwatched(nvml: ScriptedNvml) -> None:
    nvml.write(f"clock {nvml.clock}", device(), f"takers {nvml.takers}")
    told = json.loads(nvml.run("-c", NO_BASELINE, str(HERE / "gpu_trial.py")))
    assert (told["returncode"], told["kill"], told["curve"]) == (0, None, [])
    assert "no baseline" in told["blind"]


NO_BASELINE = """
import os, pathlib, runpy, sys
from harness.guard.nvml import NvmlProbe
opened = NvmlProbe.__init__
def open_and_break(probe, *arguments):
    opened(probe, *arguments)
    with pathlib.Path(os.environ["NVML_SCRIPT"]).open("a") as script:
        script.write("error memory 999 -9 inf" + chr(10))
NvmlProbe.__init__ = open_and_break
sys.argv = [sys.argv[1], str(2 << 30), f"take:{1 << 30}", "sleep:0.3"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Breaks the driver between the opening of the probe and the launch."""


def test_a_neighbour_that_fills_the_card_fast_ends_the_trial_before_it_is_full(nvml: ScriptedNvml) -> None:
    ramp = ("linear", "other 0 0", f"other 1000 {FULL}", f"other 9e9 {FULL}")
    nvml.write(f"clock {nvml.clock}", device(), f"takers {nvml.takers}", *ramp)
    told = play(nvml, 16 * GIB, f"take:{GIB}", "clock:", "sleep:10")
    assert told["kill"][:2] == ["slope", "neighbour"]
    _, _, free = told["curve"][-1]
    assert 128 * MIB < free < 2 * GIB


def test_a_spill_to_the_host_ends_the_trial(nvml: ScriptedNvml) -> None:
    steady = [step for pace in range(1000, 1006) for step in (f"pace:{pace}", "sleep:0.06")]
    slow = [step for pace in (100, 101, 102) for step in (f"pace:{pace}", "sleep:0.06")]
    edge = FULL - GIB - 200 * MIB
    told = play(nvml, FULL - 100 * MIB, f"take:{GIB}", *steady, f"take:{edge}", *slow, "sleep:10")
    assert told["kill"][:2] == ["spill", "own"]
    assert told["constraint"] > 0
    assert "tokens/s" in told["kill"][2]

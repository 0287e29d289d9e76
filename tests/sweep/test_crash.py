"""Sweeps that die: at every write they make, at random moments, two workers at once, and on a disk that runs full.

What is checked afterwards is read straight from the databases (`benchmarks.crash_check`). A process of its own forks the
sweeps: one that has run tests has threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ExitCode

pytestmark = pytest.mark.slow

_HERE = Path(__file__).parent


def driven(script: str, *arguments: object, inside: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a driver found, from the last line that it printed."""
    command = [*inside, sys.executable, str(_HERE / script), *map(str, arguments)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_sweep_that_dies_before_one_of_its_writes_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    found = driven("crash_writes.py", tmp_path, 83, 7)
    assert found["moments"] > 200, "the moments are not noticed any more"
    assert found["tried"] >= 4
    assert found["wrong"] == []


def test_killed_again_and_again_with_two_workers(tmp_path: Path) -> None:
    found = driven("crash_random.py", tmp_path, 6)
    assert found["kills"] == 6, "the kills come too late to hit anything"
    assert found["wrong"] == []


@pytest.mark.parametrize("commit", [100, 150])
def test_a_full_disk_is_said_in_three_lines_and_costs_nothing(tmp_path: Path, commit: int) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    disk = tmp_path / "disk"
    disk.mkdir()
    found = driven("crash_disk.py", disk, commit, inside=("unshare", "-rm"))
    assert found["codes"] == [ExitCode.STORAGE, ExitCode.OK]
    said = json.loads(found["said"])
    assert (said["event"], said["code"]) == ("error", ExitCode.STORAGE)
    assert "full" in said["why"] or "No space" in said["why"]
    assert found["reached"] > 0, "the disk was full before there was anything to lose"
    assert found["wrong"] == []

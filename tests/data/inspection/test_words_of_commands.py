"""What the data commands say when something is not as it should be: true, and of use to whoever reads it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click
import pytest
from inspected import native_lines, run_here

from harness.cli_data import _interruptible
from harness.core.errors import ExitCode


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.jsonl"
    file.write_text("".join(native_lines(30)), "utf-8")
    return file


def interrupted(*wanted: Path, writing: Path | None = None) -> int:
    """Ctrl-C in the middle of a command, after `writing` came into place."""

    def command() -> None:
        with _interruptible(*wanted):
            if writing is not None:
                (writing.parent / "half").write_text("x")
                (writing.parent / "half").rename(writing)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(click.exceptions.Exit) as caught:
        command()
    return caught.value.exit_code


def test_an_interrupt_says_in_one_line_that_nothing_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").write_text("from before")
    assert interrupted(tmp_path / "old", tmp_path / "new") == ExitCode.INTERRUPTED
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"interrupted: nothing was written to {tmp_path / 'old'} or {tmp_path / 'new'}\n")
    interrupted()
    assert capsys.readouterr().err == "interrupted: nothing was found out\n"


@pytest.mark.parametrize("before", [None, "from before"])
def test_an_interrupt_after_the_writing_says_that(before: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if before is not None:
        (tmp_path / "out").write_text(before)
    interrupted(tmp_path / "out", tmp_path / "plot", writing=tmp_path / "out")
    assert capsys.readouterr().err == f"interrupted after {tmp_path / 'out'} had been written\n"


def test_of_data_without_one_usable_row_nothing_is_said_about_suites(tmp_path: Path, quiet_cache: Path) -> None:
    (tmp_path / "x.jsonl").write_text('"x"\n[1]\n', "utf-8")
    said = run_here("data", "inspect", f"jsonl:{tmp_path / 'x.jsonl'}")
    assert (said.code, said.out.partition("\n")[0]) == (ExitCode.BAD_INPUT, "BROKEN  none of the 2 rows is usable")
    assert "suite" not in said.out


def test_records_without_suites_are_told_apart_from_no_records(tmp_path: Path, quiet_cache: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": "a", "entry_point": "f", "source": "def f():\\n    return 1\\n"}\n', "utf-8")
    said = run_here("data", "inspect", f"jsonl:{tmp_path / 'x.jsonl'}")
    assert said.code == ExitCode.OK
    assert "no record has an oracle suite: good for functions to write tests for" in said.out


def test_a_list_is_broken_with_the_command_that_takes_it_apart(tmp_path: Path, quiet_cache: Path) -> None:
    (tmp_path / "x.json").write_text(f"[{', '.join(native_lines(3))}]", "utf-8")
    said = run_here("data", "inspect", f"jsonl:{tmp_path / 'x.json'}")
    assert said.code == ExitCode.BAD_INPUT
    assert said.out.startswith("BROKEN  ")
    assert "python -c 'import json, sys;" in said.out


def test_a_prepared_folder_whose_files_were_exchanged_is_a_conflict(good: Path, tmp_path: Path, quiet_cache: Path) -> None:
    out = tmp_path / "ready"
    made = run_here("data", "prepare", f"jsonl:{good}", "--no-execute", "--splits", "25/25/25/25", "--out", str(out))
    assert made.code == ExitCode.OK, made.err
    (out / "train.parquet").write_bytes((out / "test.parquet").read_bytes())
    said = run_here("data", "inspect", f"prepared:{out}")
    assert (said.code, said.out) == (ExitCode.CONFLICT, "")
    assert "train.parquet has changed" in said.err


@pytest.mark.parametrize(
    ("out", "why", "fix"),
    [
        ("/proc/x", "No such file or directory, in /proc", "name another folder with --out"),
        ("/dev/null/x", "/dev/null is no folder", "name another folder with --out"),
        ("x" * 300, "File name too long", "give a shorter name, or name another folder with --out"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named_as_it_was_asked_for(
    out: str, why: str, fix: str, good: Path, tmp_path: Path, quiet_cache: Path
) -> None:
    asked = str(tmp_path / out)
    said = run_here("data", "prepare", f"jsonl:{good}", "--no-execute", "--splits", "40/40/20", "--out", asked)
    assert said.code == ExitCode.STORAGE
    lines = said.err.splitlines()
    assert lines[0] == f"error: cannot write {asked}"
    assert lines[1].startswith(f"  why: {why}")
    assert lines[2] == f"  fix: {fix}"

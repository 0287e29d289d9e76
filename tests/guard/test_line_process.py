"""The helper process on its wire: answers, dies, is started again, hangs, and goes with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guard_support import project_env
from own_processes import alive, gone

from harness.core.errors import ExitCode, HarnessError
from harness.guard.child import Launch
from harness.guard.lines import LineProcess

ECHO = """
import os, socket, sys, time
wire = socket.socket(fileno=int(sys.argv[-1]))
for line in wire.makefile():
    word = line.strip()
    if word == "pid":
        word = str(os.getpid())
    elif word == "hang":
        time.sleep(60)
    elif word == "die":
        print("no memory for this", flush=True)
        os._exit(3)
    wire.sendall(word[::-1].encode() + b"\\n")
"""

Make = Callable[[float], LineProcess]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[LineProcess] = []

    def make_one(timeout_s: float = 30.0) -> LineProcess:
        launch = Launch((sys.executable, "-c", ECHO), tmp_path / "log.txt", project_env(), None, timeout_s)
        made.append(LineProcess(launch))
        return made[-1]

    yield make_one
    for process in made:
        process.close()


def pid_of(lines: LineProcess) -> int:
    return int(lines.ask("pid")[::-1])


def test_one_process_answers_line_by_line_however_long_they_are(make: Make) -> None:
    lines = make(30.0)
    first = pid_of(lines)
    assert lines.ask("abc") == "cba"
    long = "äb" * 400_000
    assert lines.ask(long) == long[::-1]
    assert pid_of(lines) == first


def test_a_killed_process_is_started_again_and_nothing_is_lost(make: Make) -> None:
    lines = make(30.0)
    first = pid_of(lines)
    os.kill(first, signal.SIGKILL)
    assert gone([first], 10)
    assert lines.ask("abc") == "cba"
    assert pid_of(lines) != first


def test_a_question_that_kills_twice_is_an_error_with_its_last_words_and_the_next_one_works(make: Make) -> None:
    lines = make(30.0)
    with pytest.raises(HarnessError) as caught:
        lines.ask("die")
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert "no memory for this" in caught.value.why
    assert lines.ask("abc") == "cba"


def test_a_hanging_process_is_ended_in_time(make: Make) -> None:
    lines = make(1.5)
    pid = pid_of(lines)
    started = time.monotonic()
    with pytest.raises(HarnessError, match="gives no answers") as caught:
        lines.ask("hang")
    assert time.monotonic() - started < 10
    assert "1.5 s" in caught.value.why
    assert gone([pid], 10)


def test_closing_ends_it_and_may_be_repeated(make: Make) -> None:
    lines = make(30.0)
    lines.close()
    pid = pid_of(lines)
    lines.close()
    lines.close()
    assert gone([pid], 10)


def test_it_goes_with_its_parent_even_while_it_works(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, sys
from harness.guard.child import Launch
from harness.guard.lines import LineProcess
log = pathlib.Path({str(tmp_path / "log.txt")!r})
lines = LineProcess(Launch((sys.executable, "-c", {ECHO!r}), log, dict(os.environ)))
print(lines.ask("pid")[::-1], flush=True)
lines.ask("hang")
"""
    with subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE, env=project_env(), text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    assert gone([pid], 10)

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from clamp import CLAMP, Scorer

from evaluation import Verdict
from evaluation.sandbox import Level, probe

IMPORT = "from solution import clamp\n"
LEAK = IMPORT + (
    "import os, sys\n"
    "def test_leak():\n"
    "    assert clamp(1, 0, 3) == 1\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'])\n"
    "        os._exit(0)\n"
    "    {end}\n"
)


def test_no_process_is_left(level: Level, score_clamp: Scorer, living: Callable[[str], list[int]]) -> None:
    mark = f"leak-{level}-{os.getpid()}"
    suites = {
        "passes": LEAK.format(mark=mark, end="pass"),
        "hangs": LEAK.format(mark=mark, end="import time; time.sleep(600)"),
    }
    report = score_clamp(suites, sandbox=level, suite_timeout_s=1.0, mutants_per_function=2)
    assert [score.verdict for score in report.scores] == [Verdict.VALID, Verdict.TIMEOUT]
    assert living(mark) == []


def test_killing_the_scorer_takes_everything_along(level: Level, tmp_path: Path, living: Callable[[str], list[int]]) -> None:
    if level is Level.RLIMITS:
        pytest.skip("without a PID namespace a suite's daemon outlives a scorer that is killed with SIGKILL")
    mark = f"orphan-{level}-{os.getpid()}"
    suite = LEAK.format(mark=mark, end="import time; time.sleep(600)")
    script = (
        "from evaluation import *\n"
        f"settings = ScoreSettings(sandbox={str(level)!r}, suite_timeout_s=60, mutants_per_function=0)\n"
        f"score_suites([FocalFunction('f', {CLAMP!r}, 'clamp')], [Suite('f', {suite!r})], settings)\n"
    )
    scorer = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    try:
        assert _within(20, lambda: bool(living(mark))), "the suite never started its process"
    finally:
        scorer.send_signal(signal.SIGKILL)
        scorer.wait()
    # The scorer's own command line holds the mark as well; it is gone by now.
    assert _within(5, lambda: not living(mark)), living(mark)


def test_network_is_out_of_reach(level: Level, score_clamp: Scorer) -> None:
    if level is Level.RLIMITS:
        pytest.skip("limits alone do not isolate the network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        suite = IMPORT + (
            "import socket, pytest\n"
            "def test_reach():\n"
            "    assert clamp(1, 0, 3) == 1\n"
            f"    socket.create_connection(('127.0.0.1', {port}), timeout=2)\n"
            "def test_unreachable():\n"
            "    assert clamp(1, 0, 3) == 1\n"
            f"    with pytest.raises(OSError): socket.create_connection(('127.0.0.1', {port}), timeout=2)\n"
        )
        (score,) = score_clamp({"f": suite}, sandbox=level, mutants_per_function=0).scores
    assert score.tests == {"test_reach": "error", "test_unreachable": "passed"}


def test_the_files_of_the_machine_are_safe(level: Level, score_clamp: Scorer, tmp_path: Path) -> None:
    if level is Level.RLIMITS:
        pytest.skip("limits alone do not protect files")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", "utf-8")
    suite = IMPORT + (
        "import os, pathlib\n"
        "def attempt(path):\n"
        "    assert clamp(1, 0, 3) == 1\n"
        "    pathlib.Path(path).write_text('x')\n"
        "def test_own_folder(): attempt('mine.txt')\n"
        f"def test_other_folder(): attempt({str(tmp_path / 'theirs.txt')!r})\n"
        f"def test_secret(): attempt({str(secret)!r})\n"
        "def test_root(): attempt('/mine.txt')\n"
        "def test_tmp(): attempt('/tmp/mine.txt')\n"
        f"def test_read():\n    clamp(1, 0, 3)\n    assert pathlib.Path({str(secret)!r}).read_text()\n"
        "def test_environment():\n    clamp(1, 0, 3)\n    assert 'HARNESS_TEST_SECRET' not in os.environ\n"
    )
    os.environ["HARNESS_TEST_SECRET"] = "x"
    try:
        (score,) = score_clamp({"f": suite}, sandbox=level, mutants_per_function=0).scores
    finally:
        del os.environ["HARNESS_TEST_SECRET"]
    readable = "error" if level is Level.BWRAP else "passed"
    refused = dict.fromkeys(("test_other_folder", "test_secret", "test_root", "test_tmp"), "error")
    assert score.tests == {"test_own_folder": "passed", **refused, "test_read": readable, "test_environment": "passed"}
    assert secret.read_text("utf-8") == "secret"
    assert not (tmp_path / "theirs.txt").exists()


def test_killing_the_runner_is_the_suites_own_fault(level: Level, score_clamp: Scorer) -> None:
    suite = IMPORT + "import os\ndef test_a():\n    os.kill(os.getppid(), 9)\n    assert clamp(1, 0, 3) == 1\n"
    good = IMPORT + "def test_a():\n    assert clamp(1, 0, 3) == 1\n"
    hostile, innocent = score_clamp({"hostile": suite, "innocent": good}, sandbox=level, mutants_per_function=0).scores
    # As process 1 of its namespace the runner cannot be killed at all.
    assert hostile.verdict is (Verdict.VALID if level is Level.NAMESPACES else Verdict.CRASHED)
    assert innocent.verdict is Verdict.VALID


@pytest.mark.skipif(probe(Level.BWRAP) is not None, reason="bwrap does not work here")
def test_a_missing_bwrap_is_an_error_when_asked_for(score_clamp: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation import SandboxUnavailableError, sandbox_strength

    assert sandbox_strength().level == "bwrap"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert sandbox_strength().level != "bwrap"
    with pytest.raises(SandboxUnavailableError, match="not installed"):
        score_clamp({"f": IMPORT}, sandbox="bwrap")


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False

"""Nothing gets out of the sandbox, behind every fence that the engine accepts; every other fence is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from clamp import CLAMP, Scorer

from evaluation import SandboxUnavailableError, Verdict, sandbox_strength
from evaluation.sandbox import Level, probe
from evaluation.sandbox.launch import Fence

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.attack_user import command_as
from benchmarks.attacks import ORDINARY_USER, attacks, run_attacks, run_batch

PROJECT = Path(__file__).parents[2]
IMPORT = "from solution import clamp\n"
AT_LEAST = 60
ROOT = os.getuid() == 0
FLOOR_MISSING = probe(Fence(Level.BARE))
needs_floor = pytest.mark.skipif(FLOOR_MISSING is not None, reason=f"no floor here: {FLOOR_MISSING}")
# Answers ENOSYS to some calls, as an old kernel or an enclosing sandbox does, before anything is looked at.
HIDDEN = """
import errno, json, sys
from evaluation import FocalFunction, SandboxUnavailableError, ScoreSettings, Suite, score_suites
from evaluation.runner import bpf
from evaluation.runner.seccomp import assembled
from evaluation.runner.seccomp_policy import AUDIT_ARCH
from evaluation.runner.syscall_numbers import call, machine, numbers
from evaluation.sandbox import choose, sandbox_strength

def refusal(action):
    try:
        return str(action())
    except SandboxUnavailableError as error:
        return "refused: " + error.why

level, *calls = sys.argv[1:]
denied = {numbers(machine())[name]: bpf.give(bpf.ERRNO, errno.ENOSYS) for name in calls}
call("prctl", 38, 1, 0, 0, 0)
assembled(bpf.by_number(denied, (), AUDIT_ARCH[machine()])).install()
settings = ScoreSettings(sandbox=level)
scored = refusal(lambda: score_suites([FocalFunction("f", "def f(): pass", "f")], [Suite("f", "")], settings))
unsafe = choose("bare", unsafe=True)
print(json.dumps([refusal(lambda: choose(level)), scored, sandbox_strength().level, unsafe.landlock, unsafe.seccomp]))
"""
HIDE = {
    "Landlock": ["landlock_create_ruleset"],
    "seccomp": ["seccomp"],
    "Landlock and seccomp": ["landlock_create_ruleset", "seccomp"],
}


def _can_unshare(user: int | None) -> bool:
    """Whether the kernel gives this user the namespaces that two levels need; asked without this package."""
    needed = [
        "unshare",
        *([] if user is None and ROOT else ["--user", "--map-root-user"]),
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "true",
    ]
    return subprocess.run(command_as(user, needed), capture_output=True, check=False).returncode == 0


def test_there_are_enough_attacks() -> None:
    names = [attack.name for attack in attacks()]
    assert len(names) == len(set(names)) >= AT_LEAST


@needs_floor
@pytest.mark.parametrize(("level", "as_user"), [(Level.BWRAP, False), (Level.NAMESPACES, True), (Level.BARE, False)])
def test_nothing_escapes(level: Level, *, as_user: bool) -> None:
    # Every level and both users once; the benchmark's part `escapes` runs all six combinations.
    if as_user and not ROOT:
        pytest.skip("only root can become another user")
    if level is not Level.BARE and not _can_unshare(ORDINARY_USER if as_user else None):
        pytest.skip("no namespaces for this user here")
    if level is Level.BWRAP and shutil.which("bwrap") is None:
        pytest.skip("bwrap is not installed")
    outcomes = run_attacks([level], as_user=as_user)
    assert len(outcomes) > len(attacks())
    assert [f"{outcome.attack}: {outcome.seen}" for outcome in outcomes if outcome.escaped] == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_attacks_succeed_where_no_layer_stands() -> None:
    outcomes = run_batch(Fence(Level.BARE, landlock=False, seccomp=False), as_user=ROOT)
    found = {outcome.attack: outcome for outcome in outcomes}
    harmless = {attack.name for attack in attacks() if attack.control} & found.keys()
    assert len(harmless) >= AT_LEAST // 2
    assert [found[name].seen for name in harmless if not found[name].escaped] == []


@needs_floor
@pytest.mark.parametrize("missing", list(HIDE))
@pytest.mark.parametrize("level", ["auto", *Level])
def test_every_other_combination_is_refused(level: str, missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, level, *HIDE[missing]], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    refused = f"refused: no {missing} on this machine"
    landlock, seccomp = "Landlock" not in missing, "seccomp" not in missing
    assert json.loads(done.stdout) == [refused, refused, "none", landlock, seccomp]


def test_honest_suites_use_their_folder(level: Level, score_clamp: Scorer) -> None:
    suite = IMPORT + (
        "import os, pathlib, shutil, tempfile\n"
        "def test_files(tmp_path=None):\n"
        "    with tempfile.TemporaryDirectory() as name:\n"
        "        one, two = pathlib.Path(name, 'one'), pathlib.Path(name, 'two')\n"
        "        one.mkdir(), two.mkdir()\n"
        "        (one / 'file').write_text('text')\n"
        "        os.rename(one / 'file', two / 'moved')\n"
        "        shutil.copy2(two / 'moved', one / 'copy')\n"
        "        os.chmod(one / 'copy', 0o600)\n"
        "        shutil.move(one, two)\n"
        "        assert clamp(len(os.listdir(two)), 0, 1) == 1\n"
        "    assert clamp(-5, 0, 3) == 0 and not os.listdir('.')\n"
    )
    (score,) = score_clamp({"files": suite}, sandbox=level, mutants_per_function=1).scores
    assert score.verdict is Verdict.VALID, score.detail


def test_killing_the_scorer_takes_everything_along(level: Level, tmp_path: Path, living: Callable[[str], list[int]]) -> None:
    cache = tmp_path / "cache"
    suite = IMPORT + "import time\ndef test_a():\n    time.sleep(600)\n"
    script = (
        "from pathlib import Path\nfrom evaluation import *\n"
        f"limits = dict(suite_timeout_s=60, mutants_per_function=0, cache_dir=Path({str(cache)!r}))\n"
        f"settings = ScoreSettings(sandbox={str(level)!r}, **limits)\n"
        f"score_suites([FocalFunction('f', {CLAMP!r}, 'clamp')], [Suite('f', {suite!r})], settings)\n"
    )
    scorer = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT)
    mark = f"{cache}/bytecode"
    try:
        assert _within(30, lambda: len(living(mark)) >= 3), "the suite never started"  # a zygote, the suite process, the run
    finally:
        scorer.send_signal(signal.SIGKILL)
        scorer.wait()
    assert _within(5, lambda: not living(mark)), living(mark)


@pytest.mark.skipif(probe(Fence(Level.BWRAP)) is not None, reason="bwrap does not work here")
def test_a_missing_bwrap_is_an_error_when_asked_for(score_clamp: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
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

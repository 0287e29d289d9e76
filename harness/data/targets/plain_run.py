"""Owns the last check of a test file: plain pytest in a fresh process, behind the scorer's fences, the project readable."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from evaluation import EvaluationError
from evaluation.bytecode import PACKAGE, boot, python
from evaluation.records import GIB
from evaluation.runner.tidy import empty
from evaluation.runner.wire import TIMED_OUT
from evaluation.sandbox.launch import BOX, Fence, Level, environment, fenced, plan
from evaluation.sandbox.levels import choose
from harness.core.errors import ExitCode, HarnessError

CHILD = Path(__file__).with_name("plain_child.py")
LIMIT_S = 120.0
_START_S = 30.0
_MEMORY_BYTES = 2 * GIB


@dataclass(frozen=True, slots=True)
class Ran:
    """What plain pytest said of a file.

    Attributes:
        tests: Name -> whether it passed.
        problem: Why the file cannot be imported or did not end; empty where it was run.
        said: Name -> what it failed with.
    """

    tests: Mapping[str, bool]
    problem: str
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether there are tests, and all passed."""
        return not self.problem and bool(self.tests) and all(self.tests.values())


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a file is run under.

    Attributes:
        limit_s: Seconds it may take.
        environ: Variables that are set otherwise than the scorer sets them.
    """

    limit_s: float = LIMIT_S
    environ: Mapping[str, str] = field(default_factory=dict)


PLAIN = Conditions()
ELSEWHERE = (
    Conditions(environ={"PYTHONHASHSEED": "2"}),
    Conditions(environ={"PYTHONHASHSEED": "3", "TZ": "JST-9"}),
    Conditions(environ={"PYTHONHASHSEED": "4"}),
)
"""Other orders of sets and another local time: what a test must not depend on."""


def agreed(runs: Sequence[Ran]) -> Ran:
    """What holds in all of several runs of the same file: a test has passed if it passed in each."""
    tests = {name: all(ran.tests.get(name, False) for ran in runs) for name in runs[0].tests}
    problem = next((ran.problem for ran in runs if ran.problem), "")
    return Ran(tests, problem, {name: text for ran in reversed(runs) for name, text in ran.said.items()})


def open_fence() -> Fence:
    """The strongest fence of this machine.

    Raises:
        HarnessError: SANDBOX where there is none that is safe.
    """
    try:
        return choose("auto")
    except EvaluationError as error:
        fix = error.fix or "run `harness doctor`"
        raise HarnessError("tests cannot be run safely here", why=str(error), fix=fix, code=ExitCode.SANDBOX) from error


def run_plain(text: str, name: str, roots: Sequence[Path], fence: Fence, under: Conditions = PLAIN) -> Ran:
    """Run a test file.

    Args:
        text: The file.
        name: Its name, without a folder.
        roots: Folders that are readable, and on the path.
        fence: What it stands behind.
        under: The limit and the environment.

    Raises:
        HarnessError: SANDBOX when the fence does not hold any more.
    """
    with contextlib.ExitStack() as stack:
        folder = BOX
        if fence.level is not Level.BWRAP:
            made = tempfile.TemporaryDirectory(prefix="harness-generate-", ignore_cleanup_errors=True)
            folder = stack.enter_context(made)
            stack.callback(empty, folder, unlock=True)
        return _answer(*_ran(text, name, [str(root) for root in roots], (fence, folder, under)), under.limit_s)


def _ran(text: str, name: str, roots: list[str], where: tuple[Fence, str, Conditions]) -> tuple[bytes, bytes, int | None]:
    """Output, error output and exit status; no status where it did not end in time."""
    fence, folder, under = where
    confined = plan(fence, folder, None)
    confined = replace(confined, readable=(*confined.readable, str(CHILD), *roots))
    told = {"plan": asdict(confined), "roots": roots, "name": name, "limits": (under.limit_s, _MEMORY_BYTES)}
    program = boot("import runpy; runpy.run_path(sys.argv[2], run_name='__main__')")
    runner = [*python(None), "-c", program, str(PACKAGE), str(CHILD), json.dumps(told)]
    environ = {**environment(folder, 0), **under.environ}
    process = subprocess.Popen(
        fenced(confined, runner, environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        cwd="/",
        start_new_session=True,
    )
    try:
        said, wrong = process.communicate(text.encode(), under.limit_s + _START_S)
        return said, wrong, process.returncode
    except subprocess.TimeoutExpired:
        return b"", b"", None
    finally:
        if process.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answer(said: bytes, wrong: bytes, status: int | None, limit_s: float) -> Ran:
    late = f"it did not end within {limit_s:g} s"
    if status is None:
        return Ran({}, late)
    try:
        answer = json.loads(said)
        if "how" in answer:
            return Ran({}, late if answer["how"] == TIMED_OUT else "its process ended before the tests did")
        tests = {str(name): passed is True for name, passed in answer["tests"].items()}
        return Ran(tests, str(answer["problem"]), {str(name): str(text) for name, text in answer["said"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        lines = wrong.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1] if lines else f"exit status {status}"
        fix = "run `harness doctor`"
        raise HarnessError("plain pytest did not start in the sandbox", why=why, fix=fix, code=ExitCode.SANDBOX) from error

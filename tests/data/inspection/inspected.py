"""Helpers of the inspection's tests: the command in this process, and rows that are in order."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str


def run_here(*argv: str) -> Said:
    """Run `harness` in this process, as from a shell whose output goes to a pipe."""
    from harness.__main__ import run

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(argv))
    return Said(code, out.getvalue(), err.getvalue())


def squared(n: int) -> tuple[int, int]:
    """The square, and the process that took it; here so that a worker process imports little."""
    return n * n, os.getpid()


def native_lines(count: int) -> list[str]:
    """JSON Lines in this project's own schema, every function of another shape."""
    return [json.dumps(_row(n)) + "\n" for n in range(count)]


def _row(n: int) -> dict[str, object]:
    steps = "".join(f"    x = x {'+-*'[(n + k) % 3]} {n + 2 * k + 1}\n" for k in range(n % 7 + 1))
    scope: dict[str, int] = {"x": 3}
    for line in steps.splitlines():
        scope["x"] = _stepped(scope["x"], line)
    return {
        "id": f"r{n}",
        "entry_point": f"step_{n}",
        "source": f"def step_{n}(x):\n{steps}    return x\n",
        "oracle_tests": [f"def test_step_{n}():\n    assert step_{n}(3) == {scope['x']}\n"],
        "licence": "Apache-2.0",
    }


def _stepped(x: int, line: str) -> int:
    sign, number = line.split()[-2:]
    return x + int(number) if sign == "+" else x - int(number) if sign == "-" else x * int(number)

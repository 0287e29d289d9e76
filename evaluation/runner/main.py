"""Entry point of the runner process: a job on standard input, findings on standard output.

Started with a bare ``evaluation`` package (see `evaluation.sandbox.BOOT`), so that nothing but this folder, pytest and
coverage is imported.
"""

from __future__ import annotations

import os
import sys

from evaluation.runner.job import Job
from evaluation.runner.kernel import KernelRefusedError, enter_namespaces, harden

REFUSED = 71  # EX_OSERR: the kernel does not give what the level needs; the reason is on standard error
RESULT_FD = 200


def main(level: str, folder: str, parent: int) -> None:
    """Read a job, examine the suite, write the findings. An empty job is a probe: it is answered at once.

    Args:
        level: ``bwrap``, ``namespaces`` or ``rlimits``.
        folder: The only place that suites may write to.
        parent: Process id of the scorer, or 0 where it cannot be seen.
    """
    text = sys.stdin.read()
    try:
        harden(parent)
        if level == "namespaces":
            enter_namespaces(folder)
            harden(0)
    except KernelRefusedError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(REFUSED)
    try:
        answer = _answer(text, folder, private=level != "rlimits") if text else "{}"
    except Exception as error:  # noqa: BLE001 - the border of the process; pytest holds sys.stderr by now
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        os._exit(1)
    with os.fdopen(RESULT_FD if text else 1, "w", encoding="ascii") as result:
        result.write(answer)
    os._exit(0)


def _answer(text: str, folder: str, *, private: bool) -> str:
    _detach()
    os.chdir(folder)
    from evaluation.runner.examine import Examination  # after the namespaces: imports pytest

    return Examination(Job.from_json(text), folder, private=private).findings().to_json()


def _detach() -> None:
    """Keep the result channel away from the children: they get /dev/null, and close everything above."""
    os.dup2(1, RESULT_FD, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)

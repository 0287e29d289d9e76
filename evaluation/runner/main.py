"""Entry point of a zygote: fences itself in, gets pytest and coverage ready, then forks a suite process per suite.

Started with a bare ``evaluation`` package (see `evaluation.bytecode.boot`), so that nothing but this folder, pytest and
coverage is imported. It never sees a suite or a function itself, and so stays the same over any number of suites.
"""

from __future__ import annotations

import gc
import json
import os
import sys

from evaluation.runner.confine import Confinement, Plan, enter_zygote
from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.wire import SUITE, ChannelClosedError, frame, write_all

REFUSED = 71  # EX_OSERR: the kernel does not give what the level needs; the reason is on standard error
READY = b"ready"
ENDED = b"ended"


def main(plan: str) -> None:
    """Serve until standard input ends.

    Args:
        plan: The fields of `Plan` as JSON.
    """
    try:
        read = json.loads(plan)
        confinement = enter_zygote(Plan(**{**read, "readable": tuple(read["readable"])}))
    except KernelRefusedError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(REFUSED)
    try:
        _serve(confinement)
    except ChannelClosedError:
        os._exit(0)
    except Exception as error:  # noqa: BLE001 - the border of the process; pytest holds sys.stderr by now
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        os._exit(1)


def _serve(confinement: Confinement) -> None:
    os.chdir(confinement.folder)
    from evaluation.runner.suite_process import SuiteProcess  # after the fences: imports pytest and coverage

    prepared = SuiteProcess(confinement)
    gc.collect()
    gc.freeze()
    write_all(1, frame(READY))
    while command := os.read(0, 1):
        if command != SUITE:
            raise ChannelClosedError
        pid = os.fork()
        if pid == 0:
            prepared.serve()
        _, status = os.waitpid(pid, 0)
        if status != 0:
            os._exit(0)  # it may have died in the middle of a request: only a fresh start is sure to be in step
        write_all(1, frame(ENDED))

"""Runs a piece of a test in a forked child, so that a fence entered there does not bind the test run."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
from collections.abc import Callable

import pytest

from evaluation.runner.syscall_numbers import call

PR_SET_NO_NEW_PRIVS = 38
ORDINARY = 61_170  # a spare id of a slot that no other test uses
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
as_root_and_ordinary = pytest.mark.parametrize(
    "user", [pytest.param(None, id="own"), pytest.param(ORDINARY, id="ordinary", marks=needs_root)]
)


def attempt(action: Callable[[], object]) -> str:
    """`done`, or the name of the errno that it raised."""
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "no errno")
    return "done"


def in_child(action: Callable[[], object], user: int | None = None, *, no_new_privs: bool = True) -> object:
    """What `action` returned in a forked child, as JSON; `TYPE: MESSAGE` of an exception, `signal NAME` where one ended it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        with contextlib.suppress(BaseException):
            os.write(writer, json.dumps(_result(action, user, no_new_privs=no_new_privs)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"signal {signal.Signals(-status).name}" if status < 0 else json.loads(answer)


def _result(action: Callable[[], object], user: int | None, *, no_new_privs: bool) -> object:
    try:
        if user is not None:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        if no_new_privs:
            call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return action()
    except BaseException as error:  # noqa: BLE001 - the border of the child
        return f"{type(error).__name__}: {error}"

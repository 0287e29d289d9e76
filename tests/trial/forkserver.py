"""Starts trial processes by fork, with the heavy libraries imported once: 10 s of CPU less per test.

A script: one JSON request a line on stdin, one JSON answer a line on stdout. What runs in the fork is the real `main`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from typing import Any

import harness.trial.__main__
import harness.trial.run
import harness.trial.tuned


def child(request: dict[str, Any]) -> int:
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    exec(request["preamble"], {})
    return harness.trial.__main__.main([request["folder"]]) if request["folder"] else 0


def start(request: dict[str, Any]) -> dict[str, int]:
    pid = os.fork()
    if pid:
        return {"pid": pid}
    code = 1
    try:
        code = child(request)
    except BaseException:  # noqa: BLE001 - a fork must never return into the server's loop
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(pid: int, seconds: float) -> dict[str, int | None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return {"code": os.waitstatus_to_exitcode(status)}
        time.sleep(0.02)
    return {"code": None}


if __name__ == "__main__":
    assert threading.active_count() == 1  # a fork would lose the others, and their locks
    for line in sys.stdin:
        asked = json.loads(line)
        answer = start(asked) if "folder" in asked else wait(asked["pid"], asked["seconds"])
        print(json.dumps(answer), flush=True)

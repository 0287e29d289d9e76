"""Trial processes forked from a warm interpreter (`forkserver.py`), as the tests hold them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.trial.trial_dir import TrialDir


class ForkServer:
    """The test's end of forkserver.py."""

    def __init__(self) -> None:
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        argv = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("forkserver.py"))]
        self._server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer

    def close(self) -> None:
        self._server.communicate(timeout=30)


class Started:
    """A trial process that is running in its folder; killed at the end of the test if it still is."""

    def __init__(self, server: ForkServer, folder: TrialDir, preamble: str) -> None:
        self._server = server
        self.folder = folder
        self._code: int | None = None
        self._pid = server.ask(folder=str(folder.path), log=str(folder.log_file), preamble=preamble)["pid"]

    def signal(self, number: int) -> None:
        os.kill(self._pid, number)

    def wait(self, seconds: float = 120) -> int | None:
        if self._code is None:
            self._code = self._server.ask(pid=self._pid, seconds=seconds)["code"]
        return self._code

    def end(self) -> None:
        if self._code is None:
            self.signal(signal.SIGKILL)
            self.wait()

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from harness.tracking.environment import ENVIRONMENT
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker
from harness.tracking.ui import ui_command, ui_url


def get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def test_the_ui_serves_the_runs_and_their_artifacts(store: Store, tracker: Tracker, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ui_command(store.tracking_uri, "127.0.0.1", port)
    with (tmp_path / "ui.log").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, env=os.environ | ENVIRONMENT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}/get-artifact?path=sweep.yaml&run_uuid={tracker.sweep_run}"
        deadline = time.monotonic() + 120
        while (text := get(url)) is None and time.monotonic() < deadline:
            time.sleep(0.3)
        assert text == "model: m\n"
        assert "<title>MLflow</title>" in (get(ui_url("127.0.0.1", port, store.experiment_id)) or "")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)

"""What preflight sees, with real files, a real server and no process of its own."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sweep_place import write_functions
from sweep_shapes import GPT2, sweep_config

from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check, CheckState, exit_code, render_checks
from harness.core.errors import ExitCode, HarnessError
from harness.sweep.check_access import credentials, store
from harness.sweep.check_before import examine
from harness.sweep.check_data import seen_data
from harness.sweep.check_found import doubtful, failed, good
from harness.sweep.check_room import disk, disk_of_stores

SECRET = "tr0ub4dor-and-3"
FAILED = failed("memory", HarnessError("too small", why="2 GiB", fix="more", code=ExitCode.NO_MEMORY))
CHECKS = (good("sweep file", "valid"), doubtful("login", "not set", "set it"), FAILED)


class Server(BaseHTTPRequestHandler):
    """Answers as a tracking server does: 401 without the right login, else that there is no such experiment."""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
        known = self.headers.get("Authorization") == wanted
        body = b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}' if known else b"{}"
        self.send_response(404 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def found(config: SweepConfig, environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in credentials(config, environ)}


def text(checks: object) -> str:
    return repr(checks)


def test_a_failed_look_keeps_the_code_that_the_sweep_would_end_with() -> None:
    assert exit_code(CHECKS) is ExitCode.NO_MEMORY
    made = io.StringIO()
    render_checks(CHECKS, made, json=True)
    report = json.loads(made.getvalue())
    assert report["checks"][1] == {"name": "login", "state": "warn", "found": "not set", "fix": "set it"}
    assert report["checks"][2] == {"name": "memory", "state": "fail", "found": "too small: 2 GiB", "fix": "more", "code": 6}


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        ({}, CheckState.WARN),
        ({"HF_TOKEN": ""}, CheckState.WARN),
        ({"HF_TOKEN": SECRET}, CheckState.OK),
        ({"HUGGING_FACE_HUB_TOKEN": SECRET}, CheckState.OK),
    ],
)
def test_a_hub_token_is_set_or_not_set(tmp_path: Path, environ: dict[str, str], state: CheckState) -> None:
    check = found(sweep_config(), {"HF_HOME": str(tmp_path), **environ})["login: Hugging Face Hub"]
    assert (check.state, SECRET in text(check)) == (state, False)
    (tmp_path / "token").write_text(SECRET)
    stored = found(sweep_config(), {"HF_HOME": str(tmp_path)})["login: Hugging Face Hub"]
    assert (stored.state, SECRET in text(stored)) == (CheckState.OK, False)


def test_what_needs_no_login_is_not_asked_for_one(tmp_path: Path) -> None:
    local = sweep_config(model={"name": str(tmp_path)}, data={"source": [f"hf:{tmp_path}", "human-eval"]})
    assert found(local, {}) == {}
    hub_data = sweep_config(model={"name": "quickstart:smollm2-135m-instruct"}, data={"source": "hf:org/set#train"})
    assert "org/set" in found(hub_data, {"HF_HOME": str(tmp_path)})["login: Hugging Face Hub"].found


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        ({}, CheckState.WARN),
        ({"MLFLOW_TRACKING_USERNAME": "me"}, CheckState.WARN),
        ({"MLFLOW_TRACKING_PASSWORD": SECRET}, CheckState.WARN),
        ({"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}, CheckState.OK),
        ({"MLFLOW_TRACKING_TOKEN": SECRET}, CheckState.OK),
    ],
)
def test_a_tracking_servers_login_is_set_or_not_set(environ: dict[str, str], state: CheckState) -> None:
    config = sweep_config(tracking={"tracking_uri": "https://example.org"})
    check = found(config, environ)["login: MLflow server"]
    assert (check.state, SECRET in text(check)) == (state, False)


def test_a_postgresql_password_is_found_where_its_client_looks(tmp_path: Path) -> None:
    config = sweep_config(study={"storage": "postgresql+psycopg2://me@db.example.org/optuna"})
    file = tmp_path / "pgpass"
    environ = {"PGPASSFILE": str(file)}
    assert found(config, environ)["login: study.storage"].state is CheckState.WARN
    file.write_text(f"db.example.org:5432:optuna:me:{SECRET}\n")
    file.chmod(0o644)
    assert "chmod 600" in found(config, environ)["login: study.storage"].fix
    file.chmod(0o600)
    assert found(config, environ)["login: study.storage"].state is CheckState.OK
    assert found(config, {"PGPASSWORD": SECRET})["login: study.storage"].state is CheckState.OK
    inside = sweep_config(study={"storage": f"postgresql://me:{SECRET}@db.example.org/optuna"})
    check = found(inside, {})["login: study.storage"]
    assert (check.state, SECRET in text(check)) == (CheckState.WARN, False)


def test_a_tracking_server_is_asked_as_this_user(server: str) -> None:
    login = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}
    check = store("MLflow store", server, "harness", login)
    assert check.state is CheckState.OK
    assert "will be created" in check.found
    assert SECRET not in text(check)
    with pytest.raises(HarnessError) as caught:
        store("MLflow store", server, "harness", {**login, "MLFLOW_TRACKING_PASSWORD": "wrong"})
    assert caught.value.code is ExitCode.STORAGE
    assert "401 (user name, password or token)" in caught.value.why
    within = store("MLflow store", server.replace("//", f"//me:{SECRET}@"), "harness", {})
    assert (within.state, SECRET in text(within)) == (CheckState.OK, False)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(HarnessError) as caught:
        store("MLflow store", f"http://me:{SECRET}@127.0.0.1:1", "harness", {})
    assert SECRET not in "".join(caught.value.lines())


@pytest.mark.parametrize("url", [f"postgresql://me:{SECRET}@127.0.0.1:1/x", f"mysql://me:{SECRET}@127.0.0.1:1/x", "nonsense"])
def test_a_database_that_is_not_there_is_named_without_its_password(url: str) -> None:
    with pytest.raises(HarnessError) as caught:
        store("study store", url, "harness", {})
    assert caught.value.code is ExitCode.STORAGE
    assert SECRET not in "".join(caught.value.lines())


def test_files_of_stores_are_looked_at_and_not_made(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    assert "will be created" in store("study store", f"sqlite:///{file}", "", {}).found
    assert not file.exists()
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE t (a)")
        assert store("study store", f"sqlite:///{file}", "", {}).state is CheckState.OK
        made.execute("BEGIN IMMEDIATE")
        assert store("study store", f"sqlite:///{file}", "", {}).state is CheckState.WARN
    file.write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(HarnessError):
        store("study store", f"sqlite:///{file}", "", {})


def test_room_on_the_disk_against_what_is_wanted(tmp_path: Path) -> None:
    assert disk("disk", tmp_path / "a" / "b", 1, "tracking.folder").state is CheckState.OK
    with pytest.raises(HarnessError, match="has no room") as caught:
        disk("disk", tmp_path, 1 << 60, "tracking.folder")
    assert caught.value.code is ExitCode.STORAGE
    (tmp_path / "file").write_text("x")
    with pytest.raises(HarnessError, match="cannot be written"):
        disk("disk", tmp_path / "file" / "mlruns", 1, "tracking.folder")
    assert disk_of_stores(sweep_config(), None).state is CheckState.OK


def test_a_source_that_opens_one_that_does_not_and_one_that_says_nothing(tmp_path: Path) -> None:
    write_functions(tmp_path / "f.jsonl")
    (tmp_path / "odd.jsonl").write_text('{"alpha": 1}\n')
    names = [f"jsonl:{tmp_path / name}" for name in ("f.jsonl", "absent.jsonl", "odd.jsonl")]
    checks = seen_data(sweep_config(data={"source": names}), "x", {"HARNESS_CACHE": str(tmp_path / "cache")}).checks
    assert [check.state for check in checks] == [CheckState.OK, CheckState.FAIL, CheckState.FAIL]
    assert [check.code for check in checks[1:]] == [ExitCode.BAD_INPUT, ExitCode.NEEDS_MAPPING]


def test_every_check_is_made_although_one_fails_and_no_secret_is_shown(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(GPT2))
    write_functions(tmp_path / "f.jsonl")
    shares = {"train": 0.4, "validation": 0.2, "selection": 0.2, "test": 0.2}
    config = sweep_config(
        model={"name": str(model)},
        data={"source": f"jsonl:{tmp_path / 'f.jsonl'}", "splits": shares, "near_duplicates": 1.0},
        tracking={"folder": str(tmp_path / "mlruns"), "tracking_uri": f"http://me:{SECRET}@127.0.0.1:1"},
        study={"storage": f"postgresql://me:{SECRET}@127.0.0.1:1/x"},
    )
    environ = {"HARNESS_CACHE": str(tmp_path / "cache"), "HF_TOKEN": SECRET, "MLFLOW_TRACKING_TOKEN": SECRET}
    checks = examine(config, "x", environ)
    states = {check.name: check.state for check in checks}
    assert states["study store"] is states["MLflow store"] is states["base model"] is CheckState.FAIL
    assert states["disk: stores"] is CheckState.OK
    assert exit_code(checks) is ExitCode.STORAGE
    for as_json in (True, False):
        made = io.StringIO()
        render_checks(checks, made, json=as_json)
        assert SECRET not in made.getvalue()
    assert not (tmp_path / "mlruns").exists()

"""Against a stand-in for the hub: a real HTTP server with the five routes that `datasets` asks for when it streams."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_types import Python

_SHA = "a" * 40
_CODE = """
import sys
from harness.core.errors import HarnessError
from harness.data.sources.hf import open_rows
from harness.data.sources.rows import SourceOptions
for name in sys.argv[1:]:
    try:
        opened = open_rows(name, SourceOptions())
        print(opened.origin, opened.licence, *opened.columns, *(row.place for row in opened.rows()), opened.digest()[:4])
    except HarnessError as error:
        print(int(error.code), error.why)
print("torch" in sys.modules)
"""


class _Hub(BaseHTTPRequestHandler):
    """One data set, ``org/set``, out of a folder."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        files = [file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()]
        if re.fullmatch(r"/api/datasets/org/set(/revision/[^/]+)?", path):
            siblings = [{"rfilename": file} for file in files]
            card = {"license": "apache-2.0"}
            self._json({"id": "org/set", "sha": _SHA, "cardData": card, "siblings": siblings, "tags": [], "private": False})
        elif found := re.fullmatch(r"/api/datasets/org/set/tree/[^/]+(?:/(.*))?", path):
            here = [file for file in files if Path(file).parent == Path(found[1] or ".")]
            entries = [{"type": "directory", "path": "data", "oid": "0", "size": 0}] if not found[1] else []
            self._json(entries + [self._entry(file) for file in here])
        elif (found := re.fullmatch(r"/datasets/org/set/resolve/[^/]+/(.*)", path)) and found[1] in files:
            self._file(found[1])
        else:
            self._answer(404, b"{}", X_Error_Code="EntryNotFound" if "resolve" in path else "RepoNotFound")

    do_HEAD = do_GET  # noqa: N815

    def _entry(self, file: str) -> dict[str, Any]:
        size = (self.folder / file).stat().st_size
        return {"type": "file", "path": file, "size": size, "oid": hashlib.sha1(file.encode()).hexdigest()}

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def _file(self, file: str) -> None:
        data = (self.folder / file).read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(file.encode()).hexdigest()}"', "X_Repo_Commit": _SHA, "Accept_Ranges": "bytes"}
        wanted = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            self._answer(206, data[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}", **headers)
        else:
            self._answer(200, data, **headers)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.table({"task_id": [1, 2], "code": ["a", "b"]}), folder / "data" / "train-00000.parquet")
    pq.write_table(pa.table({"task_id": [3], "code": ["c"]}), folder / "data" / "test-00000.parquet")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n", "utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Hub,), {"folder": folder}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_set_of_the_hub_is_streamed_with_its_commit_and_licence(hub: str, run_python: Python, tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home")}
    done = run_python(_CODE, "org/set", "org/set@main#test", "org/set#gone", "org/none", "org/set:gone", env=env)
    assert done.stderr == ""
    train, test, split, unknown, config, torch = done.stdout.splitlines()
    assert train.startswith(f"org/set@{_SHA[:12]} apache-2.0 task_id code hf:org/set#train, row 1 hf:org/set#train, row 2 ")
    assert test.startswith(f"org/set@{_SHA[:12]} apache-2.0 task_id code hf:org/set#test, row 1 ")
    assert train.split()[-1] != test.split()[-1]
    assert split == "3 Bad split: gone. Available splits: ['train', 'test']"
    assert unknown == "3 the hub knows no such data set, or it is private"
    assert config.startswith("3 BuilderConfig 'gone' not found")
    assert torch == "False"

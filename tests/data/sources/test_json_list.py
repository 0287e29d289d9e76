"""Files that are one JSON list: refused with a command that works, and never mistaken for JSON Lines or the other way round."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.sources.registry import load_records, open_source
from harness.data.sources.rows import Broken

ROWS = [{"id": f"r{n}", "entry_point": "f", "source": f"def f(x):\n    return x + {n}\n"} for n in range(3)]
SHAPES = {
    "one line": json.dumps(ROWS),
    "indented": json.dumps(ROWS, indent=2) + "\n",
    "a row a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "brackets beside rows": "[" + ",\n".join(map(json.dumps, ROWS)) + "]",
    "mark and blank lines": "\ufeff \n[ \n" + json.dumps(ROWS)[1:] + "\n\n",
}


@pytest.mark.parametrize("kind", ["jsonl", "chat", "mbpp"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_list_is_refused(tmp_path: Path, shape: str, kind: str) -> None:
    (tmp_path / "x.json").write_text(SHAPES[shape], "utf-8")
    with pytest.raises(HarnessError, match="is not JSON Lines") as caught:
        open_source(f"{kind}:{tmp_path / 'x.json'}")
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "one JSON list" in caught.value.why


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("x.json", "x.jsonl"),
        ("x.jsonl", "x-lines.jsonl"),
        ("it's x", "it's x.jsonl"),
        ("x.json.gz", "x.jsonl"),
        ("x.gz", "x.jsonl"),
    ],
)
def test_the_command_that_is_named_writes_what_can_be_read(tmp_path: Path, name: str, written: str) -> None:
    content = SHAPES["indented"].encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(HarnessError) as caught:
        open_source(f"jsonl:{tmp_path / name}")
    command = caught.value.fix.removeprefix("write one JSON object a line: ").replace("python", sys.executable, 1)
    subprocess.run(["sh", "-c", command], check=True)
    assert len(load_records(f"jsonl:{tmp_path / written}").records) == len(ROWS)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("first", [json.dumps(ROWS), "[{", '[{"half": 1}, {"ot'])
def test_good_lines_behind_a_list_are_read_all_the_same(tmp_path: Path, first: str) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join([first, *map(json.dumps, ROWS)]) + "\n", "utf-8")
    items = list(open_source(f"jsonl:{tmp_path / 'x.jsonl'}").items())
    assert [type(item) for item in items] == [Broken, Record, Record, Record]


def test_lines_that_are_a_list_each_are_broken_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('[{"role": "user"}]\n[{"role": "user"}]\n', "utf-8")
    assert [type(item) for item in open_source(f"jsonl:{tmp_path / 'x.jsonl'}").items()] == [Broken, Broken]


def test_a_damaged_archive_of_a_list_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(SHAPES["indented"].encode())[:-12])
    items = list(open_source(f"jsonl:{tmp_path / 'x.json.gz'}").items())
    assert any(isinstance(item, Broken) and "compressed data end" in item.found for item in items)

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from data_types import Python

from harness.core.errors import HarnessError
from harness.data.sources.containers import open_file
from harness.data.sources.lines import MAX_DEPTH, MAX_LINE_BYTES, JsonLines
from harness.data.sources.rows import Broken, Row

_GOOD = b'{"a": 1}'


def _rows(tmp_path: Path, data: bytes, name: str = "x.jsonl") -> list[Row | Broken]:
    file = tmp_path / name
    file.write_bytes(data)
    return list(open_file(file).rows())


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}\n{"a": 1}\n',
        b'{"a": 1}\n{"a": 1}',
        b'\xef\xbb\xbf{"a": 1}\n\n  \n{"a": 1}\n',
        b'{"a": 1}\r\n{"a": 1}\r\n',
        b'{"a": 1}\n\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf\n',
        gzip.compress(b'{"a": 1}\n{"a": 1}\n'),
    ],
    ids=["plain", "no last line end", "byte order mark, blank lines", "CRLF", "files put together", "gzip under any name"],
)
def test_rows_are_read(tmp_path: Path, data: bytes) -> None:
    rows = _rows(tmp_path, data)
    assert [row.values for row in rows if isinstance(row, Row)] == [{"a": 1}, {"a": 1}]
    assert len(rows) == 2
    assert JsonLines(tmp_path / "x.jsonl").count() == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'{"a": ', "Expecting value"),
        (b"{'a': 1}", "Expecting property name"),
        (b"[1]", "found list: '[1]'"),
        (b'"text"', "found str"),
        (b"null", "found NoneType"),
        (b'{"a": 1} {"a": 2}', "Extra data"),
        (b'{"a": "caf\xe9"}', "invalid continuation byte"),
        (b'{"a": "\0"}', "null bytes"),
        (b"\0" * 100, "null bytes"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "integer string conversion"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "nested too deeply"),
    ],
)
def test_broken_line_is_named_and_the_others_survive(tmp_path: Path, line: bytes, found: str) -> None:
    first, broken, last = _rows(tmp_path, _GOOD + b"\n" + line + b"\n" + _GOOD)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert last.place == "x.jsonl, line 3"
    assert isinstance(broken, Broken)
    assert broken.place == "x.jsonl, line 2"
    assert found in broken.found
    assert len(broken.found) < 300


def test_half_written_last_line_says_that_it_is_the_last(tmp_path: Path) -> None:
    good, half = _rows(tmp_path, _GOOD + b'\n{"a": "wri')
    assert isinstance(good, Row)
    assert isinstance(half, Broken)
    assert half.found.endswith("; the file ends within this line")


def test_depth_that_data_have_is_fine(tmp_path: Path) -> None:
    value: object = 1
    for _ in range(MAX_DEPTH - 1):
        value = [value, "[" * 99]
    assert isinstance(_rows(tmp_path, json.dumps({"a": value}).encode())[0], Row)


def test_cut_gzip_keeps_what_comes_before(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b'{"a": "%032d"}\n' % (k * 7_919**5) for k in range(2_000)))
    rows = _rows(tmp_path, packed[: len(packed) // 2], "x.jsonl.gz")
    assert len(rows) > 500
    assert all(isinstance(row, Row) for row in rows[:-1])
    assert isinstance(rows[-1], Broken)
    assert "compressed data end here" in rows[-1].found


def test_damaged_gzip_keeps_what_comes_before(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(b'{"a": "%032d"}\n' % (k * 7_919**5) for k in range(2_000))))
    packed[len(packed) // 2] ^= 0xFF
    rows = _rows(tmp_path, bytes(packed), "x.jsonl.gz")
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], Broken)


def test_only_the_wanted_rows_are_parsed(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"a": 0}\n\n{broken\n{"a": 2}\n')
    assert list(JsonLines(file).rows(frozenset([2]))) == [Row("x.jsonl, line 4", {"a": 2})]
    assert JsonLines(file).count() == 3


def test_first_row_does_not_wait_for_the_last(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(_GOOD + b"\n")
    with file.open("ab") as sparse:
        sparse.truncate(1 << 40)  # a terabyte of nothing, which nobody reads to its end
    rows: Iterator[Row | Broken] = JsonLines(file).rows()
    assert [row.place for row in islice(rows, 1)] == ["x.jsonl, line 1"]


def test_long_lines(tmp_path: Path, run_python: Python) -> None:
    """50 MB in one line are read; a line of 384 MiB is broken without being held, and the one after it is there."""
    file = tmp_path / "long.jsonl"
    with file.open("wb") as lines:
        lines.write(b'{"a": "' + b"x" * 50_000_000 + b'"}\n')
        lines.truncate(lines.tell() + 6 * MAX_LINE_BYTES)
        lines.seek(0, 2)
        lines.write(b"\n" + _GOOD + b"\n")
    code = """
import resource
from pathlib import Path
from harness.data.sources.lines import JsonLines
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for row in JsonLines(Path(sys.argv[1])).rows():
    print(type(row).__name__, row.place, getattr(row, "found", ""))
    del row
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = run_python(code, str(file))
    assert done.returncode == 0, done.stderr
    first, second, third, peak_mib = done.stdout.splitlines()
    assert first == "Row long.jsonl, line 1 "
    assert second == "Broken long.jsonl, line 2 the line has 384 MiB"
    assert third == "Row long.jsonl, line 3 "
    assert int(peak_mib) < 300


def test_file_without_any_row_has_none(tmp_path: Path) -> None:
    assert _rows(tmp_path, b"\n \r\n\n") == []


@pytest.mark.parametrize(
    ("make", "why", "fix"),
    [
        (lambda path: None, "No such file", "give the path"),
        (lambda path: path.mkdir(), "it is a folder", "hf:"),
        (lambda path: os.mkfifo(path), "it is a pipe", "save it"),
        (lambda path: path.write_bytes(b""), "the file is empty", "one JSON object a line"),
        (lambda path: path.write_text("{}", "utf-16"), "it is in UTF-16", "UTF-8"),
    ],
    ids=["missing", "folder", "pipe", "empty", "UTF-16"],
)
def test_file_that_cannot_be_read_is_an_error(tmp_path: Path, make: object, why: str, fix: str) -> None:
    assert callable(make)
    make(tmp_path / "x.jsonl")
    with pytest.raises(HarnessError) as caught:
        open_file(tmp_path / "x.jsonl")
    assert str(tmp_path / "x.jsonl") in caught.value.what
    assert why in caught.value.why
    assert fix in caught.value.fix


def test_prepared_folder_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(HarnessError) as caught:
        open_file(tmp_path)
    assert "prepared:" in caught.value.fix

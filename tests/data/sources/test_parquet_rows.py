from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_types import Python

from harness.core.errors import HarnessError
from harness.data.sources.containers import open_file
from harness.data.sources.parquet import ParquetRows
from harness.data.sources.registry import Loaded, load_records
from harness.data.sources.rows import Broken, Row
from harness.files.record_files import write_records


def _write(tmp_path: Path, table: pa.Table | dict[str, Any], **how: Any) -> Path:
    file = tmp_path / "x.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), file, **how)
    return file


def _places(rows: list[Row | Broken]) -> list[str]:
    return [row.place for row in rows]


def test_rows_are_numbered_over_row_groups(tmp_path: Path) -> None:
    file = ParquetRows(_write(tmp_path, {"a": list(range(200))}, row_group_size=90))
    rows = list(file.rows())
    assert [row.values["a"] for row in rows if isinstance(row, Row)] == list(range(200))
    assert [rows[0].place, rows[-1].place] == ["x.parquet, row 1", "x.parquet, row 200"]
    assert file.count() == 200


def test_only_the_wanted_rows_are_given(tmp_path: Path) -> None:
    file = ParquetRows(_write(tmp_path, {"a": list(range(200))}, row_group_size=50))
    assert _places(list(file.rows({3, 120}))) == ["x.parquet, row 4", "x.parquet, row 121"]


def test_nested_and_odd_columns_become_plain_values(tmp_path: Path) -> None:
    row = {
        "list": [[1], []],
        "struct": {"role": "user", "content": None},
        "day": datetime.date(2024, 1, 1),
        "sum": decimal.Decimal("1.5"),
        "bytes": b"\xff",
    }
    (read,) = ParquetRows(_write(tmp_path, pa.Table.from_pylist([row]))).rows()
    assert isinstance(read, Row)
    assert read.values == row


def test_file_of_records_is_read_back(tmp_path: Path, human_eval: Loaded) -> None:
    file = tmp_path / "own.parquet"
    write_records(file, human_eval.records)
    assert load_records(f"parquet:{file}").records == human_eval.records


def test_text_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    raw = pa.StringArray.from_buffers(3, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb"))
    first, broken, last = ParquetRows(_write(tmp_path, {"text": raw})).rows()
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(broken, Broken)
    assert (broken.place, broken.field) == ("x.parquet, row 2", "text")
    assert "cannot be decoded" in broken.found


def test_damaged_row_group_costs_its_rows_only(tmp_path: Path) -> None:
    file = _write(
        tmp_path, {"a": [f"{k:064d}" for k in range(300)]}, row_group_size=100, compression="zstd", use_dictionary=False
    )
    data = bytearray(file.read_bytes())
    start = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    data[start : start + 60] = b"\xff" * 60
    file.write_bytes(data)
    rows = list(ParquetRows(file).rows())
    assert [type(row) for row in rows].count(Row) == 200
    broken = [row for row in rows if isinstance(row, Broken)]
    assert [row.place for row in broken] == ["x.parquet, rows 101 to 200"]
    assert rows[-1].place == "x.parquet, row 300"


@pytest.mark.parametrize("keep", [0, 4, 12, 100, -1])
def test_cut_file_is_an_error(tmp_path: Path, keep: int) -> None:
    file = _write(tmp_path, {"a": list(range(50))})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(HarnessError) as caught:
        list(open_file(file, "parquet").rows())
    assert "x.parquet" in caught.value.what
    assert caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize(("kind", "fix"), [("parquet", "jsonl:"), ("jsonl", "parquet:")])
def test_the_other_kind_of_file_is_told(tmp_path: Path, kind: str, fix: str) -> None:
    file = tmp_path / "file"
    if kind == "parquet":
        file.write_text('{"a": 1}\n')
    else:
        file = _write(tmp_path, {"a": [1]})
    with pytest.raises(HarnessError) as caught:
        open_file(file, kind)
    assert fix in caught.value.fix


def test_memory_does_not_grow_with_the_file(tmp_path: Path, run_python: Python) -> None:
    """One row group of 160 MB: some rows are held at a time, not the group."""
    file = tmp_path / "big.parquet"
    schema = pa.schema([("a", pa.string())])
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer:
        writer.write_table(pa.table({"a": [f"{k}" * 40_000 for k in range(1_000, 2_000)]}, schema), row_group_size=1 << 20)
    code = """
import resource
from pathlib import Path
from harness.data.sources.parquet import ParquetRows
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(len(row.values["a"]) for row in ParquetRows(Path(sys.argv[1])).rows()))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = run_python(code, str(file))
    assert done.returncode == 0, done.stderr
    characters, peak_mib = map(int, done.stdout.split())
    assert characters == 1_000 * 160_000
    assert peak_mib < 100

"""Made-up data files for fuzzing the readers, and what is right to make of them. Used by fuzz_readers.py and the tests.

A file starts as good rows of one schema. Some rows are then changed: a field replaced, removed or added, bytes flipped, cut,
inserted. A row that nothing touched must come out as its record, whatever stands around it; anything else may be refused, but
in words: as a broken or skipped item, or as a HarnessError. Parquet files have damage anywhere, and columns of any type.
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from benchmarks.reader_rows import FORCED, NAMES, SCHEMAS, Draw, changed_row, junk, spliced


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up file.

    Attributes:
        kind: The source kind that it is read as.
        data: Its bytes.
        survivors: Focal names of the rows that must come out as records.
    """

    kind: str
    data: bytes
    survivors: frozenset[str]


@st.composite
def line_files(draw: Draw) -> Made:
    """JSON Lines: good rows, changed rows and junk, with any line end, packed or not, whole or cut."""
    schema = draw(st.sampled_from(sorted(SCHEMAS, key=str)))
    lines: list[tuple[bytes, str | None]] = []
    for k in range(draw(st.integers(1, 6))):
        good = json.dumps(SCHEMAS[schema](k)).encode()
        what = draw(st.sampled_from(["good", "good", "good", "row", "bytes", "junk", "twice"]))
        if what in ("good", "twice", "junk"):
            lines.append((good, f"focal_{k}"))
        if what == "row":
            changed = json.dumps(draw(changed_row(SCHEMAS[schema](k))), ensure_ascii=draw(st.booleans()))
            lines.append((changed.encode("utf-8", "surrogatepass"), None))
        elif what == "bytes":
            lines.append((spliced(draw, good, draw(junk)), None))
        elif what == "twice":
            lines.append((json.dumps(draw(changed_row(SCHEMAS[schema](k)))).encode(), None))
        elif what == "junk":
            lines.append((draw(junk), None))
    return _file_of(draw, schema, lines)


def _file_of(draw: Draw, schema: str, lines: list[tuple[bytes, str | None]]) -> Made:
    """The file that the lines make, and who survives in it."""
    untouched = [name for _, name in lines if name is not None]
    kind = draw(st.sampled_from(["jsonl", FORCED.get(schema, "jsonl")]))
    # Where changed rows outnumber the good ones, the file may well be taken for something else.
    sure = len(untouched) * 2 > sum(max(1, line.count(b"\n") + 1) for line, _ in lines) or kind != "jsonl"
    ends = draw(st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
    data = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + b"".join(line + ends for line, _ in lines)
    whole = draw(st.sampled_from(["whole", "whole", "packed", "no end", "cut", "packed and damaged"]))
    if whole.startswith("packed"):
        data = gzip.compress(data, mtime=0)
    if whole == "no end":
        data = data.removesuffix(ends)
    if whole in ("cut", "packed and damaged"):
        sure = False
        data = data[: draw(st.integers(0, len(data)))] if whole == "cut" else spliced(draw, data, draw(junk))
    if not data.startswith((b"{", b"\xef\xbb\xbf{", b"\x1f\x8b")):
        sure = False  # the first line is junk, which may make the file something else as a whole
    return Made(kind, data, frozenset(untouched) if sure else frozenset())


_ARROW = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    pa.large_binary(): st.binary(max_size=20),
    pa.timestamp("ns"): st.integers(-(2**63), 2**63 - 1),
    pa.timestamp("s", "UTC"): st.integers(-(2**53), 2**53),
    pa.date64(): st.integers(-(2**53), 2**53),
    pa.duration("us"): st.integers(-(2**63), 2**63 - 1),
    pa.list_(pa.string()): st.lists(st.none() | st.sampled_from(["a", "def test_x(): ..."]), max_size=3),
    pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])): st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", None]), "content": st.sampled_from(["x", None])}),
        max_size=3,
    ),
    pa.map_(pa.string(), pa.int64()): st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)).map(lambda d: list(d.items())),
    pa.null(): st.none(),
}


@st.composite
def odd_tables(draw: Draw) -> Made:
    """A whole Parquet file of columns of any type, under names that mean something, or nothing."""
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=5))
    arrays = []
    for _ in names:
        kind = draw(st.sampled_from(sorted(_ARROW, key=str)))
        arrays.append(pa.array(draw(st.lists(st.none() | _ARROW[kind], min_size=rows, max_size=rows)), kind))
    return Made("parquet", _parquet_bytes(draw, pa.Table.from_arrays(arrays, names)), frozenset())


@st.composite
def damaged_tables(draw: Draw) -> Made:
    """A Parquet file of good rows, whole, or with some bytes replaced anywhere, or cut."""
    schema = draw(st.sampled_from(sorted(SCHEMAS, key=str)))
    count = draw(st.integers(1, 6))
    data = _parquet_bytes(draw, pa.Table.from_pylist([SCHEMAS[schema](k) for k in range(count)]))
    if draw(st.integers(0, 4)) == 0:
        return Made("parquet", data, frozenset(f"focal_{k}" for k in range(count)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data) - 1))
        piece = draw(junk | st.binary(min_size=1, max_size=1))
        data = (data[:start] + piece + data[start + len(piece) :])[: len(data)]
    return Made("parquet", data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data, frozenset())


def _parquet_bytes(draw: Draw, table: pa.Table) -> bytes:
    compression = draw(st.sampled_from(["none", "snappy", "zstd", "gzip"]))
    sink = io.BytesIO()
    pq.write_table(
        table, sink, row_group_size=draw(st.integers(1, 4)), compression=compression, use_dictionary=draw(st.booleans())
    )
    return sink.getvalue()


files = line_files() | line_files() | damaged_tables() | odd_tables()
"""Any made-up file; half of them JSON Lines."""

from __future__ import annotations

from harness.core.records import Record
from harness.data.prepared.contamination import EXACT, NEAR, ORACLE, Benchmark, benchmark_of, contaminated
from harness.data.prepared.looking import look_at
from harness.data.sources.rows import Skipped

SOURCE = (
    "def below(items, limit):\n    for item in items:\n        if item >= limit:\n            return False\n"
    "        if item < 0:\n            continue\n    return True\n"
)
ASSERTS = ["assert below([1, 2, 4, 10], 100) == True", "assert below([1, 20, 4, 10], 5) == False", "assert below([], 3) is True"]


def _record(name: str, source: str, entry_point: str, asserts: list[str]) -> Record:
    suite = f"from solution import {entry_point}\n\n\ndef test_it():\n    " + "\n    ".join(asserts or ["pass"]) + "\n"
    return Record(name, entry_point, source, (), suite, "made", "MIT")


def _benchmark() -> Benchmark:
    rows = [look_at(_record("B/1", SOURCE, "below", ASSERTS)), look_at(Skipped("B/2", "no use"))]
    return benchmark_of(Benchmark("made"), rows)


def _hits(record: Record) -> list[tuple[str, str]]:
    looked = look_at(record)
    assert looked.sketch is not None
    return [(hit.of, hit.how) for hit in contaminated([looked.sketch], [looked.marks], _benchmark(), 0.8)]


def test_signs_in_order_of_their_strength() -> None:
    renamed = SOURCE.replace("below", "under").replace("item", "x")
    other = "def under(a, b):\n    return all(map(b.__gt__, a))\n"
    asserts = [line.replace("below", "under") for line in ASSERTS]
    assert _hits(_record("a", renamed, "under", [])) == [("B/1", EXACT)]
    assert _hits(_record("b", SOURCE.replace(">=", ">"), "below", ASSERTS)) == [("B/1", NEAR)]
    assert _hits(_record("c", other, "under", asserts)) == [("B/1", ORACLE)]
    assert _hits(_record("d", other, "under", asserts[:1])) == []


def test_benchmark_holds_its_records_alone() -> None:
    made = _benchmark()
    assert made.ids == ("B/1",)
    assert len(made.sketches) == len(made.marks) == 1


def test_tests_in_the_way_of_human_eval_are_seen_whatever_their_layout() -> None:
    checks = "".join(f"    {line.replace('below(', 'candidate( ')}, 'wrong'\n" for line in ASSERTS).replace(", 4", ",4")
    suite = f"from solution import under\n\ndef check(candidate):\n{checks}\ndef test_it():\n    check(under)\n"
    record = Record("e", "under", "def under(a, b):\n    return all(map(b.__gt__, a))\n", (), suite, "made", "MIT")
    assert _hits(record) == [("B/1", ORACLE)]

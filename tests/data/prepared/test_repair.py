from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.records import Record
from harness.data.prepared.execution import Execution, run_oracles
from harness.data.prepared.prepare import PrepareAsk, prepare_splits
from harness.data.prepared.repair import Refused, repaired
from harness.files.record_files import read_records, write_records

SOURCE = "def half(x):\n    return x // 2\n"
HEAD = "from solution import half\n\n\n"
GOOD = "def test_half_1():\n    assert half(8) == 4\n"
WRONG = "def test_half_2():\n    assert half(8) == 5\n"
LOOPS = "def test_half_3():\n    while half(8):\n        pass\n"
CLASS = (
    "import unittest\nfrom solution import half\n\n\nclass TestHalf(unittest.TestCase):\n"
    "    def test_good(self):\n        self.assertEqual(half(9), 4)\n\n"
    "    def test_wrong(self):\n        self.assertEqual(half(9), 5)\n"
)


def _record(name: str, suite: str | None, *tests: str) -> Record:
    return Record(name, "half", SOURCE, tests, suite, "made", "MIT")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [
        _record("whole", HEAD + GOOD, GOOD),
        _record("none", None),
        _record("mixed", HEAD + GOOD + "\n\n" + WRONG, GOOD, WRONG),
        _record("wrong", HEAD + WRONG, WRONG),
        _record("class", CLASS, "def test_half_1():\n    assert half(9) == 4\n", "def test_half_2():\n    assert half(9) == 5\n"),
        _record("empty", HEAD + "def test_half_1():\n    half(3)\n"),
        _record("endless", HEAD + LOOPS, LOOPS),
    ]


@pytest.fixture(scope="module")
def how(tmp_path_factory: pytest.TempPathFactory) -> Execution:
    return Execution(timeout_s=2, cache=tmp_path_factory.mktemp("verdicts"))


def test_failing_tests_go_and_with_the_last_the_record(records: list[Record], how: Execution) -> None:
    found = {records[k].id: result for k, result in enumerate(repaired(records, lambda some: run_oracles(some, how)))}
    assert found["whole"] == (records[0], 0)
    assert found["none"] == (records[1], 0)
    mixed, removed = found["mixed"]
    assert isinstance(mixed, Record)
    assert (mixed.oracle_tests, removed) == ((GOOD,), 1)
    assert "test_half_2" not in (mixed.oracle_suite or "")
    of_class, removed = found["class"]
    assert isinstance(of_class, Record)
    assert "test_wrong" not in (of_class.oracle_suite or "")
    assert removed == 1
    assert all("== 5" not in test for test in of_class.oracle_tests)
    for name, reason in (("wrong", "failed on reference"), ("empty", "no check"), ("endless", "timeout")):
        refused = found[name][0]
        assert isinstance(refused, Refused)
        assert refused.reason == f"oracle suite: {reason}"


def test_prepared_oracles_pass(records: list[Record], how: Execution, tmp_path: Path) -> None:
    rows = [record for record in records if record.id not in ("endless",)]
    distinct = [
        Record(
            r.id,
            "half",
            SOURCE.replace("2", str(k + 2)) if r.id == "none" else SOURCE,
            r.oracle_tests,
            r.oracle_suite,
            "m",
            "MIT",
        )
        for k, r in enumerate(rows)
    ]
    write_records(tmp_path / "mine.jsonl", distinct)
    ask = PrepareAsk((f"jsonl:{tmp_path / 'mine.jsonl'}",), {"train": 1.0}, {}, execution=how, benchmarks=())
    prepared = prepare_splits(ask, tmp_path)
    assert prepared.left_out == {"oracle suite: failed on reference": 1, "oracle suite: no check": 1}
    kept = [record for record in read_records(prepared.files["train"]) if record.oracle_suite is not None]
    assert sorted(record.id for record in kept) == ["class", "mixed", "whole"]
    assert all(done.whole for done in run_oracles(kept, how))


def test_no_more_suites_run_than_the_limit_takes(how: Execution, tmp_path: Path) -> None:
    suite = "from solution import f\n\n\ndef test_f():\n    assert f(3) == {n}\n"
    rows = [Record(f"r{n}", "f", f"def f(x):\n    return [x, {n}][1]\n", (), suite.format(n=n), "made", "MIT") for n in range(12)]
    write_records(tmp_path / "mine.jsonl", rows)
    ran: list[int] = []
    counting = Execution(timeout_s=2, on_done=lambda done, _: ran.append(done))
    ask = PrepareAsk((f"jsonl:{tmp_path / 'mine.jsonl'}",), {"train": 1.0}, {"train": 3}, execution=counting, benchmarks=())
    assert prepare_splits(ask, tmp_path).counts["train"] == 3
    assert len(ran) == 3

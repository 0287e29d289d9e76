from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from data_types import Pytest

from harness.core.records import Record
from harness.data.sources.chat import Chat
from harness.data.sources.layouts import columns_of
from harness.data.sources.registry import load_records
from harness.data.sources.rows import Broken, Row

_SOURCE = "def double(x):\n    return 2 * x\n"
_TESTS = "from solution import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
_ASKED = f"Write tests for this function:\n\n```python\n{_SOURCE}```\n"
_ANSWERED = f"Here they are.\n\n```python\n{_TESTS}```\nGood luck!"


def _messages(*texts: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in texts]}


def _row(values: dict[str, Any]) -> Row:
    return Row("x.jsonl, line 1", values)


def _record(values: dict[str, Any]) -> Record:
    item = Chat().read(_row(values))
    assert isinstance(item, Record), item
    return item


def _broken(values: dict[str, Any]) -> Broken:
    item = Chat().read(_row(values))
    assert isinstance(item, Broken), item
    return item


SHAPES = {
    "messages": _messages(("user", _ASKED), ("assistant", _ANSWERED)),
    "system and earlier turns": _messages(
        ("system", "```python\ndef other(): ...\n```"),
        ("user", "Hello"),
        ("assistant", "Which function?"),
        ("user", _ASKED),
        ("assistant", _ANSWERED),
        ("user", "Thanks"),
    ),
    "function in an earlier turn": _messages(
        ("user", _ASKED), ("assistant", "With pytest?"), ("user", "Yes"), ("assistant", _ANSWERED)
    ),
    "prompt and completion": {"prompt": _ASKED, "completion": _ANSWERED},
    "lists of messages": {
        "prompt": [{"role": "user", "content": _ASKED}],
        "completion": [{"role": "assistant", "content": _ANSWERED}],
    },
    "instruction and output": {"instruction": _ASKED, "output": _ANSWERED},
    "instruction, input and output": {"instruction": "Write tests.", "input": _SOURCE, "output": _TESTS},
    "bare code": {"prompt": _SOURCE, "completion": _TESTS},
    "bare code after a sentence": {"prompt": f"Test this, please.\n{_SOURCE}", "completion": f"Sure.\n\n{_TESTS}"},
    "CRLF": {"prompt": _ASKED.replace("\n", "\r\n"), "completion": _ANSWERED.replace("\n", "\r\n")},
    "tildes and no language": {"prompt": f"~~~\n{_SOURCE}~~~", "completion": f"````py\n{_TESTS}````"},
    "fence never closed": {"prompt": _ASKED, "completion": f"```python\n{_TESTS}"},
    "an example before, a shell block after": {
        "prompt": f"```python\ndef example(): ...\n```\n{_ASKED}\n```bash\npytest\n```",
        "completion": f"```bash\npip install pytest\n```\n{_ANSWERED}\n```python\nprint('more')\n```",
    },
}


@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES)
def test_every_shape_gives_the_same_record(values: dict[str, Any]) -> None:
    assert Chat().matches(columns_of(_row(values)))
    record = _record(values)
    assert (record.entry_point, record.source) == ("double", _SOURCE)
    assert record.oracle_tests == ("def test_double_1():\n    assert double(2) == 4",)
    assert record.oracle_suite is not None
    assert record.oracle_suite.startswith("from solution import double\n")
    assert record.id == _record(SHAPES["messages"]).id


def _pair(source: str, tests: str) -> Record:
    return _record({"prompt": source, "completion": tests})


@pytest.mark.parametrize(
    ("source", "tests", "entry_point"),
    [
        (
            "def f(x):\n    return g(x)\n\ndef g(x):\n    return x\n",
            "def test_it():\n    assert g(1) == 1\n    assert g(2) == 2\n",
            "g",
        ),
        (
            "def f(x):\n    return x\n\ndef g(x):\n    return x\n",
            "from m import f\ndef test_it():\n    assert f(g(g(1))) == 1\n",
            "f",
        ),
        ("def f(x):\n    return x\n", "def f(x):\n    return x\n\ndef test_f():\n    assert f(1) == 1\n", "f"),
        ("def f(x):\n    return x\n", "def test_f():\n    assert list(map(f, [1])) == [1]\n", "f"),
        (
            "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n"
            "        self.items.append(x)\n        return self\n    def size(self):\n        return len(self.items)\n",
            "def test_push():\n    s = Stack()\n    s.push(1)\n    s.push(2)\n    assert s.size() == 2\n",
            "Stack.push",
        ),
        ("class P:\n    def __init__(self, x):\n        self.x = x\n", "def test_p():\n    assert P(1).x == 1\n", "P"),
    ],
    ids=["called", "imported", "pasted", "passed on", "method", "class"],
)
def test_entry_point_is_what_the_tests_are_about(source: str, tests: str, entry_point: str) -> None:
    assert _pair(source, tests).entry_point == entry_point


def test_unittest_and_a_pasted_copy_run_as_a_suite(run_pytest: Pytest) -> None:
    test = "class T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(2), 4)\n"
    tests = f"import unittest\n{_SOURCE}\n{test}"
    record = _pair(_SOURCE, tests)
    assert record.oracle_suite is not None
    assert "return 2 * x" not in record.oracle_suite
    status, output = run_pytest(record.source, record.oracle_suite)
    assert status == 0, output


def test_own_id_and_licence_are_kept() -> None:
    record = _record({**SHAPES["bare code"], "id": 7, "license": "MIT"})
    assert (record.id, record.licence) == ("7", "MIT")


@pytest.mark.parametrize(
    ("values", "field", "found"),
    [
        ({"a": 1}, "messages", "no request and answer in the columns a"),
        ({"messages": "hello"}, "messages", "`messages` is 'hello'"),
        ({"messages": [{"from": "user", "value": "x"}]}, "messages", "holds the message"),
        (_messages(("assistant", _ANSWERED)), "messages", "no message of the role user"),
        (_messages(("user", _ASKED)), "messages", "no message of the role assistant"),
        ({"prompt": "Write a poem.", "completion": _TESTS}, "prompt", "no Python function in the request 'Write a poem.'"),
        ({"prompt": "```python\nx = 1\n```", "completion": _TESTS}, "prompt", "no Python function"),
        ({"prompt": "```python\ndef f(:\n```", "completion": _TESTS}, "prompt", "no Python function"),
        ({"prompt": _ASKED, "completion": "I would rather not."}, "completion", "no Python tests in the answer"),
        ({"prompt": _ASKED, "completion": "```python\nx = 1\n```"}, "completion", "no Python tests in the answer"),
        ({"prompt": _ASKED, "completion": "def test_x():\n    assert triple(1) == 3\n"}, "completion", "neither import nor call"),
        ({"instruction": _ASKED, "output": 3}, "output", "`output` is 3"),
    ],
)
def test_row_without_code_says_why(values: dict[str, Any], field: str, found: str) -> None:
    broken = _broken(values)
    assert (broken.place, broken.field) == ("x.jsonl, line 1", field)
    assert found in broken.found
    assert broken.allowed


@pytest.mark.parametrize("shape", ["messages", "instruction and output", "lists of messages"])
@pytest.mark.parametrize("kind", ["chat", "jsonl"])
def test_file_is_read_under_either_name(tmp_path: Path, shape: str, kind: str) -> None:
    file = tmp_path / "sft.jsonl"
    file.write_text(json.dumps(SHAPES[shape]) + "\n" + json.dumps({**SHAPES[shape], "id": 1}) + "\n")
    records = load_records(f"{kind}:{file}").records
    assert [record.origin for record in records] == ["sft.jsonl"] * 2


def test_long_prose_costs_no_square_of_its_length() -> None:
    prose = "def nothing that parses\n" * 20_000
    assert "no Python function" in _broken({"prompt": prose, "completion": _TESTS}).found
    fences = "```\n" * 20_001
    assert "no Python function" in _broken({"prompt": fences, "completion": _TESTS}).found

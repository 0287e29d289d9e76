"""Rows of every schema that a reader knows, and ways to change them. Used by reader_files.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Values = dict[str, Any]
Draw = Callable[..., Any]


def _source(k: int) -> str:
    return f"def focal_{k}(x):\n    return x + {k}\n"


def _native(k: int) -> Values:
    test = f"def test_it():\n    assert focal_{k}(1) == {k + 1}"
    return {"id": f"own/{k}", "entry_point": f"focal_{k}", "source": _source(k), "oracle_tests": [test], "licence": "MIT"}


def _mbpp(k: int) -> Values:
    tests = [f"assert focal_{k}(1) == {k + 1}"]
    return {"task_id": k, "text": "Add.", "code": _source(k), "test_setup_code": "", "test_list": tests}


def _human_eval(k: int) -> Values:
    test = f"def check(candidate):\n    assert candidate(1) == {k + 1}\n"
    head, body = _source(k).split("\n", 1)
    return {"task_id": f"H/{k}", "prompt": head + "\n", "entry_point": f"focal_{k}", "canonical_solution": body, "test": test}


def _chat(k: int) -> Values:
    asked = f"Write tests.\n\n```python\n{_source(k)}```\n"
    answer = f"```python\nfrom solution import focal_{k}\n\n\ndef test_it():\n    assert focal_{k}(1) == {k + 1}\n```\n"
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}


def _instruction(k: int) -> Values:
    return {"instruction": "Write tests.", "input": _source(k), "output": f"def test_it():\n    assert focal_{k}(1) == {k + 1}\n"}


def _coderm(k: int) -> Values:
    lines = f"class T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(focal_{k}(1), {k + 1})\n"
    tests = [{"ut_id": n, "code": f"import unittest\n\n{lines}", "FAR": n / 10, "FRR": 0.0} for n in range(2)]
    generated = json.dumps([{"sol_id": 0, "code": _source(k)}])
    row = {"task_id": k, "question": "Add.", "code_ground_truth": _source(k)}
    return {**row, "code_generate": generated, "unit_tests": json.dumps(tests)}


SCHEMAS = {
    "native": _native,
    "mbpp": _mbpp,
    "human-eval": _human_eval,
    "chat": _chat,
    "instruction": _instruction,
    "coderm": _coderm,
}
FORCED = {"mbpp": "mbpp", "chat": "chat", "instruction": "chat"}
NAMES = sorted({name for make in SCHEMAS.values() for name in make(0)} | {"prompt", "completion", "oracle_suite", "origin"})

_PIECES = [
    "\ud800",
    "\0",
    "\x1b[31m",
    "\n",
    "\r",
    "\ufeff",
    "(" * 300,
    "-" * 5_000 + "1",
    '"',
    "```",
    "\\",
    "\u2028",
    "def ",
    "import ",
]
_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["def f(", "\0", "(" * 300])
)
_json = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))
junk = st.binary(max_size=40) | st.sampled_from(
    [
        b"{",
        b"[]",
        b"null",
        b'{"a": 1}',
        b"\0" * 50,
        b"[" * 5_000,
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b'"\\ud800"',
        b"\r",
        b"PAR1",
        b"NaN",
    ]
)


@st.composite
def changed_row(draw: Draw, row: Values) -> Values:
    """A row with another value, without a column, or with one more."""
    row = dict(row)
    name = draw(st.sampled_from(sorted(row)))
    what = draw(st.sampled_from(["value", "text", "gone", "more", "renamed"]))
    if what == "value":
        row[name] = draw(_json)
    elif what == "text":
        row[name] = _with_text(draw, row[name])
    elif what == "more":
        row[draw(st.text(max_size=8) | st.sampled_from(NAMES))] = draw(_json)
    else:
        value = row.pop(name)
        if what == "renamed":
            row[name[1:] + name[:1]] = value
    return row


def _with_text(draw: Draw, value: Any) -> Any:
    """A value with one of the texts in it changed, however deep it stands."""
    if isinstance(value, str):
        return spliced(draw, value, draw(st.text(max_size=8) | st.sampled_from(_PIECES)))
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _with_text(draw, value[name])}
    if isinstance(value, list) and value:
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], _with_text(draw, value[index]), *value[index + 1 :]]
    return value


def spliced(draw: Draw, whole: Any, piece: Any) -> Any:
    """A text or bytes with a part of it replaced."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 30)))
    return whole[:start] + piece + whole[end:]

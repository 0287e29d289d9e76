"""The words of prompts, and the cut of answers."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.prompts import FENCE, answer, cut_suite, import_line, messages, one_shot_messages, prefill, question
from harness.core.records import Record

RECORD = Record(
    id="t/1",
    entry_point="add",
    source="def add(a, b):\n    return a + b\n",
    oracle_tests=("def test_add_1():\n    assert add(1, 2) == 3\n", "def test_add_2():\n    assert add(0, 0) == 0"),
    oracle_suite=None,
    origin="here",
    licence="unknown",
)
BARE = Record("t/2", "f", "", (), None, "here", "unknown")
WHOLE = "def test_a():\n    assert add(1, 1) == 2\n\ndef test_b():\n    assert add(2, 2) == 4\n"


def test_question_holds_the_source_and_the_name() -> None:
    assert RECORD.source.strip() in question(RECORD)
    assert "`add`" in question(RECORD)
    assert messages(RECORD) == [{"role": "user", "content": question(RECORD)}]


def test_answer_continues_the_prefill_to_a_whole_fenced_suite() -> None:
    text = prefill(RECORD) + answer(RECORD, 5)
    assert text.startswith(FENCE + "python\n")
    assert text.endswith("\n" + FENCE)
    code = text.removeprefix(FENCE + "python\n").removesuffix(FENCE)
    assert [getattr(node, "name", None) for node in ast.parse(code).body] == [None, "test_add_1", "test_add_2"]


def test_answer_takes_at_most_max_tests() -> None:
    assert "test_add_1" in answer(RECORD, 1)
    assert "test_add_2" not in answer(RECORD, 1)


@pytest.mark.parametrize(("record", "count"), [(BARE, 3), (RECORD, 0), (RECORD, -1)])
def test_an_empty_answer_is_refused(record: Record, count: int) -> None:
    with pytest.raises(ValueError, match="no oracle test"):
        answer(record, count)


def test_one_shot_shows_the_example_answered_and_then_asks() -> None:
    chat = one_shot_messages(RECORD, BARE, max_tests=1)
    assert [m["role"] for m in chat] == ["user", "assistant", "user"]
    assert chat[1]["content"] == prefill(RECORD) + answer(RECORD, 1)
    assert chat[2]["content"] == question(BARE)
    with pytest.raises(ValueError, match="no oracle test"):
        one_shot_messages(BARE, RECORD)


def test_a_fenced_answer_is_kept_whole() -> None:
    cut = cut_suite(WHOLE + "```\nand some talk ```python\nmore\n```", RECORD)
    assert cut.code == import_line(RECORD) + "\n" + WHOLE
    assert not cut.truncated


def test_oracle_answers_survive_their_own_cut() -> None:
    cut = cut_suite(answer(RECORD, 2), RECORD)
    assert cut.code.count("def test_") == 2
    assert not cut.truncated


def test_an_unfinished_last_test_is_dropped_although_it_parses() -> None:
    cut = cut_suite("def test_a():\n    assert add(1, 1) == 2\n\ndef test_b():\n    assert add(6, 6) == 1", RECORD)
    assert "test_a" in cut.code
    assert "test_b" not in cut.code
    assert cut.truncated


def test_an_answer_that_ended_by_itself_keeps_its_last_test() -> None:
    cut = cut_suite(WHOLE, RECORD, finished=True)
    assert "test_b" in cut.code
    assert not cut.truncated


def test_a_broken_tail_is_cut_even_inside_a_fence() -> None:
    cut = cut_suite(WHOLE + "\ndef test_c(:\n    pass\n```", RECORD)
    assert cut.code == import_line(RECORD) + "\n" + WHOLE
    assert cut.truncated


@pytest.mark.parametrize("raw", ["", "```", "   \n\n", "I cannot do that.", "x = 1\n```", "def helper():\n    pass\n```", "\0"])
def test_no_test_leaves_the_import_line_alone(raw: str) -> None:
    assert cut_suite(raw, RECORD).code == "from solution import add\n"


@pytest.mark.parametrize(
    "raw", ["class TestAdd:\n    def test_a(self):\n        assert add(1, 1) == 2\n```", "async def test_a():\n    pass\n```"]
)
def test_other_forms_of_tests_are_tests(raw: str) -> None:
    assert raw.partition("\n```")[0] in cut_suite(raw, RECORD).code


def test_carriage_returns_are_line_ends() -> None:
    assert cut_suite(WHOLE.replace("\n", "\r\n") + "```", RECORD).code == import_line(RECORD) + "\n" + WHOLE


def test_a_thousand_brackets_do_not_break_the_cut() -> None:
    cut = cut_suite(WHOLE + "x = " + "(" * 5000, RECORD)
    assert cut.code == import_line(RECORD) + "\n" + WHOLE


pieces = st.sampled_from(
    ["def test_x():\n", "    assert add(1, 2) == 3\n", "    s = '\\d'\n", "```", "\n", "import pytest\n", "@mark\n", "(", '"""']
)


@given(st.one_of(st.text(max_size=80), st.lists(pieces, max_size=14).map("".join)), st.booleans())
def test_whatever_is_written_the_cut_parses_and_imports(raw: str, finished: bool) -> None:
    cut = cut_suite(raw, RECORD, finished=finished)
    tree = ast.parse(cut.code) if "\\d" not in cut.code else None
    assert cut.code.startswith(import_line(RECORD))
    assert FENCE not in cut.code
    if tree is not None and len(tree.body) > 1:
        assert any("test" in getattr(node, "name", "").lower() for node in tree.body)


@given(st.integers(0, 200))
def test_a_longer_answer_never_yields_fewer_tests(length: int) -> None:
    full = "\n".join(f"def test_{i}():\n    assert add({i}, 1) == {i + 1}\n" for i in range(5))
    shorter, longer = cut_suite(full[:length], RECORD), cut_suite(full[: length + 9], RECORD)
    assert longer.code.startswith(shorter.code.rstrip("\n"))

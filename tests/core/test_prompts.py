"""The words of prompts, and the cut of answers."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.prompt_template import Template
from harness.core.prompts import (
    EXAMPLE_CHARACTERS,
    FENCE,
    answer,
    choose_examples,
    cut_suite,
    example_for,
    import_line,
    messages,
    prefill,
    question,
)
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
PLAIN = Template("plain", "1", "chat", "Test `{{ entry_point }}`:\n{{ source | trim }}")
WHOLE = "def test_a():\n    assert add(1, 1) == 2\n\ndef test_b():\n    assert add(2, 2) == 4\n"


def test_the_question_is_the_templates() -> None:
    assert question(PLAIN, RECORD) == "Test `add`:\ndef add(a, b):\n    return a + b"
    assert messages(PLAIN, RECORD) == [{"role": "user", "content": question(PLAIN, RECORD)}]
    assert messages(replace(PLAIN, system="Be brief."), RECORD)[0] == {"role": "system", "content": "Be brief."}


def test_a_method_is_imported_with_its_class() -> None:
    method = replace(RECORD, entry_point="Stack.push")
    assert import_line(method) == "from solution import Stack\n"
    assert cut_suite(WHOLE + FENCE, method).code.startswith("from solution import Stack\n")


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


IMPORTS = ("import pytest", "import math as m", "from re import compile, sub\n", "import os.path", "", "import pytest")


@pytest.mark.parametrize(
    ("tests", "wanted"),
    [
        (("def test_a():\n    with pytest.raises(ValueError):\n        add(1)",), ["import pytest"]),
        (("def test_a():\n    assert m.pi > 3\n\n", "def test_b():\n    os.getcwd()"), ["import math as m", "import os.path"]),
        (("def test_a():\n    assert sub('a', 'b', 'a')",), ["from re import compile, sub"]),
        (("def test_a():\n    assert add(1, 1) == 2",), []),
    ],
)
def test_an_answer_begins_with_the_imports_its_tests_need(tests: tuple[str, ...], wanted: list[str]) -> None:
    record = replace(RECORD, oracle_tests=tests, oracle_imports=IMPORTS)
    text = answer(record, len(tests))
    assert text.partition("def ")[0] == "".join(f"{line}\n" for line in wanted) + ("\n" if wanted else "")
    cut = cut_suite(text, record)
    assert not cut.truncated
    assert all(line in cut.code for line in wanted)


def test_imports_of_tests_that_are_left_out_are_left_out_too() -> None:
    record = replace(
        RECORD, oracle_tests=("def test_a():\n    add(1, 1)", "def test_b():\n    pytest.skip()"), oracle_imports=IMPORTS
    )
    assert answer(record, 1).startswith("def test_a")
    assert answer(record, 2).startswith("import pytest\n\ndef test_a")


@pytest.mark.parametrize("line", ["from helpers import *", "import (", "try:\n    import x\nexcept ImportError:\n    x = None"])
def test_an_import_that_tells_no_names_is_kept(line: str) -> None:
    assert answer(replace(RECORD, oracle_imports=(line,)), 1).startswith(f"{line}\n\ndef ")


def test_a_worked_example_is_shown_answered_before_the_question() -> None:
    chat = messages(PLAIN, BARE, RECORD)
    assert [m["role"] for m in chat] == ["user", "assistant", "user"]
    assert chat[1]["content"] == prefill(RECORD) + answer(RECORD, 3)
    assert chat[2]["content"] == question(PLAIN, BARE)
    with pytest.raises(ValueError, match="no oracle test"):
        messages(PLAIN, RECORD, BARE)


def test_worked_examples_are_the_first_short_ones_and_never_their_own() -> None:
    long = replace(RECORD, id="long", source="#" * EXAMPLE_CHARACTERS)
    others = [replace(RECORD, id=f"t/{i}", source=RECORD.source + f"# {i}\n") for i in range(3)]
    assert choose_examples([BARE, long, *others]) == (others[0], others[1])
    assert choose_examples([BARE, long, others[0]]) == (long, others[0])
    assert choose_examples([BARE]) == ()
    chosen = choose_examples(others)
    assert [example_for(record, chosen) for record in others] == [others[1], others[0], others[0]]
    assert example_for(others[0], chosen[:1]) is None


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


def test_imports_that_the_model_writes_are_kept() -> None:
    cut = cut_suite("import pytest\nfrom math import pi\n\n" + WHOLE + FENCE, RECORD)
    assert cut.code == import_line(RECORD) + "\nimport pytest\nfrom math import pi\n\n" + WHOLE


def test_carriage_returns_are_line_ends() -> None:
    assert cut_suite(WHOLE.replace("\n", "\r\n") + "```", RECORD).code == import_line(RECORD) + "\n" + WHOLE


def test_of_a_broken_test_whole_lines_are_kept_where_tests_are_taken_apart() -> None:
    broken = "def test_a():\n    assert add(1) == 1\n    assert add(2) == 4\n    assert add(3) == 1"
    cut = cut_suite(broken, RECORD, whole_tests=False)
    assert cut.code.endswith("def test_a():\n    assert add(1) == 1\n    assert add(2) == 4\n")
    assert cut.truncated
    assert "def test_a" not in cut_suite(broken, RECORD).code
    assert cut_suite("assert add(1) == 1\n```", RECORD, whole_tests=False).code.endswith("\nassert add(1) == 1\n")
    assert cut_suite("assert add(1) == 1\n```", RECORD).code == "from solution import add\n"


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

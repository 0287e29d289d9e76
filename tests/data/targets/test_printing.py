from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.targets.printing import Style, printed, quoted

STATEMENTS = [
    "assert f(1) == 'a'",
    "assert f(1) == 'it\\'s'",
    "assert f('a', 'b', key='c') == {'a': 1, 'b': [1, 2, 3]}",
    "assert f([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]",
    "assert f(['alpha', 'beta', 'gamma', 'delta', 'epsilon']) == ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta']",
    "assert f(1) == {'alpha': [1, 2, 3], 'beta': [4, 5, 6], 'gamma': [7, 8, 9], 'delta': [10, 11], 'epsilon': [12, 13, 14]}",
    "assert f(1, 2) is None",
    "assert not f(argument_one='a very long text', argument_two='another very long text', argument_three='a third')",
    "value = f('a very long text that goes on', 'another very long text that goes on', 'a third text')",
    "with pytest.raises(ValueError, match='x'):\n    f(1)",
    "assert [x for x in f(10)] == ['x' for _ in range(10)]",
]
BRACKETED = [
    "assert ('a very long text that goes on' in f('another very long text that goes on', 'a third text')) == True",
    "assert (f('a very long text that goes on', 'another very long text that goes on') or default) == expected",
    "assert result == ('a very long text that goes on' if condition else 'another very long text that goes on')",
    "assert (not f('a very long text that goes on')) == (not g('another very long text that goes on', 'a third text'))",
    "assert (lambda: 'a very long text that goes on')(1, 2, 3) == g('another very long text that goes on', 'a third')",
]
"""Where Python needs the brackets: the usual formatter breaks such lines in ways of its own."""


@pytest.mark.parametrize("code", [*STATEMENTS, *BRACKETED])
@pytest.mark.parametrize("width", [72, 88, 100])
def test_layout_keeps_the_meaning(code: str, width: int) -> None:
    statement = ast.parse(code).body[0]
    text = "def t():\n" + "\n".join(printed(statement, 4, Style(width)))
    again = ast.parse(text).body[0]
    assert isinstance(again, ast.FunctionDef)
    assert ast.dump(again.body[0]) == ast.dump(statement)


def joined(left: str, right: str, form: str) -> str:
    return form.format(left, right)


FORMS = [
    "({} == {})",
    "({} in {})",
    "({} or {})",
    "({} and {})",
    "({} + {})",
    "({} if flag else {})",
    "(not {0} == {1})",
    "(lambda: {0})({1})",
    "f({}, *{})",
    "f(key={}, **{})",
    "[{}, *{}]",
    "({}, {})",
    "{{{}: {}}}",
    "{{'a': {}, **{}}}",
    "(a_name := {0})[{1}]",
    "({}).attribute[{}]",
    "[x for x in {} if {}]",
]
LEAVES = st.sampled_from(["a_name", "another_name", "'a text'", "f'{name} text'", "12", "-1", "None", "b''"])
EXPRESSIONS = st.recursive(LEAVES, lambda inner: st.builds(joined, inner, inner, st.sampled_from(FORMS)), max_leaves=8)


@settings(derandomize=True, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS, st.sampled_from(["assert {} == {}", "assert {} not in {}", "assert {0}", "x = {1}", "{0}"]))
def test_no_broken_line_means_something_else(left: str, right: str, form: str) -> None:
    tree = ast.parse(form.format(left, right))
    for width in (20, 40, 72):
        text = "\n".join(printed(tree.body[0], 0, Style(width)))
        assert ast.dump(ast.parse(text)) == ast.dump(tree)


def test_layout_is_the_formatters(tmp_path: Path) -> None:
    """What the usual formatter would not touch."""
    lines = [line for code in STATEMENTS for line in printed(ast.parse(code).body[0], 4, Style())]
    file = tmp_path / "test_x.py"
    file.write_text("\n".join(["def test_it():", *lines]) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--diff", "--isolated", str(file)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def test_quotes_are_the_projects() -> None:
    assert quoted("f('a', 'b\"c', b'd', '')", Style()) == 'f("a", \'b"c\', b"d", "")'
    assert quoted("f('a')", Style(double=False)) == "f('a')"

"""The parts of a module, seen from its focal function."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.focal import Focal, focal_parts, parsed

MODULE = '''\
import math
from functools import lru_cache

LIMIT = 3


@lru_cache(maxsize=None)
@other
def area(
    r: float,
    *, scale: int = 1,
) -> float:
    """Of a disc.

    More.
    """
    def nested(x):
        return x
    return nested(math.pi * r * r * scale)


class Stack(list):
    """A stack."""

    size = 0

    @property
    def top(self):
        return self[-1]

    async def push(self, item, /):
        self.append(item)

    class Inner:
        def only(self):
            return 1


def helper():
    return 2
'''


def test_a_function_is_told_apart_from_what_surrounds_it() -> None:
    parts = focal_parts(MODULE, "area")
    assert parts.focal.startswith("@lru_cache(maxsize=None)\n@other\ndef area(\n")
    assert parts.focal.endswith("return nested(math.pi * r * r * scale)")
    assert parts.signature == "def area(r: float, *, scale: int=1) -> float"
    assert parts.docstring == "Of a disc.\n\nMore."
    assert "import math" in parts.context
    assert "def helper():" in parts.context
    assert "area" not in parts.context


@pytest.mark.parametrize(
    ("name", "focal", "signature"),
    [
        ("Stack.top", "@property\ndef top(self):\n    return self[-1]", "def top(self)"),
        ("Stack.push", "async def push(self, item, /):\n    self.append(item)", "async def push(self, item, /)"),
        ("Stack.Inner.only", "def only(self):\n    return 1", "def only(self)"),
        ("area.nested", "def nested(x):\n    return x", "def nested(x)"),
        ("LIMIT", "LIMIT = 3", ""),
    ],
)
def test_methods_nested_functions_and_values_are_found(name: str, focal: str, signature: str) -> None:
    parts = focal_parts(MODULE, name)
    assert (parts.focal, parts.signature) == (focal, signature)
    ast.parse(parts.context)
    assert focal.partition("\n")[0] not in parts.context


def test_a_class_is_its_head_and_body() -> None:
    parts = focal_parts(MODULE, "Stack")
    assert parts.signature == "class Stack(list)"
    assert parts.docstring == "A stack."
    assert "def only" in parts.focal


def test_a_block_left_empty_still_parses() -> None:
    assert "class Inner:\n        ..." in focal_parts(MODULE, "Stack.Inner.only").context


def test_the_last_definition_counts() -> None:
    source = """
        try:
            from fast import f
        except ImportError:
            def f(x):
                return x
        @overload
        def g(x: int): ...
        @overload
        def g(x: str): ...
        def g(x):
            return x
    """
    assert focal_parts(textwrap.dedent(source), "f").focal == "def f(x):\n    return x"
    assert focal_parts(textwrap.dedent(source), "g").focal == "def g(x):\n    return x"


@pytest.mark.parametrize(("source", "name"), [("x = 1", "y"), ("def f(:", "f"), ("a\0b", "f"), ("x = 1", "x.y"), ("", "f")])
def test_what_cannot_be_told_apart_is_all_focal(source: str, name: str) -> None:
    assert focal_parts(source, name) == Focal(source, "", "", "")


def test_other_ends_of_lines_move_nothing() -> None:
    source = "x = '\u2028\f'\r\ndef f():\r\n    return 1\r\n\r\ny = 2\r\n"
    assert focal_parts(source, "f").focal == "def f():\n    return 1"


def test_bad_escapes_warn_nobody() -> None:
    assert focal_parts("def f():\n    return '\\d'\n", "f").signature == "def f()"


names = st.sampled_from(["f", "g", "C", "C.m", "f.inner"])
blocks = st.sampled_from(
    [
        "def f(a, b=(1, 2)):\n    '''Doc.'''\n    return a\n",
        "@d\nasync def g(*args): pass\n",
        "class C:\n    def m(self): return 1\n",
        "if True:\n    def f(): return 3\nelse:\n    f = None\n",
        "import os\n",
        "def f():\n    def inner():\n        return 1\n    return inner\n",
        "x = '''\ndef f(): pass\n'''\n",
        "(",
    ]
)


@given(st.lists(blocks, max_size=6).map("".join), names)
def test_parts_of_a_module_that_parses_parse(source: str, name: str) -> None:
    parts = focal_parts(source, name)
    if parsed(source) is None:
        assert parts.focal == source.strip("\n")
        return
    ast.parse(parts.focal)
    ast.parse(parts.context)
    if parts.signature:
        ast.parse(f"{parts.signature}: ...")

from __future__ import annotations

import marshal
import types
from collections.abc import Iterator
from typing import Any

import pytest

from evaluation.mutation.instrument import TICK, compiled

MODULE = '''"""Module."""
from __future__ import annotations
import asyncio

def loops(n):
    """Two loops."""
    total = 0
    for i in range(n):
        while total < i:
            total += 1
    else:
        total += 10
    return total

def only_doc():
    """Nothing else."""

def one(x): return x

class Box:
    """Class."""
    size = 2
    for name in ("a", "b"):
        pass

    @property
    def width(self) -> Missing:
        @staticmethod
        def nested():
            return 3
        return nested()

async def items(n):
    for i in range(n):
        yield i

async def add(n):
    total = 0
    async for i in items(n):
        total += i
    return total

short = lambda x: [y for y in range(x)]
'''


def run(source: str, *, ticks: bool = True) -> tuple[dict[str, Any], list[int]]:
    """The module's names, and a list with the number of ticks so far."""
    count = [0]

    def tick() -> None:
        count[0] += 1

    names: dict[str, Any] = {"__name__": "solution", TICK: tick}
    exec(marshal.loads(compiled(source, ticks=ticks)), names)
    return names, count


def ticks_of(call: str) -> tuple[object, int]:
    names, count = run(MODULE)
    before = count[0]
    result = eval(call, names)
    return result, count[0] - before


@pytest.mark.parametrize(
    ("call", "result", "ticks"),
    [
        ("loops(3)", 12, 1 + 3 + 2),
        ("only_doc()", None, 1),
        ("one(4)", 4, 1),
        ("Box().width", 3, 2),
        ("asyncio.run(add(3))", 3, 1 + 3 + 1 + 3),
        ("short(3)", [0, 1, 2], 0),
    ],
)
def test_functions_and_loops_tick(call: str, result: object, ticks: int) -> None:
    assert ticks_of(call) == (result, ticks)


def test_loops_outside_functions_tick_and_without_ticks_nothing_does() -> None:
    assert run(MODULE)[1] == [2]
    names, count = run(MODULE, ticks=False)
    assert names["loops"](3) == 12
    assert count == [0]


def test_docstrings_future_imports_and_assertions_stay() -> None:
    for ticks in (True, False):
        names, _ = run(MODULE, ticks=ticks)
        assert names["__doc__"] == "Module."
        assert names["loops"].__doc__ == "Two loops."
        assert names["only_doc"].__doc__ == "Nothing else."
        assert names["Box"].__doc__ == "Class."
        assert names["Box"].width.fget.__annotations__ == {"return": "Missing"}
    with pytest.raises(AssertionError):
        run("assert False\n")


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def test_lines_stay_and_every_version_has_one_file_name() -> None:
    ticking, plain = (list(codes(marshal.loads(compiled(MODULE, ticks=ticks)))) for ticks in (True, False))
    assert {code.co_filename for code in [*ticking, *plain]} == {"/box/solution.py"}
    for new, old in zip(ticking, plain, strict=True):
        assert (new.co_name, new.co_firstlineno) == (old.co_name, old.co_firstlineno)
        lines = [{line for _, _, line in code.co_lines() if line} for code in (new, old)]
        assert lines[0] == lines[1] or new.co_name == "only_doc"  # nothing but the docstring to stand behind


def test_a_warning_of_the_compiler_is_not_ours() -> None:
    run("def f(x):\n    return x is 1 or '\\d'\n")


def test_what_does_not_compile_raises() -> None:
    for source in ("def f(:\n", "return 1\n"):
        with pytest.raises(SyntaxError):
            compiled(source)

"""A sabotaged function gives a wrong answer of every kind, always the same, and looks the same from outside."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import operator
import types
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.runner.sabotage import ANSWERS, KINDS, sabotage
from evaluation.runner.wrong import Wrong

MODULE = '''
import functools

def add(a: int, b: int = 1) -> int:
    """Sum."""
    return a + b

@functools.cache
def cached(a):
    return a * 2

async def later(a):
    return a

def stream(n):
    yield from range(n)

class Box:
    size = 3

    def __init__(self, item):
        self.item = item

    def get(self):
        return self.item

    @property
    def twice(self):
        return self.item * 2

    @staticmethod
    def plain(a):
        return a

    @classmethod
    def make(cls, a):
        return cls(a)
'''
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
    ),
    max_leaves=6,
)


def broken(entry_point: str, kind: str) -> types.ModuleType:
    return sabotaged(MODULE, entry_point, kind)


def sabotaged(source: str, entry_point: str, kind: str) -> types.ModuleType:
    module = types.ModuleType("solution")
    module.__dict__.update({"__file__": "solution.py", ANSWERS: []})
    exec(compile(source, "solution.py", "exec", dont_inherit=True), module.__dict__)
    sabotage(module, entry_point, kind)
    return module


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("entry_point", "call", "right"),
    [
        ("add", lambda m: m.add(2), 3),
        ("cached", lambda m: m.cached(2), 4),
        ("later", lambda m: asyncio.run(m.later(2)), 2),
        ("Box.get", lambda m: m.Box(2).get(), 2),
        ("Box.twice", lambda m: m.Box(2).twice, 4),
        ("Box.plain", lambda m: m.Box.plain(2), 2),
        ("Box.make", lambda m: m.Box.make(2), None),
    ],
)
def test_every_kind_of_function_is_broken(
    kind: str, entry_point: str, call: Callable[[types.ModuleType], object], right: object
) -> None:
    module = broken(entry_point, kind)
    value = call(module)
    if kind == "none":
        assert value is None
    else:
        assert value != right
        assert bool(value) == (kind != "false")
        assert call(module) == value


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_is_broken_with_all_its_methods(kind: str) -> None:
    box = broken("Box", kind).Box(2)
    values = [box.get(), box.twice, box.plain(2), box.make(2)]
    assert all(value is None for value in values) if kind == "none" else all(value != 2 for value in values)
    assert (box.size == 3) == (kind in {"none", "changed"})


@pytest.mark.parametrize("kind", KINDS)
def test_it_looks_like_the_original(kind: str) -> None:
    add = broken("add", kind).add
    assert (add.__name__, add.__doc__, add.__module__) == ("add", "Sum.", "solution")
    assert str(inspect.signature(add)) == "(a: int, b: int = 1) -> int"
    assert not hasattr(add, "__wrapped__")
    assert inspect.iscoroutinefunction(broken("later", kind).later)
    with pytest.raises(TypeError):
        add()


def test_a_generator_goes_wrong_in_every_way() -> None:
    assert [len(list(broken("stream", kind).stream(3))) for kind in ("true", "false")] == [1, 0]
    assert broken("stream", "changed").stream(3) != range(3)


def test_calls_with_equal_arguments_are_equal_and_others_are_not() -> None:
    add = broken("add", "true").add
    assert add(1) == add(1, 1) == add(a=1, b=1)
    assert add(1) != add(2)
    assert add(add(1)) != add(1)
    box = broken("Box.get", "true").Box
    assert box(1).get() == box(1).get() != box(2).get()


@given(plain)
def test_a_changed_value_has_the_type_but_is_another(value: object) -> None:
    module = sabotaged("def f(x): return x\n", "f", "changed")
    changed = module.f(value)
    assert value is None or type(changed) is type(value)
    assert module.f(value) == changed != value


@given(plain)
def test_a_wrong_value_equals_nothing_else(value: object) -> None:
    for truth in (True, False):
        wrong = Wrong(truth, "f", 1)
        assert wrong != value
        assert value != wrong
        assert bool(wrong) is truth
    assert Wrong(True, value) == Wrong(True, value) or value != value


@given(st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2))
def test_a_wrong_value_raises_in_no_expression(value: object) -> None:
    for truth in (True, False):
        wrong = Wrong(truth, "f")
        for binary in (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.pow):
            assert binary(wrong, value) != value
        for order in (getattr(operator, name) for name in ("lt", "le", "gt", "ge")):
            assert order(wrong, value) is (not truth)
        assert (value in wrong) is (not truth)
        assert wrong[value] != value  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["len", "list", "int", "float", "complex", "abs", "round", "repr", "str", "bytes", "hash", "iter"]
)
def test_a_wrong_value_goes_through_builtins(name: str) -> None:
    for truth in (True, False):
        getattr(builtins, name)(Wrong(truth, "f"))


def test_a_wrong_value_takes_part_in_every_statement() -> None:
    async def use(wrong: Wrong) -> list[object]:
        async with wrong as entered:  # type: ignore[attr-defined]
            found = [item async for item in wrong]
        return [entered, await wrong, *found]

    for truth in (True, False):
        wrong = Wrong(truth, "f")
        with wrong as entered:  # type: ignore[attr-defined]
            entered["key"] = 1
            del entered["key"]
        assert len(asyncio.run(use(wrong))) == 2 + truth
        assert wrong.any_name(1, key=2) != 1
        assert f"{wrong:>10}"

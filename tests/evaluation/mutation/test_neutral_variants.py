from __future__ import annotations

import ast
import gzip
import inspect
import json
import random
import signal
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.mutation.neutral import neutral_variants
from evaluation.mutation.plain_text import pad

ODD = '''"""Module."""
import dataclasses
from random import Random

X = 3

@dataclasses.dataclass
class Point:
    """A point."""
    x: int = 0
    y: int = 5

    def moved(self, by=(1, 2), *, times: int = 1):
        """Another point."""
        while times > 0:
            self = Point(self.x + by[0], self.y + by[1])
            times -= 1
        return self

    @property
    def text(self):
        return f"{self.x=} {self.y:>{4}}!"

class Sub(Point):
    __slots__ = ()

    def moved(self, by=(1, 2), *, times=1):
        return __class__, super().moved(by, times=times)

    @classmethod
    def make(cls): return cls(7)

def looks(a):
    b = 2
    return sorted(locals()), eval("a + b")

def only_doc():
    """Nothing else."""

def generates(n):
    for i in range(n):
        if i == 2: continue
        elif i == 5:
            return "end"
        else: got = yield i
    yield "more"

def counts():
    global X
    k = 1
    def up(step=2):
        nonlocal k
        k = k + step
        return k
    X = X + 1
    return [up() for _ in range(3)], X, k

def matches(value):
    match value:
        case 1 | 2: kind = "small"
        case [first, *_] if (n := first) > 3: kind = f"list {n}"
        case {"a": other}: kind = other
        case _: kind = "none"
    return kind

def handles(a, b):
    try:
        result = a / b
    except ZeroDivisionError as error:
        result = str(error)
    else:
        result = result + 0.5
    finally:
        last = result
    return result if result is not None else last, any((m := v) > 1 for v in [1, 2]) and m

def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)

def unbound(flag):
    if flag:
        value = 1
    return value

async def waits(n):
    async def later(x): return x
    total = 0
    for i in range(n):
        total = total + await later(i)
    return total
'''
CALLS = [
    "Point(1, 2).moved(times=2)", "Point(1, 2).text", "Sub.make().moved((3, 4))", "looks(4)", "only_doc()", "list(generates(8))",
    "counts()", "[matches(v) for v in (1, [5], {'a': 'x'}, None)]", "handles(1, 2)", "handles(1, 0)", "deep(40)",
    "Point.moved.__doc__", "Point.__doc__", "only_doc.__doc__", "str(inspect.signature(Point.moved))", "unbound(True)",
    "inspect.isgeneratorfunction(generates)", "inspect.iscoroutinefunction(waits)", "waits(3).send(None)",
]  # fmt: skip
SEEDS = [str(seed) for seed in range(12)]


def functions(code: types.CodeType, name: str = "") -> Iterator[tuple[str, types.CodeType]]:
    """Code objects of functions with their qualified names; no classes, lambdas or comprehensions."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = f"{name}{constant.co_name}."
            function = constant.co_flags & inspect.CO_NEWLOCALS and constant.co_flags & inspect.CO_OPTIMIZED
            if function and not constant.co_name.startswith("<"):
                yield inner, constant
            yield from functions(constant, inner)


def all_functions(source: str) -> list[tuple[str, types.CodeType]]:
    return sorted(functions(compile(source, "solution.py", "exec", dont_inherit=True)), key=lambda pair: pair[0])


def outcome(names: dict[str, Any], call: str) -> object:
    try:
        return repr(eval(call, names))
    except StopIteration as stop:
        return stop.value


def run(source: str) -> list[object]:
    names: dict[str, Any] = {"__name__": "solution", "inspect": inspect}
    exec(compile(source, "solution.py", "exec", dont_inherit=True), names)
    return [outcome(names, call) for call in CALLS]


@pytest.mark.parametrize("seed", SEEDS)
def test_odd_code_behaves_the_same_and_every_function_differs(seed: str) -> None:
    expected, before = run(ODD), all_functions(ODD)
    for variant in neutral_variants(ODD, seed, 2):
        assert run(variant) == expected
        after = all_functions(variant)
        assert [name for name, _ in after] == [name for name, _ in before]
        for (name, new), (_, old) in zip(after, before, strict=True):
            assert new.co_code != old.co_code, name
            kept = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_freevars", "co_cellvars")
            assert [getattr(new, field) for field in kept] == [getattr(old, field) for field in kept], name
            assert new.co_flags == old.co_flags, name


def test_the_text_fallback_behaves_the_same_too() -> None:
    padded = [pad(ODD, random.Random(seed)) for seed in SEEDS]
    for variant in padded:
        assert run(variant) == run(ODD)
        for (name, new), (_, old) in zip(all_functions(variant), all_functions(ODD), strict=True):
            assert new.co_code != old.co_code, name
    assert len(set(padded)) == len(SEEDS)


def test_what_cannot_be_printed_again_is_padded_as_text() -> None:
    source = "def f(a):\n\t# ä\n\tif a: return 'ä'" + " + a" * 300 + "\n\treturn 1\r\ndef g(): 'doc'\n"
    for variant in neutral_variants(source, "s", 3):
        names: dict[str, Any] = {}
        exec(variant, names)
        assert (names["f"](""), names["f"]("b"), names["g"].__doc__) == (1, "ä" + "b" * 300, "doc")


def test_the_number_of_loop_iterations_and_the_depth_stay() -> None:
    source = (
        "def f(n):\n    i = 0\n    while i < n:\n        i += 1\n        seen.append(i)\n    return i if n == 0 else f(n - 1)\n"
    )
    for variant in neutral_variants(source, "s", 20):
        seen: list[int] = []
        names: dict[str, Any] = {"seen": seen}
        exec(variant, names)
        assert names["f"](4) == 0
        assert seen == [1, 2, 3, 4, 1, 2, 3, 1, 2, 1]


def test_variants_are_many_and_the_same_for_a_seed() -> None:
    source = "def f(a, b):\n    if a > b:\n        return a - b\n    total = a * 2\n    return total + b\n"
    assert neutral_variants(source, "s", 30) == neutral_variants(source, "s", 30)
    made = {variant for seed in SEEDS for variant in neutral_variants(source, seed, 10)}
    assert len(made) > 110
    names = [{node.id for node in ast.walk(ast.parse(variant)) if isinstance(node, ast.Name)} for variant in made]
    every = set.intersection(*names)
    assert every == {"a", "b"}  # no name gives a variant away
    first = {ast.unparse(ast.parse(variant).body[0].body[0]).split("=")[-1] for variant in made}  # type: ignore[attr-defined]
    assert len(first) > 30


def test_a_function_that_looks_at_its_locals_keeps_them() -> None:
    source = "def f(a):\n    b = 1\n    c = b\n    return dict(vars()), a\n"
    for variant in neutral_variants(source, "s", 20):
        names: dict[str, Any] = {}
        exec(variant, names)
        assert names["f"](3) == ({"a": 3, "b": 1, "c": 1}, 3)


def checked(shared: Path) -> Iterator[tuple[str, str, str]]:
    """Every 8th function of HumanEval and every 45th of MBPP: name, source, checks."""
    with gzip.open(shared / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in list(map(json.loads, lines))[::8]:
            yield row["task_id"], row["prompt"] + row["canonical_solution"], f"{row['test']}\ncheck({row['entry_point']})"
    rows = [json.loads(line) for line in (shared / "mbpp" / "mbpp.jsonl").read_text("utf-8").splitlines()]
    for row in rows[::45]:
        yield f"MBPP/{row['task_id']}", row["code"], "\n".join([row["test_setup_code"], *row["test_list"]])


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_the_checks_of_the_data_sets_pass(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried = 0
    for name, source, checks in checked(shared_data):
        before = dict(all_functions(source))
        for variant in neutral_variants(source, name, 3):
            signal.alarm(3)
            names: dict[str, Any] = {"__name__": "solution"}
            exec(variant, names)
            exec(checks, names)
            signal.alarm(0)
            after = dict(all_functions(variant))
            assert all(after[key].co_code != code.co_code for key, code in before.items())
            tried += 1
    capsys.readouterr()
    assert tried > 120

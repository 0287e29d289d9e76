from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.mutation.records import Mutant, MutantSet, MutationSettings
from evaluation.mutation.store import mutants_of
from evaluation.records import FocalFunction

SHOP = '''"""A shop."""
from functools import lru_cache

LIMIT = 3


def grade(points, bonus=0):
    """Letter for points."""
    total = points + bonus
    if total < 0 or total > 100:
        raise ValueError("out of range")
    for index, floor in enumerate([90, 70, 50]):
        if total >= floor:
            return ["A", "B", "C"][index]
    return "F" if total else None


@lru_cache(
    maxsize=None,
)
def price(count):
    return count * 2


class Cart:
    size = 4

    def __init__(self, *items):
        self.items = list(items)

    @property
    def total(self):
        return sum(self.items) + 1

    @staticmethod
    def join(words):
        def inner(text):
            return text.lower()

        return inner(" ".join(words, ))
'''
SUITE = """from solution import Cart, grade

def test_all():
    assert grade(95) == "A"
    assert Cart.join(["a"]) == "a"
    assert Cart(1).items == [1]
"""


def generate(source: str, bytecode: Path) -> MutantSet:
    settings = MutationSettings(workers=1, mutation_scope="module")
    return mutants_of([FocalFunction("f", source, "f")], settings, bytecode)[0]


@pytest.fixture(scope="module")
def shop(bytecode: Path) -> tuple[Mutant, ...]:
    return generate(SHOP, bytecode).mutants


def body_of(function: ast.AST) -> str:
    assert isinstance(function, ast.FunctionDef)
    return ast.dump(ast.Module([ast.Expr(function.args), *function.body], []))  # type: ignore[arg-type]


def definition(source: str, qualified: str) -> ast.AST:
    scope: ast.AST = ast.parse(source)
    for name in qualified.split("."):
        scope = next(node for node in ast.iter_child_nodes(scope) if getattr(node, "name", "") == name)
    return scope


def mutmut_itself(folder: Path) -> Counter[str]:
    """The bodies of the mutants that `mutmut run` writes."""
    for name, text in {
        "src/solution.py": SHOP,
        "tests/test_shop.py": SUITE,
        "pyproject.toml": '[tool.mutmut]\nsource_paths = ["src"]\n',
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    written = ast.parse((folder / "mutants" / "src" / "solution.py").read_text("utf-8"))
    names = re.compile(r"__mutmut_\d+$")
    functions = [node for node in ast.walk(written) if isinstance(node, ast.FunctionDef) and names.search(node.name)]
    return Counter(body_of(function) for function in functions)


def test_the_same_mutants_as_a_run_of_mutmut(tmp_path: Path, shop: tuple[Mutant, ...]) -> None:
    ours = Counter(body_of(definition(mutant.source, mutant.function)) for mutant in shop if not mutant.beyond_mutmut)
    assert ours.total() > 30
    assert ours == mutmut_itself(tmp_path)


def test_a_mutant_says_where_and_what_it_changes(shop: tuple[Mutant, ...]) -> None:
    old = SHOP.splitlines()
    for mutant in shop:
        changed = mutant.source.splitlines()
        assert mutant.source.startswith("".join(f"{line}\n" for line in old[: mutant.line - 1]))
        assert changed[len(changed) - (len(old) - mutant.end_line) :] == old[mutant.end_line :]
        assert old[mutant.line - 1] != changed[mutant.line - 1]
        removed = [line[1:] for line in mutant.diff.splitlines() if line.startswith("-")]
        assert removed == old[mutant.line - 1 : mutant.end_line]
    one = next(mutant for mutant in shop if mutant.operator == "comparison")
    assert (one.line, one.end_line, one.function) == (10, 10, "grade")
    expected = "@@ -9,3 +9,3 @@\n     total = points + bonus\n-    if total < 0 or total > 100:\n"
    assert one.diff.startswith(expected)
    operators = {mutant.operator for mutant in shop}
    assert {"arithmetic", "boolean", "comparison", "number", "string", "argument", "ternary", "assignment"} <= operators


def test_decorated_functions_are_mutated_too_and_marked(shop: tuple[Mutant, ...]) -> None:
    beyond = [mutant for mutant in shop if mutant.beyond_mutmut]
    assert {mutant.function for mutant in beyond} == {"price", "Cart.total"}
    assert {mutant.line for mutant in beyond if mutant.function == "price"} == {22}
    assert all("@lru_cache(\n    maxsize=None,\n)\ndef price" in mutant.source for mutant in beyond)
    assert all("    @property\n    def total" in mutant.source for mutant in beyond)
    assert len({mutant.source for mutant in shop}) == len(shop)
    assert {mutant.function for mutant in shop} - {"price", "Cart.total"} == {"grade", "Cart.__init__", "Cart.join"}


def test_line_ends_and_a_missing_last_one_stay(bytecode: Path) -> None:
    found = generate("def f(a):\r\n    return a + 1", bytecode)
    assert [mutant.source for mutant in found.mutants] == ["def f(a):\r\n    return a - 1", "def f(a):\r\n    return a + 2"]
    assert found.mutants[0].diff == "@@ -1,2 +1,2 @@\n def f(a):\n-    return a + 1\n+    return a - 1\n"


def test_what_does_not_compile_is_counted(bytecode: Path) -> None:
    source = "def f(a):\n    match a:\n        case {1: x, 2: y}:\n            return x\n        case 9:\n            return y\n"
    found = generate(source, bytecode)
    assert found.uncompilable == 1  # {2: x, 2: y}
    assert found.mutants
    assert found.problem == ""


def test_an_unreadable_source_is_reported(bytecode: Path) -> None:
    mixed = "def f(a):\n  if a:\n\t   return 1\n  else:\n     return 0\n"  # Python reads it, libcst does not
    broken = "def f(:\n"
    functions = [FocalFunction(str(number), source, "f") for number, source in enumerate([mixed, broken, "x = 1\n", mixed])]
    first, second, third, again = mutants_of(functions, MutationSettings(), bytecode)
    assert first.mutants == second.mutants == third.mutants == ()
    assert "mutmut cannot read the function" in first.problem
    assert "mutmut cannot read the function" in second.problem
    assert third.problem == ""
    assert again == first


def test_a_comment_keeps_a_line_from_being_mutated(bytecode: Path) -> None:
    source = "def f(a):\n    b = a + 1  # pragma: no mutate\n    return b + 2\n"
    assert {mutant.line for mutant in generate(source, bytecode).mutants} == {3}


def test_a_process_that_fails_is_an_error(tmp_path: Path, bytecode: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EvaluationError, match="cannot be generated"):
        generate("def f(a):\n    return a + 1\n", bytecode)

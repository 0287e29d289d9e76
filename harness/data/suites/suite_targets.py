"""Owns the choice of what a model is trained to write out of a whole suite: short functions that need nothing else. Pure.

The rule for data sets that give bare assertions is `harness.data.suites.targets`; order and limits are the same.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.data.suites.groups import assigned, independent_parts, is_literal, shortened
from harness.data.suites.names import loaded_names
from harness.data.suites.solution_imports import SOLUTION
from harness.data.suites.straight import straight_tests
from harness.data.suites.syntax import parse, walked
from harness.data.suites.targets import MAX_LINE, MAX_TARGETS
from harness.data.suites.unittest_asserts import has_no_identity

MAX_LINES = 12
"""Of a test function, its first line included."""
_BUILTINS = frozenset(dir(builtins))
# What makes a test differ from run to run, touches the machine, or is no part of pytest's way of writing tests.
_NOT_TAUGHT = frozenset(
    [
        "concurrent",
        "inspect",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "unittest",
        "uuid",
        "warnings",
    ]
)
_NO_BODY = (ast.If, ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)
"""What no target holds: it branches, would not be a plain test, or needs what is not there."""
_LITERAL = ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp


@dataclass(frozen=True, slots=True)
class Targets:
    """Tests to train on.

    Attributes:
        imports: Import lines that they need beside ``from solution import NAME``.
        tests: Whole functions without parameters, ``test_<entry point>_1`` and up.
    """

    imports: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One possible test: its body as text, and what it is ranked by."""

    body: str
    imports: frozenset[str]
    plainness: int
    expected: str

    @property
    def rank(self) -> tuple[int, int, int, int, str]:
        return (len(self.imports), self.plainness, self.body.count("\n"), len(self.body), self.body)


def targets_of(suite: str, entry_point: str) -> Targets:
    """At most `MAX_TARGETS` self-contained tests out of a suite, short and plain first, different expected values first.

    Every test is cut into parts that share no value; ``self`` and assertion methods are written plainly, loops over literals
    and literal cases are spelled out. What needs fixtures, helpers, mocks or other modules of the machine is left out.

    Args:
        suite: A pytest file as `importable_suite` gives it.
        entry_point: ``f`` or ``Class.method``.

    Raises:
        SyntaxError: if the suite is not Python.
    """
    tree = parse(suite)
    head = entry_point.split(".")[0]
    around = _Around(tree, head)
    found: dict[str, _Candidate] = {}
    for body in straight_tests(tree):
        for part in independent_parts(body):
            candidate = _candidate(around, part)
            if candidate is not None:
                found.setdefault(candidate.body, candidate)
    chosen = _diverse(sorted(found.values(), key=lambda c: c.rank))[:MAX_TARGETS]
    name = f"test_{entry_point.replace('.', '_')}"
    return Targets(
        tuple(sorted({line for candidate in chosen for line in candidate.imports})),
        tuple(f"def {name}_{k}():\n{candidate.body}" for k, candidate in enumerate(chosen, 1)),
    )


def _candidate(around: _Around, part: Sequence[ast.stmt]) -> _Candidate | None:
    try:
        return around.candidate(shortened(part))
    except RecursionError:  # a sum of a thousand terms is no short test
        return None


def _diverse(ranked: Iterable[_Candidate]) -> list[_Candidate]:
    """Every expected value has its turn before one is repeated."""
    fresh: list[_Candidate] = []
    again: list[_Candidate] = []
    seen: set[str] = set()
    for candidate in ranked:
        (again if candidate.expected in seen else fresh).append(candidate)
        seen.add(candidate.expected)
    return fresh + again


class _Around:
    """What the suite has at module level, for the statements of a test to lean on."""

    def __init__(self, tree: ast.Module, head: str) -> None:
        self._head = head
        self._imports = dict(_import_lines(tree.body))
        self._imports.setdefault("pytest", "import pytest")
        self._imports.setdefault("re", "import re")
        values = (assigned(statement) for statement in tree.body)
        self._values: Mapping[str, ast.expr] = {n: v for n, v in values if v is not None and is_literal(v)}

    def candidate(self, statements: Sequence[ast.stmt]) -> _Candidate | None:
        """The statements as a candidate; None where they check nothing of the function, need too much, or are too long."""
        body = [s for s in statements if not self._imports_head(s)]
        nodes = walked(body)
        read, bound = _names(nodes)
        used = sorted((read - bound) & self._values.keys())
        body = [*(ast.Assign([ast.Name(name, ast.Store())], self._values[name], lineno=0) for name in used), *body]
        free = read - bound - set(used)
        needed = free - _BUILTINS - {self._head}
        if self._head not in free or not needed <= self._imports.keys() or not _is_check(nodes, self._head):
            return None
        imports = frozenset(self._imports[name] for name in needed)
        lines = "\n".join(ast.unparse(s) for s in body).split("\n")
        if len(lines) >= MAX_LINES or max(map(len, lines)) + 4 > MAX_LINE or any(map(_is_untaught, imports)):
            return None
        text = "\n".join(f"    {line}" if line else line for line in lines)
        return _Candidate(text, imports, _plainness(body, self._head), _expected(body))

    def _imports_head(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.ImportFrom) and statement.module == SOLUTION and _only(statement, self._head)


def _only(statement: ast.ImportFrom, name: str) -> bool:
    return all(alias.name == name and alias.asname in {None, name} for alias in statement.names)


def _import_lines(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Local name -> the import line of that name alone."""
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield (alias.asname or alias.name).split(".")[0], ast.unparse(ast.Import([alias]))
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                yield alias.asname or alias.name, ast.unparse(ast.ImportFrom(statement.module, [alias], statement.level))


def _is_untaught(line: str) -> bool:
    return line.split()[1].split(".")[0] in _NOT_TAUGHT


def _names(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Names that are read, and names that are bound in any scope below: close enough for names that must be known."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler):
            bound.add(node.name or "")
    return read, bound


def _is_check(nodes: Sequence[ast.AST], head: str) -> bool:
    """Whether something is asserted, or an error awaited, about the function, and nothing is compared with itself."""
    if any(isinstance(node, _NO_BODY) or _warns(node) for node in nodes):
        return False
    same = (
        isinstance(node, ast.Compare)
        and type(node.left) is type(node.comparators[0])
        and head in loaded_names([node])
        and ast.dump(node.left) == ast.dump(node.comparators[0])
        for node in nodes
    )
    raising = (isinstance(node, ast.withitem) and ast.unparse(node).startswith("pytest.raises(") for node in nodes)
    return (any(isinstance(node, ast.Assert) for node in nodes) or any(raising)) and not any(same)


def _warns(node: ast.AST) -> bool:
    """``1 is None``, which comes of spelled-out cases: Python warns of it."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Is | ast.IsNot):
        return False
    return has_no_identity(node.left) or has_no_identity(node.comparators[0])


def _plainness(body: Sequence[ast.stmt], head: str) -> int:
    """0 for one ``NAME(...) <op> literal``, 1 for another single statement, 2 for more."""
    first = body[0]
    if len(body) > 1 or not isinstance(first, ast.Assert):
        return 1 + (len(body) > 1)
    test = first.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.left, ast.Call):
        return 1
    plain = isinstance(test.left.func, ast.Name) and test.left.func.id == head and isinstance(test.comparators[0], _LITERAL)
    return 0 if plain else 1


def _expected(body: Sequence[ast.stmt]) -> str:
    """What the last check says about the result, as text."""
    last = body[-1]
    if isinstance(last, ast.With):
        return ast.unparse(last.items[0].context_expr)
    test = last.test if isinstance(last, ast.Assert) else None
    return ast.unparse(test.comparators[-1]) if isinstance(test, ast.Compare) else type(test).__name__

"""Owns how a function, its docstring and its tests become candidates: sources and suites to be tried, none run yet. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.data.harvest.doctests import Tests, doctest_tests
from harness.data.harvest.modules import Function, Module
from harness.data.harvest.names import Scope, merged_imports
from harness.data.harvest.slicing import Definition, Slice, SliceError, Style, cut
from harness.data.harvest.tests_of_file import TestFile
from harness.data.suites.convert import SuiteError, importable_suite
from harness.data.suites.syntax import bound_names, parse

_STYLES = tuple(Style(own, which) for own in (True, False) for which in ("all", "public", "none"))
_DECORATOR = re.compile(r"^@([\w.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A function that can be cut out.

    Attributes:
        id: Module and name: ``toolz.itertoolz:groupby``.
        module: Where it stands.
        function: Its definition.
        siblings: As for `cut`.
        first: The way to cut it out that is liked best.
    """

    id: str
    module: Module
    function: Function
    siblings: Mapping[str, Module] | None
    first: Slice


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is tried until something passes.

    Attributes:
        id: Of the function.
        entry_point: Its name.
        sources: Focal modules.
        suites: pytest files; each later one holds less, for when an earlier one hangs or crashes.
    """

    id: str
    entry_point: str
    sources: tuple[str, ...]
    suites: tuple[str, ...]


def find(module: Module, function: Function, siblings: Mapping[str, Module] | None) -> Found:
    """A function, cut out.

    Args:
        module: Where it stands.
        function: Its definition.
        siblings: As for `cut`.

    Raises:
        SliceError: if it cannot be cut out.
    """
    problems: list[SliceError] = []
    first = next(slices(module, function, siblings, problems), None)
    if first is None:
        raise problems[0]
    return Found(f"{module.name}:{function.name}", module, function, siblings, first)


def candidate(found: Found, file: TestFile | None, keep: tuple[str, ...], unpaired: str) -> Candidate | str:
    """The suites of a function: its tests and examples together, then each alone; or why there are none.

    Args:
        found: The function.
        file: The test file that is paired with it, or None.
        keep: Names of its tests to take.
        unpaired: Why there is no file, for a function without examples too.
    """
    try:
        tests = _tests(found, file, keep) if file is not None else ""
        reason = "its tests need what the checkout alone has" if file is not None else unpaired
    except (SuiteError, SyntaxError, ValueError, RecursionError) as error:
        tests, reason = "", f"its tests cannot be cut out: {error}"
    examples = doctest_tests(found.function, Scope(found.module, found.first.names, found.siblings is None))
    together = _joined(tests, examples) if tests and examples is not None else ""
    alone = examples.suite if examples is not None else ""
    suites = tuple(dict.fromkeys(suite for suite in (together, tests, alone) if suite))
    if not suites:
        return reason
    every = slices(found.module, found.function, found.siblings, [])
    return Candidate(found.id, found.function.name, tuple(dict.fromkeys(one.source for one in every)), suites)


def slices(
    module: Module, function: Definition, siblings: Mapping[str, Module] | None, problems: list[SliceError]
) -> Iterator[Slice]:
    """A function or class cut out in every way there is, the way that is liked best first.

    Args:
        module: Where it stands.
        function: Its definition.
        siblings: As for `cut`.
        problems: Filled with the reasons of the ways that fail.
    """
    for style in _STYLES if siblings is None else _STYLES[:3]:
        try:
            yield cut(module, function, siblings, style)
        except SliceError as error:
            problems.append(error)


def _tests(found: Found, file: TestFile, keep: Sequence[str]) -> str:
    """The tests as a suite; empty where they need what cannot be had."""
    name, sliced = found.function.name, found.first.names
    # One that needs what cannot be had does not take the others along.
    code = file.cut(keep, name, sliced) or file.cut([one for one in keep if file.cut((one,), name, sliced)], name, sliced)
    return importable_suite(code, found.first.source, name) if code is not None else ""


def decorators(source: str) -> frozenset[str]:
    """Dotted names of the decorators at module level."""
    return frozenset(_DECORATOR.findall(source))


def _joined(tests: str, examples: Tests) -> str:
    """One file out of two; empty where the same name means different things in them."""
    head = [s for s in parse(tests).body if isinstance(s, ast.Import | ast.ImportFrom)]
    lines = {line for statement in head for line in _single(statement)}
    bound = set(bound_names(parse(tests).body))
    new = [line for line in examples.imports if line not in lines]
    if bound & {name for line in new for name in bound_names(parse(line).body)} or any("*" in line for line in new):
        return ""
    return (
        "\n".join(merged_imports(new)) + "\n" * bool(new) + tests.rstrip("\n") + "\n\n\n" + "\n\n\n".join(examples.tests) + "\n"
    )


def _single(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in statement.names:
        origin = statement.module if isinstance(statement, ast.ImportFrom) else None
        yield ast.unparse(ast.Import([alias]) if origin is None else ast.ImportFrom(origin, [alias], 0))

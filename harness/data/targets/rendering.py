"""Owns the text of a test file: imports in groups, tests in the order of the functions. Pure."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.data.harvest.names import merged_imports
from harness.data.suites.solution_imports import SOLUTION
from harness.data.suites.syntax import bound_names, parse
from harness.data.targets.printing import DEFAULT, STEP, Style, printed, quoted
from harness.data.targets.tests import Test


@dataclass(frozen=True, slots=True)
class Module:
    """What the tests import.

    Attributes:
        name: Dotted name of the module under test.
        own: Whether it belongs to the project: then it is imported apart from what is installed.
    """

    name: str
    own: bool = True


OBSERVED = "expected values: what the code returns"
"""Stands in every test of which the model did not expect what it checks."""
AS_SOLUTION = Module(SOLUTION)
"""As the scorer takes it."""


def rendered(module: Module, tests: Sequence[Test], style: Style = DEFAULT, docstring: str = "") -> str:
    """A whole pytest file.

    Args:
        module: The module under test.
        tests: With names of their own; `compatible`.
        style: How the project writes.
        docstring: Of the file; empty for none.
    """
    head = [f'"""{docstring}"""\n'] if docstring else []
    imports = _imports(module, tests, style)
    helpers = dict.fromkeys(text for test in tests for text in test.needs.helpers)
    blocks = ["\n".join(printed(s, 0, style)) for text in helpers for s in parse(text).body]
    blocks += ["\n".join(_test(test, style)) for test in tests]
    return "\n".join([*head, imports]) + "\n\n\n" + "\n\n\n".join(blocks) + "\n"


def compatible(tests: Iterable[Test]) -> list[Test]:
    """Those that can stand in one file: a name means the same in all of them, the first one decides."""
    meaning: dict[str, str] = {}
    found = []
    for test in tests:
        said = dict(_meanings(test))
        if all(meaning.get(name, text) == text for name, text in said.items()):
            meaning |= said
            found.append(test)
    return found


def _meanings(test: Test) -> Iterable[tuple[str, str]]:
    for line in test.needs.imports:
        yield from ((name, line) for name in bound_names(parse(line).body))
    yield from ((name, SOLUTION) for name in test.needs.own)
    for text in test.needs.helpers:
        yield from ((name, text) for name in bound_names(parse(text).body))


def _test(test: Test, style: Style) -> list[str]:
    body = [line for statement in test.statements for line in printed(statement, STEP, style)]
    marked = [f"{' ' * STEP}# {OBSERVED}"] if test.observed else []
    return [f"def {test.name}({', '.join(test.fixtures)}):", *marked, *body]


def _imports(module: Module, tests: Sequence[Test], style: Style) -> str:
    lines = {line for test in tests for line in test.needs.imports}
    groups: list[list[str]] = [[], [], []]
    own = _own_import(module, {name for test in tests for name in test.needs.own}, style)
    for line in merged_imports(lines):
        groups[_group(line, module)].append(line)
    groups[2 if module.own else 1].append(own)
    shown = [sorted(group, key=_order) for group in groups if group]
    return "\n\n".join("\n".join(quoted(line, style) for line in group) for group in shown)


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line.split()[1].lower()


def _group(line: str, module: Module) -> int:
    top = line.split()[1].split(".")[0]
    if top in sys.stdlib_module_names:
        return 0
    return 2 if module.own and top == module.name.split(".")[0] else 1


def _own_import(module: Module, names: Iterable[str], style: Style) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    line = f"from {module.name} import {', '.join(ordered)}"
    if len(line) <= style.width:
        return line
    inside = "".join(f"    {name},\n" for name in ordered)
    return f"from {module.name} import (\n{inside})"


def check_text(module: str) -> str:
    """A test file that only imports a module."""
    return f"import {module}\n\n\ndef test_imported():\n    assert {ast.unparse(ast.parse(module, mode='eval'))}\n"

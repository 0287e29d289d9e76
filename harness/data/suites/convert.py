"""Owns the step from anybody's test code to an ordinary pytest file about the module ``solution``. Pure: parses, runs nothing.

Which imports are redirected is decided in `solution_imports`, what a model is trained to write in `suite_targets`.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence

from harness.data.suites.collected import has_tests, lines_of
from harness.data.suites.keep import only_tests
from harness.data.suites.loose import loose_tests
from harness.data.suites.names import free_names, usual_import
from harness.data.suites.solution_imports import SOLUTION, Redirect, SuiteError
from harness.data.suites.suite_targets import Targets, targets_of
from harness.data.suites.syntax import bound_names, parse

__all__ = ["SuiteError", "Targets", "importable_suite", "only_tests", "targets_of"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def importable_suite(code: str, source: str, entry_point: str, modules: Collection[str] = ()) -> str:
    """A pytest file with the tests of `code`, whose focal names come by ``from solution import ...``.

    A copy of the function in the file, ``if __name__ == "__main__"`` and star imports go; helpers and fixtures stay. Names that
    nothing defines are imported where it is known from where: the solution, as the solution imports them, or a usual place.

    Args:
        code: pytest functions, classes, unittest, or bare assertions.
        source: The focal module.
        entry_point: Its name there, ``f`` or ``Class.method``.
        modules: Other names of the focal module, as the tests may import it.

    Raises:
        SuiteError: if the code does not parse, holds no test, or never names the function.
    """
    try:
        return _converted(code.replace("\r\n", "\n").replace("\r", "\n"), source, entry_point.split(".")[0], modules)
    except RecursionError as error:
        raise SuiteError("it is nested too deeply") from error


def _converted(code: str, source: str, head: str, modules: Collection[str]) -> str:
    tree = _parsed(code, "the tests")
    focal = _parsed(source, "the function").body
    own = frozenset(bound_names(s for s in focal if not isinstance(s, ast.Import | ast.ImportFrom)))
    kept = _without_copies(_without_main(tree.body), focal, head)
    if not any(has_tests(statement) for statement in kept):
        kept = loose_tests(kept, head)
    redirect = Redirect(own, head, modules)
    imports, body = _redirected(kept, redirect, code)
    missing = _free(imports, body)
    if head not in missing and head not in redirect.wanted.values():
        raise SuiteError(f"its tests never use {head}")
    return "\n".join(_header(imports, missing, redirect, focal)) + "\n\n\n" + body


def _free(imports: Collection[str], body: str) -> frozenset[str]:
    whole = "\n".join([*imports, body])
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(whole, "suite", "exec", dont_inherit=True)
        return free_names(whole)
    except SyntaxError as error:  # what the parser lets through and the compiler does not: `return` outside of a function
        raise SuiteError(f"the tests: not Python: {error.msg}") from error


def _parsed(code: str, what: str) -> ast.Module:
    try:
        return parse(code)
    except SyntaxError as error:
        raise SuiteError(f"{what}: not Python: line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; brackets nested by the thousand
        raise SuiteError(f"{what}: not Python: {str(error) or type(error).__name__}") from error


def _without_main(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """What is there for tests: no ``__main__`` block, no start of a test runner, no bare text or name."""
    for statement in body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            continue
        if isinstance(statement, ast.Expr):
            text = ast.unparse(statement.value)
            if not isinstance(statement.value, ast.Call) or any(run in text for run in ("main(", "TextTestRunner", "print(")):
                continue
        yield statement


def _without_copies(body: Iterable[ast.stmt], focal: Sequence[ast.stmt], head: str) -> list[ast.stmt]:
    """The statements, without pasted definitions of the solution.

    Where the focal function itself is pasted, every definition of a name of the solution is a copy; else only an equal one is.
    """
    statements = list(body)
    originals = {node.name: node for node in focal if isinstance(node, _Definition)}
    definitions = [node for node in statements if isinstance(node, _Definition) and node.name in originals]
    pasted = any(node.name == head for node in definitions)
    copies = {id(node) for node in definitions if pasted or ast.dump(node) == ast.dump(originals[node.name])}
    return [node for node in statements if id(node) not in copies]


def _redirected(statements: Sequence[ast.stmt], redirect: Redirect, code: str) -> tuple[list[str], str]:
    """The imports at module level, and all other statements as text: as they were written where nothing inside was changed."""
    written = code.split("\n")
    imports: list[str] = []
    parts: list[tuple[bool, str]] = []
    for statement in statements:
        text = _as_written(statement, written)
        if text is not None and not redirect.concerns(statement, text):
            parts.append((isinstance(statement, _Definition), text))
            continue
        redirect.changed = False
        changed = redirect.visit(statement)
        if isinstance(changed, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(changed))
        elif changed is not None:
            new = text is None or redirect.changed
            parts.append(
                (isinstance(statement, _Definition), ast.unparse(ast.fix_missing_locations(changed)) if new else text or "")
            )
    return imports, _joined(parts)


def _as_written(statement: ast.stmt, written: Sequence[str]) -> str | None:
    """The lines of a module-level statement, or None where it is new or shares its lines with another."""
    if not hasattr(statement, "lineno"):
        return None
    first, last = lines_of(statement)
    rest = written[last - 1].encode()[statement.end_col_offset or 0 :].strip()
    alone = statement.col_offset == 0 and (not rest or rest.startswith(b"#"))
    return "\n".join(written[first - 1 : last]).rstrip() if alone else None


def _joined(parts: Iterable[tuple[bool, str]]) -> str:
    """Statements one below the other, two blank lines around definitions."""
    text = ""
    after_definition = False
    for definition, part in parts:
        text += ("\n\n\n" if definition or after_definition else "\n") + part if text else part
        after_definition = definition
    return text + "\n"


def _header(written: Sequence[str], missing: Collection[str], redirect: Redirect, focal: Sequence[ast.stmt]) -> list[str]:
    """The imports of the file, and of the names that nothing in it defines, as far as they are known; the solution's last."""
    imports = _imports_of(focal)
    stars = redirect.star_names()
    lines = set(written)
    solution = {f"{name} as {local}" if local != name else name for local, name in redirect.wanted.items()}
    for name in set(missing) - redirect.wanted.keys():
        if name in redirect.own:
            solution.add(name)
        elif name in stars:
            lines.add(f"from {stars[name]} import {name}")
        elif line := imports.get(name) or usual_import(name):
            lines.add(line)
    ordered = sorted(solution, key=lambda name: (name.split(" ")[0] != redirect.head, name))
    first = sorted(lines, key=lambda line: ("__future__" not in line, line.startswith("from"), line))
    return [*first, f"from {SOLUTION} import {', '.join(ordered)}"]


def _imports_of(focal: Iterable[ast.stmt]) -> dict[str, str]:
    """Local name -> the import line of that name alone, as the solution has it; relative imports and stars apart."""
    found: dict[str, str] = {}
    for statement in focal:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                found[(alias.asname or alias.name).split(".")[0]] = ast.unparse(ast.Import([alias]))
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module != "__future__":
            for alias in statement.names:
                found[alias.asname or alias.name] = ast.unparse(ast.ImportFrom(statement.module, [alias], 0))
    return found

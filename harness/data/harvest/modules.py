"""Owns the reading of one module of a code base: what its top level binds, and which functions are worth looking at. Pure."""

from __future__ import annotations

import ast
import dis
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.data.suites.syntax import bound_names, parse

MAX_FUNCTION_LINES = 80
Function = ast.FunctionDef | ast.AsyncFunctionDef
_READING = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "LOAD_CLASSDEREF"})
_STUBS = frozenset({"overload", "abstractmethod", "singledispatch"})


@dataclass(frozen=True)
class Module:
    """A parsed module. Not slotted: what is derived from the text is kept.

    Attributes:
        name: Dotted import name.
        path: Relative to the code base, for ids and messages.
        text: Its source.
        is_package: Whether relative imports count from `name` itself.
    """

    name: str
    path: str
    text: str
    is_package: bool = False

    @cached_property
    def body(self) -> list[ast.stmt]:
        """Top-level statements.

        Raises:
            SyntaxError: if the text is not Python.
            ValueError: if it holds null bytes.
        """
        return parse(self.text).body

    @cached_property
    def lines(self) -> list[str]:
        r"""Of the text; only ``\n`` ends a line, as for the parser."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def bindings(self) -> dict[str, list[int]]:
        """Name -> the top-level statements that bind it, or change what it holds, as indices into `body`."""
        found: dict[str, list[int]] = {}
        for at, statement in enumerate(self.body):
            for name in {*bound_names([statement]), *_changed(statement)}:
                found.setdefault(name, []).append(at)
        return found

    @cached_property
    def futures(self) -> list[ast.stmt]:
        """The ``from __future__`` imports."""
        return [s for s in self.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]

    def absolute(self, statement: ast.ImportFrom) -> str:
        """The module that a from-import names, without leading dots; empty where it leads out of the top package."""
        if not statement.level:
            return statement.module or ""
        parts = self.name.split(".")
        keep = len(parts) - statement.level + self.is_package
        return ".".join([*parts[:keep], *([statement.module] if statement.module else [])]) if keep > 0 else ""

    def needs(self, statement: ast.stmt) -> frozenset[str]:
        """Global names that a statement reads, now or when what it defines is called."""
        return names_read([*self.futures, statement])


def names_read(statements: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that statements at module level read or that their functions read as globals; compiled, not run.

    Raises:
        SyntaxError: if they do not compile, such as a ``return`` outside of a function.
        ValueError: as above.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(ast.Module(list(statements), []), "module", "exec", dont_inherit=True)
    return frozenset(_read(code))


def functions(module: Module) -> Iterator[tuple[Function, str]]:
    """Every top-level function with the reason why it is left out, or an empty string."""
    last = {s.name: s for s in module.body if isinstance(s, Function)}
    for statement in module.body:
        if isinstance(statement, Function):
            yield statement, _reason(statement) or ("" if last[statement.name] is statement else "defined twice")


def public_methods(module: Module) -> Iterator[str]:
    """``Class.method`` for the public methods of public top-level classes; a property with a setter comes twice."""
    for statement in module.body:
        if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            inner = (one.name for one in statement.body if isinstance(one, Function))
            yield from (f"{statement.name}.{name}" for name in inner if not name.startswith("_"))


def source_lines(statement: ast.stmt) -> range:
    """Line numbers, 1-based, of a statement with its decorators."""
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
    return range(first, (statement.end_lineno or statement.lineno) + 1)


def _reason(function: Function) -> str:
    if function.name.startswith("_"):
        return "private"
    if function.name.startswith("test"):
        return "pytest would collect the function itself"
    if _code_lines(function) > MAX_FUNCTION_LINES:
        return f"longer than {MAX_FUNCTION_LINES} lines"
    if any(last_name(one) in _STUBS for one in function.decorator_list):
        return "an overload, abstract or generic function"
    return "no body" if all(_is_empty(statement) for statement in function.body) else ""


def _code_lines(function: Function) -> int:
    """Lines without the docstring: one that explains itself at length is not a long function."""
    docs = len(source_lines(function.body[0])) if ast.get_docstring(function, clean=False) is not None else 0
    return len(source_lines(function)) - docs


def last_name(node: ast.expr) -> str:
    """``cache`` of ``@functools.cache`` and of ``@functools.cache()``; empty where there is no name."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_empty(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Raise) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _changed(statement: ast.stmt) -> Iterable[str]:
    """Names whose values a statement changes: ``TABLE["x"] = 1``, ``f.__doc__ = ""``, ``NAMES.append(1)``."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        targets = [statement.value.func] if isinstance(statement.value.func, ast.Attribute) else []
    for target in targets:
        node = target
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name) and node is not target:
            yield node.id


def _read(code: types.CodeType, *, inner: bool = False) -> Iterator[str]:
    steps = list(dis.get_instructions(code))
    # In the body of a class LOAD_NAME finds the class's own names first.
    own = {step.argval for step in steps if step.opname == "STORE_NAME"} if inner else set()
    for step in steps:
        if step.opname in _READING and step.argval not in own:
            yield str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _read(constant, inner=True)

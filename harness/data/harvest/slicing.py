"""Owns the cut: one function with everything of its code base that it needs, as a small importable module. Pure.

Of an installed package only the function's own module is cut; the rest is imported. Of a checkout nothing can be imported, so
what sibling modules define is taken in too.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.data.harvest.modules import Function, Module, last_name, source_lines
from harness.data.harvest.names import merged_imports
from harness.data.suites.syntax import bound_names

MAX_SLICE_LINES = 200
Definition = Function | ast.ClassDef
_BUILTINS = frozenset(dir(builtins)) | {"__file__", "__annotations__", "__module__", "__qualname__", "__class__"}
_RELATIVE = re.compile(r"from\s*\.[.\s]*[\w.]*\s*import\b")


class SliceError(Exception):
    """A function that cannot be cut out; the message is a reason to count."""


@dataclass(frozen=True, slots=True)
class Style:
    """How to cut.

    Attributes:
        own: Whether helpers of the same module are taken in, rather than imported from it.
        decorators: Which decorators of functions stay. Some enter the function into a table that holds it already; those are
            the code base's own business more often than not, and have a name with an underscore in front.
    """

    own: bool = True
    decorators: Literal["all", "public", "none"] = "all"

    def keeps(self, decorator: ast.expr) -> bool:
        """Whether a decorator stays."""
        private = last_name(decorator).startswith("_")
        return self.decorators == "all" or (self.decorators == "public" and not private)


@dataclass(frozen=True, slots=True)
class Slice:
    """A cut-out function.

    Attributes:
        source: An importable module.
        names: Names that it defines itself.
    """

    source: str
    names: frozenset[str]


def cut(module: Module, function: Definition, siblings: Mapping[str, Module] | None, style: Style = Style()) -> Slice:
    """The function with what it needs.

    Args:
        module: Where it stands.
        function: One of its top-level functions or classes.
        siblings: Modules whose definitions are taken in because they cannot be imported; None where they can.
        style: How to cut.

    Raises:
        SliceError: if it cannot be cut out.
    """
    cutter = _Cutter(siblings, style)
    cutter.add_focal(module, function)
    return cutter.result(function.name)


@dataclass(slots=True)
class _Cutter:
    """Collects what one function needs."""

    siblings: Mapping[str, Module] | None
    style: Style
    taken: dict[str, set[int]] = field(default_factory=dict)  # module -> places of its statements
    modules: dict[str, Module] = field(default_factory=dict)  # in the order they were met: the reverse of that they run in
    owner: dict[str, str] = field(default_factory=dict)  # bound name -> the module it was taken from
    imports: dict[str, None] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)  # bound name -> its import line
    focal: tuple[str, int] = ("", -1)

    def add_focal(self, module: Module, function: Definition) -> None:
        self.focal = (module.name, module.body.index(function))
        self._enter(module)
        self._take(module, self.focal[1])

    def _enter(self, module: Module) -> None:
        if module.name not in self.modules:
            self.modules[module.name] = module
            self.taken[module.name] = set()

    def _take(self, module: Module, at: int) -> None:
        """Take one statement, then what it needs."""
        if at in self.taken[module.name]:
            return
        statement = module.body[at]
        self.taken[module.name].add(at)
        for node in ast.walk(statement):
            for origin in _origins(module, node):
                self._refuse_own(origin)
        for name in bound_names([statement]):
            if self.owner.setdefault(name, module.name) != module.name or name in self.imported:
                raise SliceError("two modules define the same name")
        for name in sorted(module.needs(self._shown(module, at))):
            self._need(module, name)

    def _shown(self, module: Module, at: int) -> ast.stmt:
        statement = module.body[at]
        if isinstance(statement, Function) and not all(map(self.style.keeps, statement.decorator_list)):
            statement = copy.copy(statement)
            statement.decorator_list = [one for one in statement.decorator_list if self.style.keeps(one)]
        return statement

    def _need(self, module: Module, name: str) -> None:
        places = module.bindings.get(name)
        if places is None:
            self._need_star(module, name)
        elif not self.style.own and not all(_imports(module.body[at]) for at in places) and not self._is_focal(module, places):
            self._import(f"from {module.name} import {name}", name)
        else:
            for at in places:
                self._need_at(module, at, name)

    def _is_focal(self, module: Module, places: list[int]) -> bool:
        return module.name == self.focal[0] and self.focal[1] in places

    def _need_at(self, module: Module, at: int, name: str) -> None:
        statement = module.body[at]
        if isinstance(statement, ast.ImportFrom):
            self._need_from(module, statement, name)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                if (alias.asname or alias.name).split(".")[0] == name:
                    self._refuse_own(alias.name)
                    self._import(f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""), name)
        else:
            self._take(module, at)

    def _need_from(self, module: Module, statement: ast.ImportFrom, name: str) -> None:
        origin = module.absolute(statement)
        if not origin:
            raise SliceError("a relative import leads out of the package")
        for alias in statement.names:
            if (alias.asname or alias.name) != name:
                continue
            sibling = (self.siblings or {}).get(origin)
            if sibling is None:
                self._refuse_own(origin)
                self._import(f"from {origin} import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""), name)
            elif alias.asname not in (None, alias.name):
                raise SliceError("a sibling module's name is imported under another name")
            else:
                self._enter(sibling)
                if alias.name not in sibling.bindings:
                    raise SliceError("a sibling module itself is imported")
                self._need(sibling, alias.name)

    def _need_star(self, module: Module, name: str) -> None:
        stars = [s for s in module.body if isinstance(s, ast.ImportFrom) and s.names[0].name == "*"]
        if name in _BUILTINS:
            return
        if not stars or self.siblings is not None:
            raise SliceError("it needs a name that nothing in its module binds")
        for star in stars:
            self._import(f"from {module.absolute(star)} import *", f"* {module.absolute(star)}")

    def _refuse_own(self, origin: str) -> None:
        """Of a checkout nothing can be imported."""
        if self.siblings is not None and any(name.split(".")[0] == origin.split(".")[0] for name in self.siblings):
            raise SliceError("it imports a module of the checkout as a whole")

    def _import(self, line: str, name: str) -> None:
        plain = line.startswith("import ") and " as " not in line  # `import a.b` and `import a.c` bind the same `a`
        if self.imported.setdefault(name, line) != line and not plain:
            raise SliceError("two modules import the same name differently")
        if name in self.owner:
            raise SliceError("two modules define the same name")
        self.imports[line] = None

    def result(self, entry_point: str) -> Slice:
        parts = [text for module in reversed(self.modules.values()) for text in self._texts(module)]
        futures = {ast.unparse(s) for module in self.modules.values() for s in module.futures}
        imports = merged_imports(self.imports)
        source = "\n".join([*sorted(futures), *imports]) + "\n\n\n" * bool(futures or imports) + "\n\n\n".join(parts) + "\n"
        if source.count("\n") > MAX_SLICE_LINES:
            raise SliceError(f"with what it needs it is longer than {MAX_SLICE_LINES} lines")
        if entry_point not in self.owner:
            raise SliceError("the definition is not at the top level")
        return Slice(source, frozenset(self.owner))

    def _texts(self, module: Module) -> list[str]:
        return [statement_text(module, self._shown(module, at)) for at in sorted(self.taken[module.name])]


def _origins(module: Module, node: ast.AST) -> list[str]:
    """Modules that an import inside a statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [module.absolute(node)] if isinstance(node, ast.ImportFrom) else []


def _imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def statement_text(module: Module, statement: ast.stmt) -> str:
    """A statement as it was written, comments included, with the relative imports in it made absolute."""
    if statement.col_offset or any(other is not statement and other.lineno == statement.end_lineno for other in module.body):
        return ast.unparse(statement)  # it shares its line with another one
    whole = any(statement is other for other in module.body)
    lines = source_lines(statement) if whole else range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    shown = dict(zip(lines, module.lines[lines.start - 1 : lines.stop - 1], strict=True))
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom) and node.level:
            if not module.absolute(node):
                raise SliceError("a relative import leads out of the package")
            absolute = f"from {module.absolute(node)} import"
            shown[node.lineno] = _RELATIVE.sub(lambda _, text=absolute: text, shown[node.lineno], count=1)  # type: ignore[misc]
    decorators = [] if whole else [f"@{ast.unparse(one)}" for one in getattr(statement, "decorator_list", [])]
    return "\n".join([*decorators, *shown.values()])

"""Owns the redirection of a test file's imports to the module ``solution``. Pure: works on syntax trees, imports nothing.

What else of a file goes or stays is decided in `harness.data.suites.convert`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, field

from harness.data.suites.names import is_library, public_names
from harness.data.suites.syntax import dotted

SOLUTION = "solution"
_PLACEHOLDERS = frozenset({SOLUTION, "__main__", "main", "module", "my_module", "your_module", "your_module_name"})


class SuiteError(ValueError):
    """Why tests cannot be made into a suite; the message is the reason in plain words."""


@dataclass(slots=True)
class Redirect(ast.NodeTransformer):
    """Takes the imports of what `own` names out of a file, at any depth, and remembers them.

    Args:
        own: Names that the solution defines.
        head: The one of them that is tested.
        modules: Modules that stand for the solution.

    Attributes:
        wanted: Local name -> name in the solution.
        stars: Modules of which everything was imported.
        changed: Whether anything inside a statement was changed.
    """

    own: frozenset[str]
    head: str
    modules: Collection[str]
    wanted: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    def concerns(self, statement: ast.stmt, text: str) -> bool:
        """Whether a statement may have to be changed, by a quick look at its text."""
        simple = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.Expr)
        return not simple or bool(self.aliases) or "import " in text or "patch(" in text

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Everything below; a block that only held imports of the solution keeps a ``pass``."""
        ast.NodeTransformer.generic_visit(self, node)  # `super()` knows nothing of a class with slots
        if getattr(node, "body", None) == []:
            setattr(node, "body", [ast.Pass()])  # noqa: B010  many kinds of node have a body
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        """Names of the solution go; the others stay."""
        module = "." * node.level + (node.module or "")
        stay = [alias for alias in node.names if not self._taken(module, alias)]
        self.changed = self.changed or len(stay) < len(node.names)
        return ast.ImportFrom(node.module, stay, node.level) if stay else None

    def visit_Import(self, node: ast.Import) -> ast.Import | None:
        """``import module`` stays away where the module stands for the solution; its attributes are renamed."""
        stay = []
        for alias in node.names:
            if self._stands_for_solution(alias.name):
                self.aliases[alias.asname or alias.name] = alias.name
                self.changed = True
            else:
                stay.append(alias)
        return ast.Import(stay) if stay else None

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """``module.f`` becomes ``f``."""
        name = dotted(node.value) if self.aliases else ""
        if name not in self.aliases:
            self.generic_visit(node)
            return node
        if node.attr not in self.own:
            raise SuiteError(f"it uses {name}.{node.attr}, which the function's file does not define")
        self.changed = True
        self.wanted[node.attr] = node.attr
        return ast.copy_location(ast.Name(node.attr, ast.Load()), node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """The target of ``patch("module.f")`` is renamed too."""
        self.generic_visit(node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args and called == "patch" else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            module, _, rest = first.value.rpartition(".")
            if rest and self._stands_for_solution(module):
                self.changed = True
                node.args[0] = ast.copy_location(ast.Constant(f"{SOLUTION}.{rest}"), first)
        return node

    def _taken(self, module: str, alias: ast.alias) -> bool:
        """Whether one imported name comes from the solution from now on."""
        if alias.name == "*":
            self.stars.append(module)
            return True
        ours = self._stands_for_solution(module)
        if alias.name == self.head or (alias.name in self.own and (ours or not is_library(module))):
            self.wanted[alias.asname or alias.name] = alias.name
            return True
        if module.startswith(".") or (ours and module not in self.modules):
            raise SuiteError(f"it imports {alias.name} from {module}, which the function's file does not define")
        return False

    def _stands_for_solution(self, module: str) -> bool:
        return module in self.modules or (
            module in _PLACEHOLDERS and (module == "__main__" or module == SOLUTION or not is_library(module))
        )

    def star_names(self) -> dict[str, str]:
        """Name -> module, for what the star imports of harmless modules bring."""
        return {name: module for module in self.stars for name in public_names(module)}

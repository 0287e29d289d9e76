"""Source text of a libcst module with one node replaced. The same text as `deep_replace(...).code`, several times faster.

`deep_replace` builds every node of the module anew; here only the nodes above the replaced one are, and only the top-level
statement that holds it is printed again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import libcst as cst


class Rendering:
    """A module printed once, statement by statement."""

    def __init__(self, module: cst.Module) -> None:
        self._module = module
        self._parents = _parents(module)
        self._index: dict[cst.CSTNode, int] = {statement: index for index, statement in enumerate(module.body)}
        body = [module.code_for_node(statement) for statement in module.body]
        self._parts = [
            "".join(map(module.code_for_node, module.header)),
            *body,
            "".join(map(module.code_for_node, module.footer)),
        ]
        # A file that does not end in a line end is printed without its last one.
        self._surplus = len("".join(self._parts)) - len(module.code)

    def replace(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        """The module's source with `new` in the place of `old`, a node below a top-level statement."""
        while old not in self._index:
            parent = self._parents[old]
            new = _with_child(parent, old, new)
            old = parent
        place = self._index[old] + 1
        code = "".join([*self._parts[:place], self._module.code_for_node(new), *self._parts[place + 1 :]])
        return code[: len(code) - self._surplus]

    def qualified_name(self, function: cst.FunctionDef) -> str:
        """``name`` at the top level, ``Class.name`` in a class body."""
        parent: cst.CSTNode = function
        names = [function.name.value]
        while not isinstance(parent := self._parents[parent], cst.Module):
            if isinstance(parent, (cst.ClassDef, cst.FunctionDef)):
                names.insert(0, parent.name.value)
        return ".".join(names)


def _parents(module: cst.Module) -> Mapping[cst.CSTNode, cst.CSTNode]:
    """Node -> the node above it; libcst's own provider takes five times as long."""
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    waiting: list[cst.CSTNode] = [module]
    while waiting:
        parent = waiting.pop()
        children = [child for _, child in _children(parent)]
        parents.update(dict.fromkeys(children, parent))
        waiting += children
    return parents


def _children(parent: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    for field in dataclasses.fields(parent):
        value = getattr(parent, field.name)
        if isinstance(value, cst.CSTNode):
            yield field.name, value
        elif isinstance(value, (list, tuple)):
            yield from ((field.name, child) for child in value if isinstance(child, cst.CSTNode))


def _with_child(parent: cst.CSTNode, old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    name = next(name for name, child in _children(parent) if child is old)
    value = getattr(parent, name)
    changed = new if value is old else [new if child is old else child for child in value]
    return parent.with_changes(**{name: changed})

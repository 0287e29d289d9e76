"""What each name of a suite stands for at one point of its run, as far as reading can tell. Pure.

Follows plain assignments and imports in the order of the file. What it cannot follow it forgets, rather than guess.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from evaluation.copies.claims import FOCAL, NODE_COST, OPAQUE, Bound, Reader

FOCAL_NAME = Bound(FOCAL)


class Scope:
    """The names known at one point.

    Args:
        reader: Reads values; its work is shared by all scopes of a suite.
        names: What is known at the start; not changed.

    Attributes:
        names: Name -> what it stands for.
    """

    def __init__(self, reader: Reader, names: Mapping[str, Bound]) -> None:
        reader.spend(NODE_COST + len(names))
        self._reader = reader
        self.names = dict(names)

    def inner(self) -> Scope:
        """A copy, for what runs elsewhere or perhaps."""
        return Scope(self._reader, self.names)

    def remember(self, node: ast.stmt) -> None:
        """Take in an assignment or import; any other statement makes the names it stores unknown."""
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, value)
            case ast.ImportFrom(names=imported):
                for alias in imported:
                    self.names.pop(alias.asname or alias.name, None)
                    if alias.name == self._reader.entry_point:
                        self.names[alias.asname or alias.name] = FOCAL_NAME
            case _:
                self.forget(self.stored([node]))

    def bind(self, target: ast.expr, value: ast.expr, seen: Mapping[str, Bound] | None = None) -> None:
        """Take in ``target = value``, part by part where both are written out; `seen` is what the value is read with."""
        seen = self.names if seen is None else seen
        written = _written(value, seen)
        match target:
            case ast.Name(id=name):
                self.names[name] = Bound(self._reader.text(value, seen), written)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if written is not None and len(parts) == len(written.elts):
                before = Scope(self._reader, seen).names
                for part, cell in zip(parts, written.elts, strict=True):
                    self.bind(part, cell, before)
            case _:
                made = OPAQUE if FOCAL in self._reader.text(value, seen) else ""
                touched = self.stored([target]) | self.mentioned(target)
                self.names.update({name: Bound(made) for name in touched})
                self.forget(touched)

    def forget(self, names: Iterable[str]) -> None:
        """Make names unknown; that a value came from the focal function stays known."""
        for name in names:
            bound = self.names.pop(name, None)
            if bound is not None and FOCAL in bound.text:
                self.names[name] = Bound(OPAQUE)

    def join(self, branches: Sequence[Scope], names: Iterable[str]) -> None:
        """Make names unknown that one of several branches stores."""
        for name in names:
            self.names[name] = Bound("".join(branch.names[name].text for branch in branches if name in branch.names))
            self.forget([name])

    def rows(self, table: ast.expr) -> Sequence[ast.expr] | None:
        """The elements of a list or tuple that is written out here or where its name was assigned; None for anything else."""
        found = _written(table, self.names)
        return None if found is None else found.elts

    def stored(self, nodes: Iterable[ast.AST]) -> set[str]:
        """Names that are assigned or deleted anywhere in some nodes."""
        every = [part for node in nodes for part in ast.walk(node)]
        self._reader.spend(4 * len(every))
        return {part.id for part in every if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}

    def mentioned(self, node: ast.AST) -> set[str]:
        """Names in a node, but for those of the focal function itself."""
        return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and self.names.get(part.id) != FOCAL_NAME}


def _written(value: ast.expr, names: Mapping[str, Bound]) -> ast.List | ast.Tuple | None:
    if isinstance(value, (ast.List, ast.Tuple)):
        return value
    return names[value.id].rows if isinstance(value, ast.Name) and value.id in names else None

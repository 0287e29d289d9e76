"""Owns the split into train, validation, selection and test: by a stable hash, so that no function ever changes sides. Pure."""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.syntax import parse

SPLITS = ("train", "validation", "selection", "test")
_BUILTINS = frozenset(dir(builtins))


def split_records(
    records: Sequence[Record], shares: Mapping[str, float], limits: Mapping[str, int | None]
) -> dict[str, tuple[Record, ...]]:
    """Split records by the hash of what they do.

    Adding, removing or reordering other records moves none. Functions that differ only in names, comments, docstrings,
    annotations or layout have one hash, so that a copy of a train function is never in the test split. Inside a split the
    hash gives the order: a smaller limit takes a prefix of what a larger one takes.

    Args:
        records: With unique ids.
        shares: Split name -> share of the records, 0-1; they sum to 1. A split that is left out gets none.
        limits: Split name -> most records of it, or None for all. A split that is left out has no limit.

    Returns:
        All four splits, in the order of `SPLITS`.

    Raises:
        HarnessError: for an unknown split name, a share outside 0-1, shares that do not sum to 1, or a negative limit.
    """
    _require_shares(shares)
    _require_limits(limits)
    parts: dict[str, list[tuple[str, str, Record]]] = {name: [] for name in SPLITS}
    for record in records:
        digest = clone_digest(record.source)
        parts[_side(digest, shares)].append((digest, record.id, record))
    ordered = {name: sorted(part, key=lambda entry: entry[:2]) for name, part in parts.items()}
    return {name: tuple(record for _, _, record in part[: limits.get(name)]) for name, part in ordered.items()}


def data_digest(records: Iterable[Record]) -> str:
    """sha256, hex, of the records in their order: what `sha256sum` says of the file that `to_jsonl` gives."""
    return hashlib.sha256(to_jsonl(records).encode()).hexdigest()


def to_jsonl(records: Iterable[Record]) -> str:
    """One JSON object a line; `jsonl:FILE` reads it back."""
    return "".join(json.dumps(record.to_dict(), ensure_ascii=False) + "\n" for record in records)


def clone_digest(source: str) -> str:
    """sha256, hex, of a module with names, comments, docstrings, annotations and layout taken out (type-2 clones are equal).

    Source: the clone types are those of Roy & Cordy 2007, "A Survey on Software Clone Detection Research".

    Raises:
        SyntaxError: if `source` is not Python.
    """
    tree = _Normalise().visit(parse(source))
    # unparse and not dump: dump's text changed between Python 3.12 and 3.13, and with it every split would.
    return hashlib.sha256(ast.unparse(ast.fix_missing_locations(tree)).encode()).hexdigest()


class _Normalise(ast.NodeTransformer):
    """Numbers every own name by first appearance; drops docstrings and annotations."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._renamed(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._renamed(node.arg)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._renamed(node.name)
        node.returns = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._renamed(node.name)
        return self.generic_visit(node)

    def _renamed(self, name: str) -> str:
        return name if name in _BUILTINS else self._names.setdefault(name, f"v{len(self._names)}")


def _side(digest: str, shares: Mapping[str, float]) -> str:
    """The split whose interval of 0-1 the hash falls into; the intervals lie in the order of `SPLITS`."""
    position = int(digest[:13], 16) / 16**13  # 52 bits: exact in a float, and always below 1
    edge = 0.0
    for name in SPLITS:
        edge += shares.get(name, 0.0)
        if position < edge:
            return name
    return [name for name in SPLITS if shares.get(name, 0.0) > 0][-1]  # the sum may miss 1 by a rounding


def _require_shares(shares: Mapping[str, float]) -> None:
    _require_names(shares, "shares")
    for name, share in shares.items():
        if not 0 <= share <= 1:  # false for NaN too
            raise HarnessError(f"the share of {name} is {share}", why="a share is a fraction", fix="allowed: 0 to 1")
    total = math.fsum(shares.values())
    if abs(total - 1) > 1e-6:
        listed = " + ".join(f"{name} {share:g}" for name, share in shares.items()) or "none"
        raise HarnessError("the shares of the splits do not sum to 1", why=f"{listed} = {total:g}", fix="make them sum to 1")


def _require_limits(limits: Mapping[str, int | None]) -> None:
    _require_names(limits, "limits")
    for name, limit in limits.items():
        if limit is not None and limit < 0:
            fix = "allowed: 0 and up, or none"
            raise HarnessError(f"the limit of {name} is {limit}", why="no split holds fewer than 0", fix=fix)


def _require_names(values: Mapping[str, object], what: str) -> None:
    unknown = sorted(set(values) - set(SPLITS))
    if unknown:
        found = f"unknown split in the {what}: {', '.join(unknown)}"
        raise HarnessError(found, why=f"allowed: {', '.join(SPLITS)}", fix="rename or remove it")

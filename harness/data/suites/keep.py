"""Owns the removal of single tests from a suite, by the names pytest gives them. Pure: cuts lines out, runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from harness.data.suites.collected import Function, has_tests, is_test_class, is_test_function, lines_of, methods
from harness.data.suites.syntax import bound_names, parse


def only_tests(suite: str, keep: Collection[str], failed: Collection[str] = ()) -> str | None:
    """The suite without all other tests; None when no test is left.

    A parametrized test is one function: it stays if any of its cases is to be kept, none is in `failed`, and as many are to be
    kept as its literal lists of cases have.

    Args:
        suite: A file that parses.
        keep: Names as pytest gives them: ``test_x``, ``TestY::test_x``, ``test_x[case]``.
        failed: Names that are known not to pass; needed only for parametrized tests whose cases are computed.

    Raises:
        SyntaxError: if the suite is not Python.
    """
    tree = parse(suite)
    names = _Names(keep, failed)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    gone: list[ast.stmt] = []
    masked: dict[ast.ClassDef, list[str]] = {}
    left = False
    for node in tree.body:
        if is_test_function(node) and isinstance(node, Function):
            wanted = names.holds("", node)
            left = left or wanted
            gone += [] if wanted else [node]
        elif isinstance(node, ast.ClassDef) and (has_tests(node) or is_test_class(node)):
            own, hidden, alive = _sorted_out(node, classes, names)
            left = left or alive
            masked[node] = hidden
            gone += own
    return _cut(suite, tree, gone, masked) if left else None


class _Names:
    """What is to be kept, by the name before the brackets of a case."""

    def __init__(self, keep: Collection[str], failed: Collection[str]) -> None:
        self._cases: dict[str, set[str]] = {}
        for name in keep:
            self._cases.setdefault(name.split("[")[0], set()).add(name)
        self._failed = {name.split("[")[0] for name in failed}

    def holds(self, prefix: str, node: Function) -> bool:
        """Whether a test stays."""
        name = prefix + node.name
        cases = self._cases.get(name, set())
        expected = _case_count(node)
        return bool(cases) and name not in self._failed and (expected is None or len(cases) >= expected)


def _case_count(node: Function) -> int | None:
    """How many cases literal ``parametrize`` lists make; 1 without any, None where one is computed."""
    count = 1
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("parametrize"):
            values = decorator.args[1] if len(decorator.args) > 1 else None
            if not isinstance(values, ast.List | ast.Tuple) or any(isinstance(v, ast.Starred) for v in values.elts):
                return None
            count *= len(values.elts)
    return count


def _sorted_out(node: ast.ClassDef, classes: dict[str, ast.ClassDef], names: _Names) -> tuple[list[ast.stmt], list[str], bool]:
    """Methods to cut out of a class, inherited tests to mask in it, and whether a test of it stays."""
    heirs = [other for other in classes.values() if node in _ancestors(other, classes)]
    inherited = {method.name: method for base in _ancestors(node, classes) for method in methods(base)}
    own = {method.name: method for method in methods(node)}
    kept = {name for name, method in {**inherited, **own}.items() if names.holds(f"{node.name}::", method)}
    for_heirs = {name for name, method in own.items() if any(names.holds(f"{heir.name}::", method) for heir in heirs)}
    # A base that is itself collected would run what only its heirs pass.
    useful = kept | (set() if is_test_class(node) else for_heirs)
    cut: list[ast.stmt] = [method for name, method in own.items() if name not in useful]
    return cut, sorted(set(inherited) - kept - set(bound_names(node.body))), bool(kept)


def _ancestors(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """Bases that the file defines, nearest last, at most as many as there are classes."""
    found: list[ast.ClassDef] = []
    pending = list(_bases(node, classes))
    while pending and len(found) < len(classes):
        base = pending.pop(0)
        found.insert(0, base)
        pending += _bases(base, classes)
    return found


def _bases(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    return (classes[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in classes)


def _cut(suite: str, tree: ast.Module, gone: Iterable[ast.stmt], masked: dict[ast.ClassDef, list[str]]) -> str:
    """The text without the lines of `gone`; rewritten from the tree where statements share lines."""
    lost = {id(node) for node in gone}
    lines: list[str | None] = list(suite.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for node in gone:
        first, last = lines_of(node)
        lines[first - 1 : last] = [None] * (last - first + 1)
    for owner, hidden in masked.items():
        empty = all(id(inner) in lost for inner in owner.body)
        extra = [f"    {name} = None" for name in hidden] or (["    pass"] if empty else [])
        if extra:
            place = (owner.end_lineno or owner.lineno) - 1
            lines[place] = "\n".join([*([lines[place]] if lines[place] is not None else []), *extra])  # type: ignore[list-item]
    text = re.sub(r"\n{4,}", "\n\n\n", "\n".join(line for line in lines if line is not None)).rstrip() + "\n"
    try:
        parse(text)
    except SyntaxError:
        return _rewritten(tree, lost, masked)
    return text


def _rewritten(tree: ast.Module, lost: set[int], masked: dict[ast.ClassDef, list[str]]) -> str:
    for owner, hidden in masked.items():
        masks: list[ast.stmt] = [ast.parse(f"{name} = None").body[0] for name in hidden]
        owner.body = [inner for inner in owner.body if id(inner) not in lost] + masks or [ast.Pass()]
    tree.body = [node for node in tree.body if id(node) not in lost]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"

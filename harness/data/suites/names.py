"""Owns the question which names a test file takes from outside, and where the usual ones come from. Runs no code of a file."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec

from harness.data.suites.syntax import walked

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}

# Names that tests of data sets use without an import, because their authors ran them below such imports.
_USUAL_MODULES = frozenset(
    [
        "abc",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "heapq",
        "inspect",
        "io",
        "itertools",
        "json",
        "math",
        "operator",
        "os",
        "pathlib",
        "pytest",
        "random",
        "re",
        "statistics",
        "string",
        "sys",
        "tempfile",
        "textwrap",
        "time",
        "typing",
        "unittest",
        "warnings",
    ]
)
_USUAL_MEMBERS = {
    "TestCase": "unittest",
    "IsolatedAsyncioTestCase": "unittest",
    "mock": "unittest",
    **dict.fromkeys(["patch", "Mock", "MagicMock", "call", "mock_open"], "unittest.mock"),
    **dict.fromkeys(["Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"], "collections"),
    **dict.fromkeys(["StringIO", "BytesIO"], "io"),
    **dict.fromkeys(["redirect_stdout", "redirect_stderr", "contextmanager"], "contextlib"),
    **dict.fromkeys(["Any", "Dict", "Iterable", "Iterator", "List", "Optional", "Set", "Tuple", "Union"], "typing"),
    "Decimal": "decimal",
    "Fraction": "fractions",
    "Path": "pathlib",
    "dataclass": "dataclasses",
}
_USUAL_ALIASES = {"np": "numpy", "pd": "pandas"}
_USUAL = re.compile(rf"\b(?:{'|'.join([*_USUAL_MODULES, *_USUAL_MEMBERS, *_USUAL_ALIASES])})\b")
# Modules whose `import *` is written out: harmless to import, which is how their public names are known.
_STARRED = _USUAL_MODULES - {"pytest"}


def free_names(code: str, hiding: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names that a module reads and defines nowhere, builtins apart.

    Args:
        code: Of the module.
        hiding: Names that hide a builtin of that name.

    Raises:
        SyntaxError: if `code` is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            top = symtable.symtable(code, "suite", "exec")
        except (RecursionError, MemoryError) as error:
            raise SyntaxError("nested too deeply") from error
    used: set[str] = set()
    bound: set[str] = set()
    pending = [top]
    while pending:
        table = pending.pop()
        pending += table.get_children()
        for symbol in table.get_symbols():
            if table is not top and not symbol.is_global():
                continue
            if symbol.is_referenced():
                used.add(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                bound.add(symbol.get_name())
    return frozenset(used - bound - (_BUILTINS - hiding))


def loaded_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that are read anywhere below, builtins included."""
    return (node.id for node in walked(nodes) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def usual_import(name: str) -> str | None:
    """The import line that such a name commonly comes by, or None."""
    if name in _USUAL_MODULES:
        return f"import {name}"
    if name in _USUAL_ALIASES:
        return f"import {_USUAL_ALIASES[name]} as {name}"
    return f"from {_USUAL_MEMBERS[name]} import {name}" if name in _USUAL_MEMBERS else None


def forgotten_imports(code: str) -> list[str]:
    """Import lines for the usual names that a module reads and never defines, sorted.

    Raises:
        SyntaxError: if `code` is not Python.
    """
    if _USUAL.search(code) is None:  # the symbol table takes as long as parsing
        return []
    return sorted(line for name in free_names(code) if (line := usual_import(name)))


def public_names(module: str) -> frozenset[str]:
    """What ``from module import *`` brings; empty for modules that are not known to be harmless."""
    if module not in _STARRED and module != "unittest.mock":
        return frozenset()
    found = __import__(module, fromlist=["*"])
    return frozenset(getattr(found, "__all__", None) or (name for name in vars(found) if not name.startswith("_")))


@lru_cache(maxsize=4096)
def is_library(module: str) -> bool:
    """Whether a module belongs to the standard library or to an installed package: then it is no name for the solution."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names:
        return top != "__main__"
    try:  # a top-level name is only looked for, never imported
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False

"""Owns which calls no kept test makes: they end processes, delete or move files, start programs or talk to the network. Pure.

The sandbox refuses some of them without a word (a shell that cannot be started is a return value, not an error), so such a test
passes there; in the written file it would do it for real.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from harness.data.suites.syntax import parse, walked

_MODULES = frozenset({"ctypes", "multiprocessing", "pty", "socket", "subprocess"})
_OS = (
    "abort chmod chown fork forkpty kill killpg popen putenv remove removedirs rename renames replace rmdir startfile system "
    "truncate unlink"
)
_CALLS = {
    "os": frozenset(_OS.split()),
    "shutil": frozenset(["chown", "move", "rmtree"]),
    "signal": frozenset(["alarm", "pthread_kill", "raise_signal"]),
}
_STARTS = ("exec", "posix_spawn", "spawn")
"""Of ``os``: how the names of what starts programs begin."""
_OF_A_PATH = frozenset({"chmod", "lchmod", "rmdir", "unlink"})


def reaches_out(statements: Sequence[ast.stmt], imports: Iterable[str]) -> bool:
    """Whether statements name one of these calls.

    Args:
        statements: Of a test and its helpers.
        imports: The import lines they need.
    """
    known = dict(_bound("\n".join(imports)))
    dotted = [name for node in walked(statements) if (name := _dotted(node, known))]
    paths = "pathlib" in {name.partition(".")[0] for name in [*known.values(), *dotted]}
    methods = {node.attr for node in walked(statements) if isinstance(node, ast.Attribute)}
    return any(map(_is_refused, [*known.values(), *dotted])) or (paths and bool(methods & _OF_A_PATH))


def _is_refused(dotted: str) -> bool:
    module, _, name = dotted.partition(".")
    return module in _MODULES or name in _CALLS.get(module, ()) or (module == "os" and name.startswith(_STARTS))


def _bound(lines: str) -> Iterator[tuple[str, str]]:
    """Name -> what it stands for, dotted."""
    for statement in parse(lines).body:
        if isinstance(statement, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from ((one.asname or one.name, f"{statement.module}.{one.name}") for one in statement.names)


def _dotted(node: ast.AST, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
        return f"{known[node.value.id]}.{node.attr}"
    return None

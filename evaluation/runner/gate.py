"""What can be said about a suite without running it: does it parse and import the function, which tests look where they must not.

Runs in the suite process: even the parser can be crashed by what a model writes. Only raises the price of cheating; what decides
are the runs on broken and on equivalent versions of the function.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from evaluation.records import Verdict

MAX_SUITE_BYTES = 1 << 20
Definition = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Names by which a test reads how the function is written, or how it is being run, instead of what it does.
FORBIDDEN = frozenset({
    "__code__", "__globals__", "__closure__", "__builtins__", "__defaults__", "__kwdefaults__", "__loader__", "__spec__",
    "__subclasses__", "__wrapped__", "f_code", "f_back", "f_locals", "f_globals", "tb_frame", "gi_frame", "gi_code",
    "cr_frame", "cr_code", "__tick__", "getsource", "getsourcelines", "getsourcefile", "getclosurevars", "getframeinfo",
    "currentframe", "_getframe", "_current_frames", "get_objects", "get_referrers", "get_referents", "settrace",
    "setprofile", "addaudithook", "linecache", "ctypes", "_ctypes", "dis", "marshal", "opcode", "_pytest", "pluggy",
    "tracemalloc", "getallocatedblocks", "getrefcount", "_debugmallocstats", "getswitchinterval", "sys.monitoring",
})  # fmt: skip
CODE_PREFIXES = ("co_",)
# Names that make a run differ from the next one.
RANDOM = frozenset({
    "time", "perf_counter", "monotonic", "time_ns", "perf_counter_ns", "monotonic_ns", "process_time", "thread_time",
    "clock_gettime", "now", "today", "utcnow", "urandom", "getrandom", "SystemRandom", "secrets", "uuid", "uuid1", "uuid4",
    "getpid", "getppid", "get_ident", "get_native_id", "id", "hash", "getrusage", "times", "stat", "Thread", "random",
    "seed",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a suite is not run at all."""

    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Read:
    """What was read.

    Attributes:
        forbidden: Names of functions in which a forbidden name stands, or which call one of those.
        random: Whether a name stands anywhere that makes runs differ.
        imports: Modules imported at the top level.
    """

    forbidden: list[str]
    random: bool
    imports: list[str]


def inspect_suite(code: str, entry_point: str) -> Refusal | Read:
    """Read a suite."""
    tree = _parse(code)
    if isinstance(tree, Refusal):
        return tree
    name = entry_point.split(".")[0]
    if not _imports(tree, name):
        return Refusal(Verdict.FUNCTION_NOT_IMPORTED, f"the suite never imports {name!r} from 'solution'")
    if _defines(tree, name):
        return Refusal(Verdict.FUNCTION_NOT_IMPORTED, f"the suite defines its own {name!r}")
    outside = _forbidden_outside(tree)
    if outside:
        return Refusal(Verdict.FORGED, f"the suite uses {outside!r}, which looks at the implementation or the runner")
    used = {word for node in ast.walk(tree) if not isinstance(node, ast.Constant) for word in _words(node)}
    return Read(_forbidden_functions(tree), bool(used & RANDOM), _top_imports(tree))


def _parse(code: str) -> ast.Module | Refusal:
    try:
        if len(code.encode()) > MAX_SUITE_BYTES:
            return Refusal(Verdict.SYNTAX_ERROR, "the suite is larger than 1 MiB")
        tree = ast.parse(code)
        compile(code, "test_suite.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return Refusal(Verdict.SYNTAX_ERROR, f"line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Refusal(Verdict.SYNTAX_ERROR, f"cannot be parsed: {type(error).__name__}")
    return tree


def _imports(tree: ast.Module, name: str) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "solution" and not node.level:
            if any(alias.name in {name, "*"} for alias in node.names):
                return True
        elif isinstance(node, ast.Import) and any(alias.name == "solution" for alias in node.names):
            return True
    return False


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether a definition of that name stands at module level; assignments there are seen at run time."""
    return any(isinstance(node, (*DEFINITIONS, ast.ClassDef)) and node.name == name for node in tree.body)


def _top_imports(tree: ast.Module) -> list[str]:
    found = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    return found + [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module and not node.level]


def _words(node: ast.AST) -> list[str]:
    """Identifiers in one node; a string constant counts as one, because getattr takes it."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.alias):
        return node.name.split(".")
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
        return [node.value]
    return []


def _is_forbidden(word: str) -> bool:
    return word in FORBIDDEN or word.startswith(CODE_PREFIXES)


def _forbidden_outside(tree: ast.Module) -> str:
    """A forbidden name outside of every function, or an empty string."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINITIONS):
            waiting += [*node.decorator_list, *node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            continue
        found = next((word for word in _words(node) if _is_forbidden(word)), "")
        if found and not isinstance(node, ast.Constant):
            return found
        waiting += ast.iter_child_nodes(node)
    return ""


def _forbidden_functions(tree: ast.Module) -> list[str]:
    """Functions with a forbidden name in them, and those that name one of these, to any depth."""
    words: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS):
            words.setdefault(node.name, set()).update(word for inner in ast.walk(node) for word in _words(inner))
    guilty = {name for name, used in words.items() if any(map(_is_forbidden, used))}
    while True:
        named = {name for name, used in words.items() if used & guilty}
        if named <= guilty:
            return sorted(guilty)
        guilty |= named

"""Owns the step from what a doctest prints to an assertion. Pure; knows nothing of where the example stands."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable

from harness.data.harvest.modules import names_read
from harness.data.suites.syntax import parse

BLANK = "<BLANKLINE>"
_LONGEST = 1500  # characters of an expected value: a page of output is no unit test


def assertion(example: doctest.Example, known: Callable[[str], bool]) -> ast.stmt | None:
    """The example as one statement that fails where the example would.

    Args:
        example: One expression, or any statement that is to raise.
        known: Whether a name means something where the assertion will stand.

    Returns:
        The statement, or None where what is printed cannot be said as an assertion.

    Raises:
        SyntaxError: if the example is not Python.
    """
    body = parse(example.source).body
    if example.exc_msg is not None:
        return _raising(body, example.exc_msg)
    want = example.want.replace(BLANK, "").removesuffix("\n")
    vague = doctest.ELLIPSIS in example.options and "..." in want
    if len(body) != 1 or not isinstance(body[0], ast.Expr) or vague or len(want) > _LONGEST:
        return None
    value = body[0].value
    printed = _printed(value)
    if printed is not None:
        return _equal(_call("str", printed), ast.Constant(want)) if _exact(example, want) else None
    literal = _expression(want, known)
    if literal is not None:
        return _equal(value, literal)
    return _equal(_call("repr", value), ast.Constant(want)) if _exact(example, want) and " at 0x" not in want else None


def exception_name(message: str) -> str:
    """The dotted name of the exception in the last line of a traceback."""
    return message.strip().partition(":")[0].strip()


def _raising(body: list[ast.stmt], message: str) -> ast.stmt | None:
    name = exception_name(message)
    if not name.replace(".", "").isidentifier():
        return None
    raises = parse(f"with pytest.raises({name.rpartition('.')[2]}):\n    pass").body[0]
    assert isinstance(raises, ast.With)  # noqa: S101 - written two lines above
    raises.body = body
    return raises


def _exact(example: doctest.Example, want: str) -> bool:
    """Whether white space counts, as it does in a comparison of strings."""
    return doctest.NORMALIZE_WHITESPACE not in example.options or "\n" not in want


def _printed(value: ast.expr) -> ast.expr | None:
    """What a call of ``print`` prints."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or value.func.id != "print":
        return None
    single = len(value.args) == 1 and not value.keywords and not isinstance(value.args[0], ast.Starred)
    return value.args[0] if single else None


def _expression(want: str, known: Callable[[str], bool]) -> ast.expr | None:
    """The expected value as an expression, when it is one that means what it shows."""
    try:
        body = parse(want.strip()).body
        names_read(body)  # it has to compile
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        return None
    value = body[0].value
    nodes = list(ast.walk(value))
    if any(isinstance(node, ast.Constant) and node.value is Ellipsis for node in nodes):
        return None
    # 1/2 is a fraction where it is printed, and 0.5 where it is written.
    if any(isinstance(node, ast.Div | ast.Lambda | ast.comprehension | ast.NamedExpr) for node in nodes):
        return None
    return value if all(known(node.id) for node in nodes if isinstance(node, ast.Name)) else None


def _equal(left: ast.expr, right: ast.expr) -> ast.Assert:
    single = isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))
    operator = ast.Is() if single else ast.Eq()
    return ast.Assert(test=ast.Compare(left=left, ops=[operator], comparators=[right]), msg=None)


def _call(name: str, value: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=[value], keywords=[])

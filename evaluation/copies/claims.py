"""What an assertion says about the focal function, in a normal form that can be compared as text. Pure.

Does not find the assertions and does not know where they come from.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

FOCAL = "$"  # stands for the focal function; no Python expression outside a string holds it
OPAQUE = FOCAL + "?"  # made from the focal function's result, in a way that is not followed
BUDGET = 1 << 24  # characters; a hand-sized suite takes some thousand, a flat one of 1 MiB about half of it
NODE_COST = 16
PAIRS = frozenset(
    {"assertEqual", "assertEquals", "assertIs", "assertAlmostEqual", "assertAlmostEquals", "assertListEqual"}
    | {"assertTupleEqual", "assertDictEqual", "assertSetEqual", "assertSequenceEqual", "assertCountEqual"}
    | {"assertMultiLineEqual", "assert_equal", "assert_allclose", "assert_almost_equal", "assert_array_equal"}
)
TRUTHS = {"assertTrue": True, "assertFalse": False}
SIMPLIFIED = frozenset({"approx", "round"})  # `f(1) == approx(2)` and `round(f(1), 2) == 2` say the same as `f(1) == 2`
FLIPPED = {"True": "False", "False": "True"}


class TooMuchWorkError(Exception):
    """The text is larger than anything written to test one function."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a name stands for.

    Attributes:
        text: Its value in normal form.
        rows: The list or tuple it was written as, where it was.
    """

    text: str
    rows: ast.List | ast.Tuple | None = None


def parse(source: str) -> ast.Module:
    """Parse without the parser's warnings about odd escapes.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: if it cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def called_name(call: ast.Call) -> str:
    """The last part of what is called, "" for anything but a dotted name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def equality(left: str, right: str) -> str:
    """The claim that two normal forms are equal, the focal function's side first."""
    return f"{right} == {left}" if FOCAL in right and FOCAL not in left else f"{left} == {right}"


class Reader:
    """Reads expressions into normal form, with a bounded amount of work over its life.

    Quotes, spaces, the order of sets and dicts, `1` and `1.0`, and the names of keyword arguments make no difference.

    Args:
        entry_point: Name of the focal function; ``module.entry_point`` is read as it too.

    Attributes:
        entry_point: As given.

    Raises:
        TooMuchWorkError: from any method, when the work is used up.
    """

    def __init__(self, entry_point: str) -> None:
        self.entry_point = entry_point
        self._left = BUDGET

    def spend(self, amount: int) -> None:
        """Count work, in characters."""
        self._left -= amount
        if self._left < 0:
            raise TooMuchWorkError

    def text(self, node: ast.AST, names: Mapping[str, Bound]) -> str:
        """Normal form of an expression, with the values of known names in their place."""
        found = self._text(node, names)
        self.spend(NODE_COST + len(found))
        return found

    def says(self, test: ast.expr, names: Mapping[str, Bound], truth: bool = True) -> str:
        """The claim of ``assert test``, or of ``assert not test``; one with `FOCAL` in it is about the focal function."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.says(operand, names, not truth)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right, names, truth)
            case ast.Call(args=[left, right, *_]) if truth and called_name(test) == "isclose":
                return equality(self.text(left, names), self.text(right, names))
        return equality(self.text(test, names), str(truth))

    def says_call(self, call: ast.Call, names: Mapping[str, Bound]) -> str | None:
        """The claim of ``self.assertEqual(...)`` and its like; None if it is no assertion."""
        name = called_name(call)
        match call.args:
            case [left, right, *_] if name in PAIRS:
                return equality(self.text(left, names), self.text(right, names))
            case [test, *_] if name in TRUTHS:
                return self.says(test, names, TRUTHS[name])
            case [test, *_] if name == "assertIsNone":
                return equality(self.text(test, names), "None")
        return self.text(call, names) if name.startswith("assert") else None

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr, names: Mapping[str, Bound], truth: bool) -> str:
        match left, op:
            case ast.Call(func=ast.Name("abs"), args=[ast.BinOp(left=one, op=ast.Sub(), right=other)]), ast.Lt() | ast.LtE() if (
                truth
            ):
                return equality(self.text(one, names), self.text(other, names))
        a, b = self.text(left, names), self.text(right, names)
        equal = isinstance(op, (ast.Eq, ast.Is))
        if equal == truth and (equal or isinstance(op, (ast.NotEq, ast.IsNot))):
            return equality(a, b)
        if (equal or isinstance(op, (ast.NotEq, ast.IsNot))) and b in FLIPPED:
            return equality(a, FLIPPED[b])
        return f"{a} {'' if truth else 'not '}{type(op).__name__} {b}"

    def _text(self, node: ast.AST, names: Mapping[str, Bound]) -> str:
        match node:
            case ast.Constant(value=value):
                return _constant(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return _constant(-value)
            case ast.Name(id=name):
                return names[name].text if name in names else name
            case ast.Attribute(value=ast.Name(), attr=self.entry_point):
                return FOCAL
            case ast.Call():
                return self._call(node, names)
            case ast.List(elts=parts):
                return f"[{self._joined(parts, names)}]"
            case ast.Tuple(elts=parts):
                return f"({self._joined(parts, names)},)"
            case ast.Set(elts=parts):
                return f"{{{','.join(sorted(self.text(part, names) for part in parts))}}}"
            case ast.Dict(keys=keys, values=values):
                pairs = [f"{self.text(k, names) if k else '**'}:{self.text(v, names)}" for k, v in zip(keys, values, strict=True)]
                return f"{{{','.join(sorted(pairs))}}}"
        return f"{type(node).__name__}({','.join(self._fields(node, names))})"

    def _call(self, node: ast.Call, names: Mapping[str, Bound]) -> str:
        if called_name(node) in SIMPLIFIED and node.args:
            return self.text(node.args[0], names)
        # Keyword arguments are nearly always written in the order of the signature, which is not known here.
        return f"{self.text(node.func, names)}({self._joined([*node.args, *(word.value for word in node.keywords)], names)})"

    def _joined(self, parts: list[ast.expr], names: Mapping[str, Bound]) -> str:
        return ",".join(self.text(part, names) for part in parts)

    def _fields(self, node: ast.AST, names: Mapping[str, Bound]) -> list[str]:
        found: list[str] = []
        for _, value in ast.iter_fields(node):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST) and not isinstance(part, ast.expr_context):
                    found.append(self.text(part, names))
                elif isinstance(part, str):
                    found.append(part)
        return found


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # Printing a long integer in decimal takes quadratic time and is refused beyond 4,300 digits.
    text = hex(value) if isinstance(value, int) and value.bit_length() > 64 else ascii(value)
    return text.replace(FOCAL, r"\x24")

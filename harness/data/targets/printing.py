"""Owns how statements are laid out: as Black and Ruff would, with the project's line length and quotes. Pure.

Comments are gone by the time a test comes here: it was taken apart and put together again.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from harness.data.suites.syntax import parse

STEP = 4
_PLAIN = re.compile(r"'[^'\"\\]*'", re.DOTALL)
_Inner = tuple[str, ast.expr]  # what stands in brackets: a name or key in front, and a value
_BRACKETS = {ast.List: "[]", ast.Set: "{}", ast.Dict: "{}", ast.Tuple: "()"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a project writes.

    Attributes:
        width: Characters of a line, at most.
        double: Whether strings stand in double quotes.
    """

    width: int = 88
    double: bool = True


DEFAULT = Style()


def printed(statement: ast.stmt, indent: int, style: Style) -> list[str]:
    """The lines of a statement.

    Args:
        statement: As parsed, or made.
        indent: Spaces in front.
        style: How the project writes.
    """
    if isinstance(statement, ast.With):
        items = ", ".join(ast.unparse(item) for item in statement.items)
        inner = [line for one in statement.body for line in printed(one, indent + STEP, style)]
        return [" " * indent + quoted(f"with {items}:", style), *inner]
    text = quoted(ast.unparse(statement), style)
    lines = [" " * indent + line if line else line for line in text.split("\n")]
    if len(lines) > 1 or len(lines[0]) <= style.width:
        return lines
    broken = _Breaking(style).statement(statement, indent)
    return broken if broken is not None and _says_the_same([line[indent:] for line in broken], text) else lines


def _says_the_same(lines: Sequence[str], text: str) -> bool:
    """Whether the lines mean what the text means."""
    try:
        return ast.dump(parse("\n".join(lines))) == ast.dump(parse(text))
    except SyntaxError:
        return False


def quoted(text: str, style: Style) -> str:
    """The text with plain strings in double quotes, where the project likes them so."""
    if not style.double or "'" not in text:
        return text
    found = [(token.start, token.string) for token in _tokens(text) if token.type == tokenize.STRING]
    lines = text.split("\n")
    for (row, column), string in reversed(found):
        body = string.lstrip("rbuRBU")
        if _PLAIN.fullmatch(body) and "\n" not in body:
            line = lines[row - 1]
            new = string[: len(string) - len(body)] + f'"{body[1:-1]}"'
            lines[row - 1] = line[:column] + new + line[column + len(string) :]
    return "\n".join(lines)


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError):
        return []


@dataclass(frozen=True, slots=True)
class _Breaking:
    """Breaks what does not fit, at the last brackets first."""

    style: Style

    def statement(self, statement: ast.stmt, indent: int) -> list[str] | None:
        if isinstance(statement, ast.Assert) and statement.msg is None:
            return self._condition(statement.test, indent)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            return self._broken(f"{ast.unparse(statement.targets[0])} = ", statement.value, "", indent)
        return self._broken("", statement.value, "", indent) if isinstance(statement, ast.Expr) else None

    def _condition(self, test: ast.expr, indent: int) -> list[str] | None:
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return self._broken("assert ", test, "", indent)
        left, middle, right = _sides(test)
        head = self._text(f"assert {left}{middle}")
        broken = None if _in_brackets(test.comparators[0], right) else self._broken(head, test.comparators[0], "", indent)
        if broken is not None and self._fits(broken):
            return broken
        first = self._one(test.left, left, indent + STEP)
        second = self._one(test.comparators[0], right, indent + STEP, middle.lstrip())
        return [" " * indent + "assert (", *first, *second, " " * indent + ")"]

    def _one(self, node: ast.expr, said: str, indent: int, before: str = "") -> list[str]:
        line = " " * indent + self._text(before + said)
        if len(line) <= self.style.width or _in_brackets(node, said):
            return [line]
        return self._broken(before, node, "", indent) or [line]

    def _broken(self, before: str, node: ast.expr, after: str, indent: int) -> list[str] | None:
        """The node with its brackets opened; None where it has none."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._broken(f"{before}not ", node.operand, after, indent)
        parts = _parts(node)
        if parts is None or not parts[1]:
            return None
        opening, inner, closing = parts
        together = " " * (indent + STEP) + ", ".join(self._text(_said(one)) for one in inner)
        # Arguments stay on one line where they fit; items of a literal never do, unless there is but one.
        joined = len(inner) == 1 if not isinstance(node, ast.Call) else True
        single = isinstance(node, ast.Tuple) and len(inner) == 1
        fits = joined and not single and len(together) <= self.style.width
        lines = [together] if fits else self._apart(inner, indent + STEP)
        return [" " * indent + self._text(before + opening), *lines, " " * indent + closing + after]

    def _apart(self, inner: Sequence[_Inner], indent: int) -> list[str]:
        found: list[str] = []
        for one in inner:
            line = " " * indent + self._text(_said(one)) + ","
            broken = None if len(line) <= self.style.width else self._broken(one[0], one[1], ",", indent)
            found += broken or [line]
        return found

    def _fits(self, lines: Sequence[str]) -> bool:
        return all(len(line) <= self.style.width for line in lines)

    def _text(self, text: str) -> str:
        return quoted(text, self.style)


def _sides(test: ast.Compare) -> tuple[str, str, str]:
    """What is left of the sign, the sign, and what is right of it; in brackets where Python needs them there."""
    x, y = ast.Name("x"), ast.Name("y")
    sign = ast.unparse(ast.Compare(x, test.ops, [y]))[1:-1]
    left = ast.unparse(ast.Compare(test.left, test.ops, [y]))[: -len(sign) - 1]
    return left, sign, ast.unparse(ast.Compare(x, test.ops, test.comparators))[1 + len(sign) :]


def _in_brackets(node: ast.expr, said: str) -> bool:
    """Whether an expression has brackets only because of where it stands."""
    return said != ast.unparse(node)


def _parts(node: ast.expr) -> tuple[str, list[_Inner], str] | None:
    """What opens the last brackets of an expression, what stands in them, and what closes them."""
    if isinstance(node, ast.Call):
        plain: list[_Inner] = [("", one) for one in node.args]
        named: list[_Inner] = [("**" if one.arg is None else f"{one.arg}=", one.value) for one in node.keywords]
        return f"{ast.unparse(node.func)}(", [*plain, *named], ")"
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return "{", [("**" if key is None else f"{ast.unparse(key)}: ", value) for key, value in pairs], "}"
    kind = next((brackets for kind, brackets in _BRACKETS.items() if isinstance(node, kind)), None)
    return None if kind is None else (kind[0], [("", one) for one in getattr(node, "elts", ())], kind[1])


def _said(inner: _Inner) -> str:
    return inner[0] + ast.unparse(inner[1])

"""Owns what the text of a prompt template may hold: a small part of Jinja2, checked before anything is compiled. Pure.

A template may come from somebody else; nothing in it can take long, grow without bound or fail once it is filled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NoReturn

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES = ("entry_point", "source", "focal", "context", "signature", "docstring")
"""What a template may mention: the name, the whole module, and the parts of it (`harness.core.focal.Focal`)."""

GROWTH = 100
"""A question is at most so many times as long as the longest of the template's text and the values of `VARIABLES`."""

FILTERS: Mapping[str, Mapping[str, type]] = {
    **{name: {} for name in ("trim", "upper", "lower", "title", "capitalize", "length")},
    "indent": {"width": int, "first": bool, "blank": bool},
    "replace": {"old": str, "new": str},
    "truncate": {"length": int, "killwords": bool, "end": str},
    "default": {"default_value": object, "boolean": bool},
}
"""The filters of a template and their arguments: written out, or any expression (object)."""

_DEEPEST = 20  # brackets, and nodes, inside one another: Jinja2 takes some 15 frames of Python's stack for each
_DIGITS = 9
_REFUSED: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.For, "a loop"),
    (nodes.Macro, "a macro"),
    (nodes.Assign, "a set inside an if, or of several names,"),
    (nodes.Stmt, "a statement other than if and set"),
    (nodes.Call, "a call"),
    (nodes.Getattr, "an attribute"),
    (nodes.Getitem, "an item"),
    (nodes.Const, "a number with a point, or half a character,"),
    (nodes.Literal, "a list or a dictionary"),
    (nodes.CondExpr, "an if without an else inside an expression"),
    (nodes.Compare, "a comparison of a text with a number"),
    (nodes.Test, "a test other than `is defined` and `is none`"),
    (nodes.Node, "arithmetic"),
)
Kind = Literal["text", "number", "truth", "mixed"]
_KINDS: Mapping[type, Kind] = {str: "text", int: "number", bool: "truth", type(None): "mixed"}


class RefusedTextError(TemplateSyntaxError):
    """What a template's text may not hold, found on a line of it, and what to write instead."""

    def __init__(self, why: str, fix: str, line: int) -> None:
        super().__init__(why, line)
        self.fix = fix


def used_variables(text: str) -> frozenset[str]:
    """The variables that a text mentions, once it is known to be harmless; nothing is compiled or filled.

    Raises:
        jinja2.TemplateSyntaxError: if it does not parse; `RefusedTextError` where it holds what it may not.
    """
    _check_tokens(text)
    check = _Check()
    try:
        check.statements(environment().parse(text).body, 0)
    except RecursionError as error:
        raise _too_deep(1) from error
    return frozenset(check.used)


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """Sandboxed all the same: a template must reach nothing but its variables."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _check_tokens(text: str) -> None:
    """Refuse what the parser itself would fail on."""
    depth = 0
    for line, kind, written in environment().lex(text):
        depth += (written in "([{") - (written in ")]}") if kind == "operator" else 0
        if depth > _DEEPEST:
            raise _too_deep(line)
        if kind in ("integer", "float") and len(written) > _DIGITS:
            raise RefusedTextError(f"a number of {len(written)} characters", f"take at most {_DIGITS}", line)


def _too_deep(line: int) -> RefusedTextError:
    return RefusedTextError(
        f"more than {_DEEPEST} levels inside one another", "nest less, and take fewer branches of one if", line
    )


def _unlisted(node: nodes.Node) -> NoReturn:
    found = next(words for kind, words in _REFUSED if isinstance(node, kind))
    why = f"{found} is refused: a template must be filled in little time and memory, for every function"
    fix = "write it with variables, texts, if, set, comparisons, and, or, not, ~ and the filters "
    raise RefusedTextError(why, fix + ", ".join(FILTERS), node.lineno)


@dataclass(frozen=True, slots=True)
class _Value:
    """What an expression can come to: its kind, and how many times as long as the longest input it is at most."""

    kind: Kind
    times: int = 1


class _Check:
    """One walk over a parsed text: refuses what is not listed, and adds up how long everything that is computed can get."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._names = dict.fromkeys(VARIABLES, _Value("text"))
        self._total = 1  # what is written out is no longer than the text

    def statements(self, body: Iterable[nodes.Node], depth: int) -> None:
        """Check a block that has `depth` blocks around it."""
        for statement in body:
            match statement:
                case nodes.Output(nodes=shown):
                    for part in shown:
                        self._value(part, depth)
                case nodes.If(test=test, body=then, elif_=others, else_=last):
                    self._value(test, depth)
                    branches: list[Sequence[nodes.Node]] = [then, *([other] for other in others), last]
                    for deeper, branch in enumerate(branches, 1):
                        self.statements(branch, depth + deeper)  # Python compiles an elif as an if in the else before it
                case nodes.Assign(target=nodes.Name(name=name), node=given) if depth == 0:
                    self._names[name] = self._value(given, depth)
                case _:
                    _unlisted(statement)

    def _value(self, node: nodes.Node, depth: int) -> _Value:
        if depth > _DEEPEST:
            raise _too_deep(node.lineno)
        depth += 1
        match node:
            case nodes.TemplateData():
                return _Value("text")
            case nodes.Const(value=constant) if type(constant) in _KINDS and _is_encodable(str(constant)):
                return _Value(_KINDS[type(constant)])
            case nodes.Name():
                return self._grown(self._named(node), node)
            case nodes.Filter(node=nodes.Expr() as filtered):
                return self._grown(self._filtered(self._value(filtered, depth), node, depth), node)
            case nodes.Concat(nodes=parts):
                return self._grown(_Value("text", sum(self._value(part, depth).times for part in parts)), node)
            case nodes.CondExpr(test=test, expr1=then, expr2=nodes.Expr() as last):
                self._value(test, depth)
                return _either(self._value(then, depth), self._value(last, depth))
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                return _either(self._value(left, depth), self._value(right, depth))
        return self._truth(node, depth)

    def _truth(self, node: nodes.Node, depth: int) -> _Value:
        match node:
            case nodes.Not(node=asked) | nodes.Test(node=asked, name="defined" | "undefined" | "none", args=[], kwargs=[]):
                self._value(asked, depth)
                return _Value("truth")
            case nodes.Compare(expr=first, ops=others):
                kinds = [self._value(one, depth).kind for one in (first, *(other.expr for other in others))]
                if all(map(_are_comparable, (other.op for other in others), kinds, kinds[1:])):
                    return _Value("truth")
        return _unlisted(node)

    def _named(self, node: nodes.Name) -> _Value:
        if node.name not in self._names:
            allowed = ", ".join(VARIABLES)
            near = difflib.get_close_matches(node.name, self._names, 1, 0.5)
            fix = f"did you mean '{near[0]}'?" if near else f"take one of: {allowed}"
            raise RefusedTextError(f"there is no '{node.name:.40}'; a template may use {allowed}", fix, node.lineno)
        self.used |= {node.name} & set(VARIABLES)
        return self._names[node.name]

    def _filtered(self, value: _Value, node: nodes.Filter, depth: int) -> _Value:
        wanted = FILTERS.get(node.name, {})
        pairs: list[tuple[str, nodes.Expr]] = [
            *zip(wanted, node.args, strict=False),
            *((str(pair.key), pair.value) for pair in node.kwargs),
        ]
        given = {name: self._value(one, depth) for name, one in pairs}
        plain = {name: one.value for name, one in pairs if isinstance(one, nodes.Const)}
        known = all(wanted.get(name) in (object, type(plain.get(name))) for name in given)
        whole = len(given) == len(node.args) + len(node.kwargs) and not (node.dyn_args or node.dyn_kwargs)
        if known and whole and node.name == "default":
            return _either(value, given.get("default_value", _Value("text")))
        growth = _growth(node.name, plain) if known and whole and value.kind == "text" else 0
        if not growth:
            allowed = ", ".join(f"{name}({', '.join(words)})" if words else name for name, words in FILTERS.items())
            fix = f"take one of {allowed}: on a text, with its numbers and texts written out"
            raise RefusedTextError(f"the filter {node.name:.40} is refused as it stands there", fix, node.lineno)
        return _Value("number") if node.name == "length" else _Value("text", value.times * growth)

    def _grown(self, value: _Value, node: nodes.Node) -> _Value:
        self._total += value.times
        if self._total > GROWTH:
            why = f"filled, the text could grow to more than {GROWTH} times its longest part"
            raise RefusedTextError(why, "show the parts less often, or give the filters smaller numbers", node.lineno)
        return value


def _is_encodable(text: str) -> bool:
    """False for half a character, such as an escape of U+D800 alone."""
    return text == text.encode("utf-8", "replace").decode()


def _either(one: _Value, other: _Value) -> _Value:
    return _Value(one.kind if one.kind == other.kind else "mixed", max(one.times, other.times))


def _are_comparable(operator: str, left: Kind, right: Kind) -> bool:
    return operator in ("eq", "ne") or left == right == ("text" if operator in ("in", "notin") else "number")


def _growth(name: str, given: Mapping[str, Any]) -> int:
    """How many times as long as before a filtered text is at most; 0: there is no such filter, or it would fail."""
    match name:
        case "trim" | "length":
            return 1
        case "upper" | "lower" | "title" | "capitalize":
            return 3  # the upper case of U+0390 is three characters
        case "indent":  # every character may be the end of a line
            return int(1 + given.get("width", 4) * (1 + given.get("first", False)))
        case "replace" if given.get("old") and "new" in given:
            return max(1, -(-len(given["new"]) // len(given["old"])))
        case "truncate" if given.get("length", 255) >= len(given.get("end", "...")):
            return 1
    return 0

"""Owns the meaning of unittest's assertion methods as plain statements. Pure: syntax trees in, syntax trees out.

``assertAlmostEqual`` becomes ``round(abs(a - b), 7) == 0``, which is what unittest computes, and not ``pytest.approx``, whose
tolerance is relative: with it a converted test could pass where the original fails, or the other way round.

Source: CPython 3.11, Lib/unittest/case.py.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

_OPERATORS: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq,
    "assertEquals": ast.Eq,
    "assertListEqual": ast.Eq,
    "assertTupleEqual": ast.Eq,
    "assertSetEqual": ast.Eq,
    "assertDictEqual": ast.Eq,
    "assertMultiLineEqual": ast.Eq,
    "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is,
    "assertIsNot": ast.IsNot,
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
}
_FORMS = {
    "assertSequenceEqual": "list({0}) == list({1})",
    "assertIsInstance": "isinstance({0}, {1})",
    "assertNotIsInstance": "not isinstance({0}, {1})",
    "assertRegex": "re.search({1}, {0})",
    "assertNotRegex": "not re.search({1}, {0})",
}
_ONE = frozenset(["assertTrue", "assertFalse", "assertIsNone", "assertIsNotNone"])
_RAISES = {"assertRaises": 1, "assertRaisesRegex": 2}
_SORTABLE = (int, float, str)


def plain_check(call: ast.Call, owner: str = "self") -> ast.stmt | None:
    """The plain statement for ``self.assert...(...)``; None where there is no exact one.

    Args:
        call: The call of a method.
        owner: What the test case goes by.
    """
    name = assertion_name(call, owner)
    if name is None or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    if name in _RAISES:
        return _raising(name, call)
    values = _values(name, call)
    if values is None:
        return None
    test: ast.expr | None = None
    if name in _OPERATORS and not (name.startswith("assertIs") and any(map(has_no_identity, values))):
        test = ast.Compare(values[0], [_OPERATORS[name]()], [values[1]])
    elif name in _ONE:
        test = _one(name, values[0])
    elif name in _FORMS:
        test = _filled(_FORMS[name], values)
    elif name in _SPECIAL:
        test = _SPECIAL[name](values, call)
    return ast.Assert(test=test, msg=None) if test is not None else None


def assertion_name(call: ast.expr, owner: str = "self") -> str | None:
    """``assertEqual`` of ``self.assertEqual(...)``; None for any other expression."""
    func = call.func if isinstance(call, ast.Call) else None
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == owner:
        return func.attr if func.attr.startswith("assert") else None
    return None


def raises_context(call: ast.expr, owner: str = "self") -> ast.expr | None:
    """``pytest.raises(E)`` for ``self.assertRaises(E)`` as a context manager; None for any other expression."""
    name = assertion_name(call, owner)
    if not isinstance(call, ast.Call) or name not in _RAISES or len(call.args) != _RAISES[name]:
        return None
    return _filled("pytest.raises({0})" if name == "assertRaises" else "pytest.raises({0}, match={1})", call.args)


def _one(name: str, value: ast.expr) -> ast.expr:
    """What is asserted of one value; built, not parsed, because most assertions of real suites are of the common kinds."""
    if name == "assertTrue":
        return value
    if name == "assertFalse":
        return ast.UnaryOp(ast.Not(), value)
    return ast.Compare(value, [ast.Is() if name == "assertIsNone" else ast.IsNot()], [ast.Constant(None)])


def _raising(name: str, call: ast.Call) -> ast.stmt | None:
    """``assertRaises(E, f, x)`` as a block."""
    count = _RAISES[name]
    if len(call.args) <= count:
        return None
    context = raises_context(ast.Call(call.func, call.args[:count], []), _owner(call))
    if context is None:
        return None
    called, arguments = call.args[count], call.args[count + 1 :]
    if isinstance(called, ast.Lambda) and not arguments and not call.keywords and not called.args.args:
        action: ast.expr = called.body
    else:
        action = ast.Call(called, arguments, call.keywords)
    return ast.With([ast.withitem(context, None)], [ast.Expr(action)], lineno=0)


def _owner(call: ast.Call) -> str:
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    return value.id if isinstance(value, ast.Name) else ""


def _values(name: str, call: ast.Call) -> list[ast.expr] | None:
    """The compared values, positional or by keyword; None where too few are given. Messages are left out."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    keys = (("expr", "obj"),) if name in _ONE else (("first", "member", "list1", "obj"), ("second", "container", "list2", "cls"))
    found = list(call.args[: len(keys)])
    for choices in keys[len(found) :]:
        value = next((named[key] for key in choices if key in named), None)
        if value is None:
            return None
        found.append(value)
    return found


def _filled(form: str, values: Sequence[ast.expr]) -> ast.expr:
    """The expression with its places taken by syntax trees."""
    tree = ast.parse(form.format(*(f"_place_{k}" for k in range(len(values)))), mode="eval").body
    places = {f"_place_{k}": value for k, value in enumerate(values)}

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return places.get(node.id, node)

    filled: ast.expr = Fill().visit(tree)
    return filled


def has_no_identity(value: ast.expr) -> bool:
    """A number, text or display: Python itself warns of ``is`` beside one."""
    constant = isinstance(value, ast.Constant) and value.value not in (None, ...) and not isinstance(value.value, bool)
    return constant or isinstance(value, ast.List | ast.Tuple | ast.Dict | ast.Set)


def _almost(values: Sequence[ast.expr], call: ast.Call) -> ast.expr | None:
    return _tolerant(values, call, "round(abs({0} - {1}), {2}) == 0", "abs({0} - {1}) <= {2}")


def _not_almost(values: Sequence[ast.expr], call: ast.Call) -> ast.expr | None:
    return _tolerant(values, call, "round(abs({0} - {1}), {2}) != 0", "abs({0} - {1}) > {2}")


def _tolerant(values: Sequence[ast.expr], call: ast.Call, places: str, delta: str) -> ast.expr | None:
    """Values without a finite difference are equal to unittest when they are the same, which these forms do not say: None."""
    if any("inf" in ast.unparse(value).lower() for value in values):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if "delta" in named:
        return _filled(delta, [*values, named["delta"]])
    given = call.args[2] if len(call.args) > 2 else named.get("places", ast.Constant(7))
    return _filled(places, [*values, given])


def _same_items(values: Sequence[ast.expr], _: ast.Call) -> ast.expr | None:
    """assertCountEqual: by sorting, where one side is a literal whose items have one order."""
    return _filled("sorted({0}) == sorted({1})", values) if any(map(_has_order, values)) else None


def _has_order(node: ast.expr) -> bool:
    try:
        items = list(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError):
        return False
    kinds = {type(item) for item in items}
    return all(isinstance(item, _SORTABLE) for item in items) and (len(kinds) <= 1 or not kinds & {str})


_SPECIAL: dict[str, Callable[[Sequence[ast.expr], ast.Call], ast.expr | None]] = {
    "assertAlmostEqual": _almost,
    "assertAlmostEquals": _almost,
    "assertNotAlmostEqual": _not_almost,
    "assertCountEqual": _same_items,
}

"""Behaviour-preserving changes of one function, each small and ordinary. Changes ast nodes in place; chooses no mixture.

None adds a call, a frame or a loop iteration, or changes what is evaluated in which order. A rewrite gets the statements that
it may touch and says whether it found something to do.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.mutation.scopes import Block, Function, blocks, header, renamable, rename

WORDS = (
    "amount base bound cache chunk code cost count current cursor data delta depth done entry extra factor first flag found "
    "group head height index info initial item key label last left length level limit low mark maximum minimum mode names "
    "number offset order other outcome output pair part pivot place point position prefix previous queue rank ratio ready "
    "remaining result right root row scale score seen segment shift size source span start state step store tail target temp "
    "threshold total unit upper value values weight width window words"
)


@dataclass(frozen=True, slots=True)
class Site:
    """One function under change.

    Attributes:
        function: Changed in place.
        rng: Decides everything.
        used: Names no new local may have; grows.
    """

    function: Function
    rng: random.Random
    used: set[str]

    def fresh(self) -> str:
        """A plausible name that nothing in the module has."""
        free = [word for word in WORDS.split() if word not in self.used]
        name = self.rng.choice(free) if free else f"{self.rng.choice(WORDS.split())}_{len(self.used)}"
        self.used.add(name)
        return name

    def place(self, statement: ast.stmt) -> tuple[Block, int]:
        """The block that holds a statement, and where in it."""
        block = next(block for block in blocks(self.function) if any(other is statement for other in block))
        return block, next(index for index, other in enumerate(block) if other is statement)

    def insert_before(self, statement: ast.stmt, *new: ast.stmt) -> None:
        """Put statements in front of one."""
        block, index = self.place(statement)
        block[index:index] = new


Rewrite = Callable[[Site, Sequence[ast.stmt]], bool]


def assign_dead(site: Site, among: Sequence[ast.stmt]) -> bool:
    """Assign a constant to a new local that nobody reads."""
    site.insert_before(site.rng.choice(among), _assign(site.fresh(), _value(site.rng)))
    return True


def assign_and_delete(site: Site, among: Sequence[ast.stmt]) -> bool:
    """Assign a new local and delete it at once; safe where a function looks at its own locals."""
    name = site.fresh()
    gone = ast.Delete([ast.Name(name, ast.Del())])
    site.insert_before(site.rng.choice(among), _assign(name, _value(site.rng)), gone)
    return True


def name_value(site: Site, among: Sequence[ast.stmt]) -> bool:
    """``return E`` or ``a = E`` by way of a new local."""
    found = [node for node in among if isinstance(node, (ast.Return, ast.Assign)) and node.value is not None]
    if not found:
        return False
    node = site.rng.choice(found)
    name = site.fresh()
    if node.value is not None:
        site.insert_before(node, _assign(name, node.value))
    node.value = _load(name)
    return True


def name_constant(site: Site, among: Sequence[ast.stmt]) -> bool:
    """A number or text of a statement by way of a new local."""
    found = [
        (statement, parent, node)
        for statement in among
        for parent, node in header(statement)
        if isinstance(node, ast.Constant) and type(node.value) in {int, float, str} and not isinstance(parent, ast.Expr)
    ]
    if not found:
        return False
    statement, parent, node = site.rng.choice(found)
    name = site.fresh()
    site.insert_before(statement, _assign(name, node))
    _replace(parent, node, _load(name))
    return True


def wrap_tail(site: Site, among: Sequence[ast.stmt]) -> bool:
    """The rest of the body under a condition that holds, by a new local."""
    body = site.function.body
    starts = [index for index, node in enumerate(body) if any(node is one for one in among)]
    starts = [start for start in starts if not any(isinstance(node, (ast.Global, ast.Nonlocal)) for node in body[start:])]
    if not starts:
        return False
    start = site.rng.choice(starts)
    name = site.fresh()
    value, test = _holding(site.rng, name)
    body[start:] = [_assign(name, value), ast.If(test, body[start:], [])]
    return True


def guard_loop(site: Site, among: Sequence[ast.stmt]) -> bool:
    """``while C`` as ``while flag and C``, with a new local that stays true."""
    found = [node for node in among if isinstance(node, ast.While)]
    if not found:
        return False
    node = site.rng.choice(found)
    name = site.fresh()
    site.insert_before(node, _assign(name, ast.Constant(True)))
    node.test = ast.BoolOp(ast.And(), [_load(name), node.test])
    return True


def swap_branches(site: Site, among: Sequence[ast.stmt]) -> bool:
    """``if C: A else: B`` as ``if not C: B else: A``, or the same of a conditional expression."""
    found: list[ast.If | ast.IfExp] = [node for node in among if isinstance(node, ast.If) and node.orelse]
    found += [node for statement in among for _, node in header(statement) if isinstance(node, ast.IfExp)]
    if not found:
        return False
    node = site.rng.choice(found)
    if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        node.test = node.test.operand
    else:
        node.test = ast.UnaryOp(ast.Not(), node.test)
    node.body, node.orelse = node.orelse, node.body
    return True


def add_else(site: Site, among: Sequence[ast.stmt]) -> bool:
    """An ``else: pass`` where there is none. Other source, mostly the same bytecode."""
    found = [node for node in among if isinstance(node, (ast.If, ast.For, ast.AsyncFor, ast.While)) and not node.orelse]
    if not found:
        return False
    site.rng.choice(found).orelse = [ast.Pass()]
    return True


def rename_locals(site: Site, among: Sequence[ast.stmt]) -> bool:
    """Other names for some locals."""
    names = renamable(site.function)
    for name in site.rng.sample(names, site.rng.randint(1, len(names))) if names and among else []:
        rename(site.function, name, site.fresh())
    return bool(names)


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _value(rng: random.Random) -> ast.expr:
    number = rng.choice([rng.randint(0, 12), rng.randint(13, 1000), 0.5 * rng.randint(0, 9)])
    values: list[ast.expr] = [ast.Constant(number), ast.Constant(number), ast.Constant(rng.choice([None, True, False]))]
    values += [ast.Constant(rng.choice(["", " ", ",", rng.choice(WORDS.split())])), ast.List([], ast.Load()), ast.Dict([], [])]
    return rng.choice(values)


def _holding(rng: random.Random, name: str) -> tuple[ast.expr, ast.expr]:
    number = rng.randint(1, 20)
    compare = rng.choice([ast.Gt(), ast.NotEq(), ast.GtE()])
    return rng.choice(
        [
            (ast.Constant(True), _load(name)),
            (ast.Constant(number), ast.Compare(_load(name), [compare], [ast.Constant(rng.randint(0, number - 1))])),
            (ast.Constant(None), ast.Compare(_load(name), [ast.Is()], [ast.Constant(None)])),
            (ast.List([], ast.Load()), ast.UnaryOp(ast.Not(), _load(name))),
        ]
    )


def _replace(parent: ast.AST, old: ast.expr, new: ast.expr) -> None:
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if child is old else child for child in value]

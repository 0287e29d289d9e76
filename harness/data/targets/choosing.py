"""Owns which functions of a module are to be tested, and why the others are not. Pure."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.core.errors import HarnessError
from harness.data.harvest.modules import Function, functions, last_name
from harness.data.targets.target import Target

_STATIC = frozenset({"property", "cached_property", "setter", "overload", "abstractmethod", "deleter"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One function or method to be tested.

    Attributes:
        name: ``function`` or ``Class.method``.
        definition: The function, or the class of a method: what is cut out.
    """

    name: str
    definition: Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One that is not tested, and why."""

    name: str
    reason: str


def choose(target: Target) -> tuple[list[Wanted], list[LeftOut]]:
    """The functions that a target asks for, in order of the file.

    Raises:
        HarnessError: BAD_INPUT where the file has no function of the name that was asked for, or none at all.
    """
    if target.asked is not None:
        return _named(target, target.asked), []
    wanted: list[Wanted | LeftOut] = []
    reasons = {id(function): reason for function, reason in functions(target.module)}
    for statement in target.module.body:
        if isinstance(statement, Function):
            reason = reasons[id(statement)]
            wanted.append(LeftOut(statement.name, reason) if reason else Wanted(statement.name, statement))
        elif isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            wanted += _methods(statement)
    # A private function is nobody's business unless it is named: it is not worth a line.
    named = [one for one in wanted if not (isinstance(one, LeftOut) and one.reason == "private")]
    if not named:
        raise _nothing(target)
    return [one for one in named if isinstance(one, Wanted)], [one for one in named if isinstance(one, LeftOut)]


def _methods(owner: ast.ClassDef) -> Iterator[Wanted | LeftOut]:
    """The public methods of a class, of several of one name the last."""
    last = {inner.name: inner for inner in owner.body if isinstance(inner, Function)}
    for inner in owner.body:
        if isinstance(inner, Function) and last[inner.name] is inner and not inner.name.startswith("_"):
            name = f"{owner.name}.{inner.name}"
            if any(last_name(one) in _STATIC for one in inner.decorator_list):
                yield LeftOut(name, "a property, an overload or abstract")
            else:
                yield Wanted(name, owner)


def _named(target: Target, name: str) -> list[Wanted]:
    tops = {s.name: s for s in target.module.body if isinstance(s, Function | ast.ClassDef)}
    head, _, method = name.partition(".")
    found = tops.get(head)
    if isinstance(found, ast.ClassDef):
        if not method:
            return _of_class(target, found)
        if any(isinstance(s, Function) and s.name == method for s in found.body):
            return [Wanted(name, found)]
    elif found is not None and not method:
        return [Wanted(name, found)]
    raise _unknown(target, name, tops)


def _of_class(target: Target, owner: ast.ClassDef) -> list[Wanted]:
    methods = [one for one in _methods(owner) if isinstance(one, Wanted)]
    if not methods:
        why = "it defines no public method that is neither a property nor abstract"
        raise HarnessError(f"{target.file}::{owner.name} has nothing to test", why=why, fix="name a function, or another class")
    return methods


def _nothing(target: Target) -> HarnessError:
    """What is said of a file in which nothing is public."""
    tops = {s.name: s for s in target.module.body if isinstance(s, Function | ast.ClassDef)}
    private = [name for name, top in tops.items() if isinstance(top, Function)] + _every_method(tops)
    why, fix = "it defines no function, and no class with a method", "name another file"
    if private:
        why = "all its functions and methods are private"
        fix = f"name one, and it is tested: {target.file.name}::{private[0]}"
    return HarnessError(f"{target.file} has nothing to test", why=why, fix=fix)


def _every_method(tops: dict[str, Function | ast.ClassDef]) -> list[str]:
    classes = (s for s in tops.values() if isinstance(s, ast.ClassDef))
    return [f"{s.name}.{inner.name}" for s in classes for inner in s.body if isinstance(inner, Function)]


def _unknown(target: Target, name: str, tops: dict[str, Function | ast.ClassDef]) -> HarnessError:
    every = [*(one.name for one in tops.values()), *_every_method(tops)]
    near = difflib.get_close_matches(name, every, 5, 0.5)
    inner = any(isinstance(n, Function) and n.name == name for n in ast.walk(ast.Module(target.module.body, [])))
    why = (
        "it is defined inside another function" if inner and name not in every else "no top-level function or method is named so"
    )
    shown = ", ".join(near or every[:8])
    fix = f"name one of: {shown}" if shown else "name another file"
    return HarnessError(f"{target.file} has no function {name!r}", why=why, fix=fix)

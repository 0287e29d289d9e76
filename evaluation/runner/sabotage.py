"""Breaks the function under test on purpose: a test that passes on every broken version checks nothing.

After the idea of pseudo-tested methods: Niedermayr, Juergens, Wagner, "Will my tests tell me if I break this code?" (CSED 2016),
which replaces a body by a constant; here the results are also deterministic, so that comparing the function with itself passes.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from evaluation.runner.wrong import NUMBER, Wrong

ANSWERS = "__answers__"  # a global of every version of the module, so that it gives none away
KINDS = ("true", "false", "none", "changed")
Function = Callable[..., Any]


def sabotage(module: types.ModuleType, entry_point: str, kind: str) -> None:
    """Replace the function, the class, or the method of a class in `module`.

    Args:
        module: The imported module under test; its global `ANSWERS` gets what the replacements return.
        entry_point: ``f``, ``C`` or ``C.m``.
        kind: ``true`` and ``false`` return a `Wrong` of that truth without calling the function, ``none`` returns None,
            ``changed`` calls it and changes what comes back to another value of the same type.
    """
    name, _, method = entry_point.partition(".")
    original = getattr(module, name)
    saboteur = _Saboteur(module, kind)
    if method:
        saboteur.break_method(original, method)
    elif not isinstance(original, type):
        setattr(module, name, saboteur.broken(original))
    elif kind in {"true", "false"}:
        setattr(module, name, Wrong(kind == "true", name))
    else:
        saboteur.break_class(original)


class _Saboteur:
    """Makes the replacements of one module.

    They are functions of that module, without a closure and with the name, text and signature of the original: a test that
    looks at no more than these checks nothing.
    """

    def __init__(self, module: types.ModuleType, kind: str) -> None:
        self._module = module
        self._kind = kind

    def break_class(self, owner: type) -> None:
        for name, value in list(vars(owner).items()):
            if not name.startswith("__") and (callable(value) or isinstance(value, (staticmethod, classmethod, property))):
                self.break_method(owner, name)

    def break_method(self, owner: type, name: str) -> None:
        value = inspect.getattr_static(owner, name)
        if isinstance(value, property):
            broken: object = property(self.broken(value.fget), value.fset, value.fdel) if value.fget else value
        elif isinstance(value, (staticmethod, classmethod)):
            broken = type(value)(self.broken(value.__func__))
        else:
            broken = self.broken(value)
        setattr(owner, name, broken)

    def broken(self, function: Function) -> Function:
        signature = _signature(function)
        waiting = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inspect.unwrap(function))
        answers: list[Function] = self._module.__dict__[ANSWERS]
        changed = self._kind == "changed"
        answers.append(_altered(function, waiting=waiting) if changed else _constant(self._kind, signature))
        start, wait = ("async ", "await " if changed else "") if waiting else ("", "")
        text = f"{start}def broken(*args, **kwargs):\n    return {wait}{ANSWERS}[{len(answers) - 1}](args, kwargs)\n"
        made: dict[str, Function] = {}
        exec(compile(text, self._module.__file__ or "", "exec"), self._module.__dict__, made)  # noqa: S102 - made here
        return _disguised(made["broken"], function, signature)


def _altered(function: Function, *, waiting: bool) -> Function:
    async def altered_coroutine(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _changed(await function(*args, **kwargs))

    def altered(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _changed(function(*args, **kwargs))

    return altered_coroutine if waiting else altered


def _constant(kind: str, signature: inspect.Signature | None) -> Function:
    """Knows the signature alone: a test that digs for the function finds none to compare with."""

    def constant(args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        given: object = (args, kwargs)
        if signature is not None:
            bound = signature.bind(*args, **kwargs)  # raises TypeError as the function itself would
            bound.apply_defaults()
            given = tuple((name, _described(value)) for name, value in bound.arguments.items())
        return None if kind == "none" else Wrong(kind == "true", given)

    return constant


def _described(value: object) -> object:
    """Something equal for equal objects, `self` above all, also where their class compares by identity."""
    if type(value).__eq__ is not object.__eq__ or isinstance(value, type):
        return value
    return type(value).__name__, getattr(value, "__dict__", None)


def _signature(function: Function) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _disguised(broken: Function, function: Function, signature: inspect.Signature | None) -> Function:
    functools.update_wrapper(broken, function)
    del broken.__dict__["__wrapped__"]
    if signature is not None:
        broken.__dict__["__signature__"] = signature
    return broken


@functools.singledispatch
def _changed(value: Any) -> Any:
    """Another value of the same type, always the same for the same value."""
    return Wrong(True, "changed", repr(type(value)))


@_changed.register
def _(value: bool) -> bool:
    return not value


@_changed.register(int)
@_changed.register(float)
@_changed.register(complex)
def _(value: Any) -> Any:
    changed = value + NUMBER
    return changed if changed != value == value else type(value)(NUMBER)  # inf, nan and 1e30 swallow the sum


@_changed.register
def _(value: str) -> str:
    return value + "wrong"


@_changed.register
def _(value: bytes) -> bytes:
    return value + b"wrong"


@_changed.register
def _(value: list) -> list[Any]:  # type: ignore[type-arg]
    return [*map(_changed, value), "wrong"]


@_changed.register
def _(value: tuple) -> tuple[Any, ...]:  # type: ignore[type-arg]
    return tuple(map(_changed, value)) or ("wrong",)


@_changed.register
def _(value: dict) -> dict[Any, Any]:  # type: ignore[type-arg]
    return {key: _changed(item) for key, item in value.items()} or {"wrong": "wrong"}


@_changed.register(set)
@_changed.register(frozenset)
def _(value: Any) -> Any:
    return value | {"wrong"}

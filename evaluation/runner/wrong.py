"""A value that is never right: what a sabotaged function returns.

It takes part in any expression without raising, so that a test fails on it by a check or not at all, and it is equal only to
what was made in the same way: ``f(1) == f(1)`` stays true, ``f(f(1)) == f(1)`` does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

NUMBER = 982451653
UNARY = ("neg", "pos", "abs", "invert", "ceil", "floor", "trunc", "aenter", "enter")
BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift", "divmod",
    "getitem", "round",
)  # fmt: skip
PLAIN = frozenset({"getitem", "round"})  # without a reflected form


class Wrong:
    """See the module.

    Args:
        true: Its truth value, and the opposite of what every comparison of order says.
        how: What it was made of; compared for equality.
    """

    __slots__ = ("_how", "_true")

    def __init__(self, true: bool, *how: object) -> None:
        self._true = true
        self._how = how

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Wrong):
            return NotImplemented
        return self._how == other._how

    def __hash__(self) -> int:
        return NUMBER

    def __bool__(self) -> bool:
        return self._true

    def __len__(self) -> int:
        return int(self._true)

    def __iter__(self) -> Iterator[Wrong]:
        return iter([Wrong(self._true, "item", self)] if self._true else [])

    def __next__(self) -> Wrong:
        return Wrong(self._true, "next", self)

    async def __aiter__(self) -> AsyncIterator[Wrong]:
        for item in self:
            yield item

    def __await__(self) -> Generator[None, None, Wrong]:
        yield from ()
        return Wrong(self._true, "await", self)

    def __contains__(self, item: object) -> bool:
        return not self._true

    def __int__(self) -> int:
        return NUMBER

    def __index__(self) -> int:
        return NUMBER

    def __float__(self) -> float:
        return float(NUMBER)

    def __complex__(self) -> complex:
        return complex(NUMBER)

    def __bytes__(self) -> bytes:
        return b"wrong"

    def __repr__(self) -> str:
        return f"Wrong({', '.join(type(part).__name__ for part in self._how)})"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __call__(self, *args: object, **kwargs: object) -> Wrong:
        """Another one."""
        return Wrong(self._true, "call", self, args, kwargs)

    def __getattr__(self, name: str) -> Wrong:
        if name.startswith("__"):
            raise AttributeError(name)
        return Wrong(self._true, "attribute", self, name)

    def __setitem__(self, key: object, value: object) -> None:
        """Nothing."""

    def __delitem__(self, key: object) -> None:
        """Nothing."""

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Nothing."""


def _unary(name: str) -> Callable[[Wrong], Wrong]:
    return lambda self: Wrong(self._true, name, self)


def _binary(name: str) -> Callable[..., Wrong]:
    return lambda self, *other: Wrong(self._true, name, self, other)


def _order(self: Wrong, other: object) -> bool:
    return not self._true


for _name in UNARY:
    setattr(Wrong, f"__{_name}__", _unary(_name))
for _name in BINARY:
    setattr(Wrong, f"__{_name}__", _binary(_name))
    if _name not in PLAIN:
        setattr(Wrong, f"__r{_name}__", _binary(f"r{_name}"))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Wrong, f"__{_name}__", _order)

"""Counts the bytes of all tensors alive, at every operation, and names what they are.

Works on real and on fake tensors alike: it follows the life of storages, not of tensors, so views are free. Knows
nothing of models.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ROUNDING = 512
"""Source: torch, c10/cuda/CUDACachingAllocator.cpp, kMinBlockSize."""
REST = "the rest"
_DEVICE = torch.ops.prim.device.default


class LiveBytes(TorchDispatchMode):  # type: ignore[misc]
    """A dispatch mode that follows every storage made below it.

    Attributes:
        live: Bytes alive now.
        peaks: Most bytes alive in each phase.
        names: The operation at which each phase reached its peak.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peaks: dict[str, int] = {}
        self.names: dict[str, str] = {}
        self._phase: str | None = None
        self._open: dict[int, tuple[weakref.ref[Any], int]] = {}  # address -> a reference that notes the end, number
        self._numbers = 0
        self._log: list[tuple[int, int]] = []  # (number, bytes), -1 where a storage goes
        self._marks: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and note what it made."""
        if func is _DEVICE and isinstance(args[0], FakeTensor):
            return args[0].fake_device  # a third of all calls, and they make nothing
        out = func(*args, **(kwargs or {}))
        before = self._numbers
        for leaf in (out,) if isinstance(out, torch.Tensor) else tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self.follow(leaf)
        if self._numbers != before and self._phase is not None and self.live > self.peaks[self._phase]:
            self.peaks[self._phase] = self.live
            self._marks[self._phase] = len(self._log)
            self.names[self._phase] = str(func)
        return out

    def follow(self, tensor: torch.Tensor, name: str | None = None) -> None:
        """Count a tensor's storage from now on, if it is new, and say what it is."""
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address not in self._open:
            size = -(-storage.nbytes() // ROUNDING) * ROUNDING
            self._open_storage(storage, address, size)
        if name is not None:
            self._names[self._open[address][1]] = name

    def forget(self, tensor: torch.Tensor) -> None:
        """Stop counting a tensor's storage: it is on another device."""
        storage = tensor.untyped_storage()
        opened = self._open.get(storage._cdata)
        if opened is not None:
            self._close(storage._cdata, opened[1], -(-storage.nbytes() // ROUNDING) * ROUNDING)

    def name_rest(self, name: str) -> None:
        """Give everything alive that has no name this one."""
        for _, number in self._open.values():
            self._names.setdefault(number, name)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Keep a peak of its own for what runs inside."""
        self._phase = name
        if self.live > self.peaks.get(name, -1):
            self.peaks[name], self._marks[name], self.names[name] = self.live, len(self._log), "start"
        try:
            yield
        finally:
            self._phase = None

    def terms(self, phase: str) -> Mapping[str, int]:
        """Bytes by name at the peak of a phase."""
        alive: dict[int, int] = {}
        for number, size in self._log[: self._marks[phase]]:
            if size < 0:
                del alive[number]
            else:
                alive[number] = size
        sums: Counter[str] = Counter()
        for number, size in alive.items():
            sums[self._names.get(number, REST)] += size
        return dict(sums)

    def _open_storage(self, storage: Any, address: int, size: int) -> None:
        number = self._numbers
        self._numbers += 1
        self.live += size
        self._log.append((number, size))
        self._open[address] = (weakref.ref(storage, self._closer(address, number, size)), number)

    def _closer(self, address: int, number: int, size: int) -> Callable[[Any], None]:
        def close(_: Any) -> None:
            if self._open.get(address, (None, None))[1] == number:
                self._close(address, number, size)

        return close

    def _close(self, address: int, number: int, size: int) -> None:
        self.live -= size
        self._log.append((number, -1))
        del self._open[address]

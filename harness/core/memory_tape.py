"""A tape of tensor sizes: what is alive while a piece of a model runs forward and backward. Integer arithmetic only.

Owns the bookkeeping that Python and autograd do: a forward frees what nobody needs any more, a backward runs the tape from
its end (`memory_gradients`). Knows nothing of models; `memory_block` and `memory_loss` write the tapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.core.memory_gradients import Gradients

Tensors = tuple[int, ...]


class Scratch(NamedTuple):
    """Bytes that an operation takes while it runs, beside its inputs, results and gradients."""

    ahead: int = 0
    back: int = 0


class Node(NamedTuple):
    """One differentiable operation; `through`: the gradient passes unchanged, no new tensor is made."""

    outputs: Tensors
    inputs: Tensors
    saves: Tensors
    scratch: Scratch
    through: bool


@dataclass(frozen=True, slots=True)
class Walk:
    """Bytes of one piece, its input included, weights not.

    Attributes:
        forward: Most that is alive while it runs forward and saves.
        saved: What its backward needs, alive from the forward on.
        kept: The part of `saved` that no checkpointing drops and no backward frees.
        backward: Most that is alive while it runs backward, `saved` and the incoming gradient included.
    """

    forward: int
    saved: int
    kept: int
    backward: int


_NONE = Scratch()


class Tape:
    """Operations in the order in which they run. Tensors are numbers; sizes are bytes; the first is the input."""

    __slots__ = ("_holds", "_kept", "_nodes", "_params", "_sizes", "_storages")

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._storages: list[int] = []
        self._nodes: list[Node] = []
        self._params: set[int] = set()
        self._kept: set[int] = set()
        self._holds: dict[int, Tensors] = {}

    def tensor(self, size: int) -> int:
        """A tensor from outside: the input of the piece."""
        number = len(self._sizes)
        self._sizes.append(size)
        self._storages.append(number)
        return number

    def param(self, size: int) -> int:
        """A trained weight; it lies elsewhere, its gradient is counted here."""
        number = self.tensor(size)
        self._params.add(number)
        return number

    def op(self, size: int, inputs: Tensors, saves: Tensors = (), *, own: int = 0, scratch: Scratch = _NONE) -> int:
        """A new tensor.

        Args:
            size: Its bytes.
            inputs: What it is made of and what gets a gradient.
            saves: What its backward reads.
            own: Bytes that it makes and saves beside: a mask, statistics.
            scratch: What it needs while it runs.
        """
        out = self.tensor(size)
        if own:
            extra = self.tensor(own)
            self._nodes.append(Node((out, extra), inputs, (*saves, extra), scratch, False))
        else:
            self._nodes.append(Node((out,), inputs, saves, scratch, False))
        return out

    def saving_itself(self, size: int, inputs: Tensors, saves: Tensors = (), *, own: int = 0, back: int = 0) -> int:
        """A new tensor that its own backward reads."""
        return self.op(size, inputs, (*saves, len(self._sizes)), own=own, scratch=Scratch(0, back))

    def add(self, first: int, second: int) -> int:
        """A sum: one new tensor forward, none backward."""
        out = self.tensor(self._sizes[first])
        self._nodes.append(Node((out,), (first, second), (), _NONE, True))
        return out

    def views(self, whole: int, sizes: Sequence[int]) -> Tensors:
        """Parts of a tensor that share its storage; their gradients are joined into one of the whole."""
        parts = tuple(self._view(whole, size) for size in sizes)
        self._nodes.append(Node(parts, (whole,), (), _NONE, False))
        return parts

    def slices(self, whole: int, sizes: Sequence[int]) -> Tensors:
        """The same, cut one by one: each gradient is padded to the size of the whole before they are summed."""
        parts = tuple(self._view(whole, size) for size in sizes)
        self._nodes.extend(Node((part,), (whole,), (), _NONE, False) for part in parts)
        return parts

    def keep(self, tensor: int) -> None:
        """Kept as an attribute of its node: seen by no hook, freed with the graph alone."""
        self._kept.add(self._storages[tensor])

    def hold(self, tensor: int, user: int) -> None:
        """A name in the code keeps `tensor` until `user` is made."""
        self._holds[user] = (*self._holds.get(user, ()), tensor)

    def walk(self, *, accumulating: bool) -> Walk:
        """Run the tape forward and backward.

        Args:
            accumulating: Gradients of earlier micro-batches are there; otherwise they appear here and stay.
        """
        saved = {self._storages[t] for node in self._nodes for t in node.saves} | self._kept
        total = sum(self._sizes[t] for t in saved)
        kept = sum(self._sizes[t] for t in self._kept)
        gradients = Gradients(self._sizes, self._storages, self._params, self._kept)
        return Walk(self._forward(saved), total, kept, gradients.run(self._nodes, total, accumulating))

    def unsaving(self) -> int:
        """Most that is alive while it runs forward and saves nothing."""
        return self._forward(set())

    def _view(self, whole: int, size: int) -> int:
        part = self.tensor(size)
        self._storages[part] = self._storages[whole]
        return part

    def _forward(self, staying: set[int]) -> int:
        sizes, storages = self._sizes, self._storages
        leaving = self._leaving(staying | self._params)
        live = peak = sizes[0]
        for index, node in enumerate(self._nodes):
            for t in node.outputs:
                if storages[t] == t:
                    live += sizes[t]
            if live + node.scratch.ahead > peak:
                peak = live + node.scratch.ahead
            live -= leaving[index]
        return peak

    def _leaving(self, staying: set[int]) -> list[int]:
        """Bytes that go after each operation: those of which it is the last user."""
        storages, last = self._storages, {}
        for index, node in enumerate(self._nodes):
            for t in node.inputs:
                last[storages[t]] = index
            for t in self._holds.get(node.outputs[0], ()):
                last[storages[t]] = index
        leaving = [0] * len(self._nodes)
        for storage, index in last.items():
            if storage not in staying:
                leaving[index] += self._sizes[storage]
        return leaving

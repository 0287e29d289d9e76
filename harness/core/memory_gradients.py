"""One backward over a tape of tensor sizes: what autograd makes and frees, node by node, from the last to the first.

Owns the life of gradients and of saved tensors. The tape itself is `harness.core.memory_tape`'s.
Source: torch/csrc/autograd, engine.cpp (order of nodes, `release_variables`) and input_buffer.cpp (gradients of one tensor are
added in place unless somebody else holds the buffer).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.core.memory_tape import Node

Buffer = list[int]
"""Bytes of a gradient and its number of holders."""


class Gradients:
    """The state of one backward.

    Args:
        sizes: Bytes of each tensor.
        storages: The tensor whose storage each tensor shares.
        params: Trained weights.
        kept: Storages that the backward does not free.
    """

    __slots__ = ("_buffers", "_kept", "_live", "_params", "_peak", "_sizes", "_storages")

    def __init__(self, sizes: Sequence[int], storages: Sequence[int], params: set[int], kept: set[int]) -> None:
        self._sizes, self._storages, self._params, self._kept = sizes, storages, params, kept
        self._buffers: dict[int, Buffer] = {}
        self._live = self._peak = 0

    def run(self, nodes: Sequence[Node], saved: int, accumulating: bool) -> int:
        """The most bytes alive, `saved` and the gradient of the last output included."""
        readers = self._readers(nodes)
        root = nodes[-1].outputs[0]
        self._buffers[root] = [self._sizes[root], 1]
        self._live = self._peak = saved + self._sizes[root]
        for node in reversed(nodes):
            self._node(node, accumulating)
            for t in node.saves:
                storage = self._storages[t]
                readers[storage] -= 1
                if not readers[storage] and storage not in self._kept:
                    self._live -= self._sizes[storage]
        return self._peak

    def _readers(self, nodes: Sequence[Node]) -> dict[int, int]:
        """How many nodes saved each storage."""
        readers: dict[int, int] = {}
        for node in nodes:
            for t in node.saves:
                storage = self._storages[t]
                readers[storage] = readers.get(storage, 0) + 1
        return readers

    def _node(self, node: Node, accumulating: bool) -> None:
        incoming = [self._buffers.pop(t) for t in node.outputs if t in self._buffers]
        if not incoming:
            return
        if node.through:
            for t in node.inputs:
                incoming[0][1] += 1
                self._give(t, incoming[0])
        else:
            self._make(node, accumulating)
        for buffer in incoming:
            self._release(buffer)

    def _make(self, node: Node, accumulating: bool) -> None:
        for t in node.inputs:
            self._live += self._sizes[t]
        self._peak = max(self._peak, self._live + node.scratch.back)
        for t in node.inputs:
            if t not in self._params:
                self._give(t, [self._sizes[t], 1])
            elif accumulating:
                self._live -= self._sizes[t]

    def _give(self, t: int, buffer: Buffer) -> None:
        held = self._buffers.get(t)
        if held is None:
            self._buffers[t] = buffer
            return
        if held[1] > 1:
            self._live += self._sizes[t]
            self._peak = max(self._peak, self._live)
            self._release(held)
            self._buffers[t] = [self._sizes[t], 1]
        self._release(buffer)

    def _release(self, buffer: Buffer) -> None:
        buffer[1] -= 1
        if not buffer[1]:
            self._live -= buffer[0]

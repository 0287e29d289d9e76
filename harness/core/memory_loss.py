"""The last norm, the language-model head and the loss as a tape of tensor sizes.

Owns what a loss path allocates. Blocks are `harness.core.memory_block`'s.
"""

from __future__ import annotations

from harness.core.memory_block import BlockTape
from harness.core.memory_tape import Scratch
from harness.core.workload import LossPath, Workload

_TILE_TOKENS = 4096
_TILE_VOCABULARY = 32768
_HOST_TILE_BYTES = 29
"""Measured: fp32 copies of a tile, per value, in TRL's fallback for devices without Triton."""


class HeadTape(BlockTape):
    """Writes what follows the last block."""

    def head(self, workload: Workload) -> None:
        """From the last block's output to the loss."""
        x = self.tape.tensor(self.width(self.shape.hidden_size))
        normed = self.norm(x, self.shape.hidden_size)
        if workload.loss_path is LossPath.FUSED:
            self._fused_head(normed)
        elif workload.loss_path is LossPath.LOGITS:
            self._logits(normed, self.tokens, shifted=True)
        else:
            labelled = self.batch * min(self.length, workload.completion_tokens)
            positions = self.batch * max(1, min(self.length - 1, labelled))
            picked = self.tape.op(positions * self.shape.hidden_size * self.compute, (normed,))
            self._logits(picked, positions, shifted=False)

    def _fused_head(self, normed: int) -> None:
        """Source: trl/trainer/utils.py `_fused_forward`, trl/kernels/chunked_logprob.py `ChunkedLogProbFunction`."""
        tape, hidden = self.tape, self.shape.hidden_size
        positions = self.batch * max(1, self.length - 1)
        size = positions * hidden * self.compute
        (sliced,) = tape.slices(normed, (size,))
        picked = tape.op(size, (sliced,), own=2 * 8 * positions)
        tile = min(positions, _TILE_TOKENS) * _TILE_VOCABULARY * self.compute
        copies = (
            0 if self.cuda else min(positions, _TILE_TOKENS) * min(self.shape.vocab_size, _TILE_VOCABULARY) * _HOST_TILE_BYTES
        )
        sums = positions * hidden * 4
        loss = tape.op(
            4 * positions, (picked,), (picked,), own=16 * positions, scratch=Scratch(tile + copies, tile + copies + sums)
        )
        tape.hold(normed, loss)

    def _logits(self, x: int, positions: int, *, shifted: bool) -> None:
        """Source: transformers, ForCausalLMLoss; accelerate, ConvertOutputsToFp32 copies the logits that a model returns."""
        tape, values = self.tape, positions * self.shape.vocab_size
        small, wide = values * self.compute, values * 4
        logits = tape.op(small, (x,))
        log_softmax = tape.saving_itself(wide, (self.cast(logits, small, wide),))
        if shifted and self.autocast and self.cuda:
            copy = tape.op(wide, (logits,))
            tape.hold(log_softmax, copy)
        tape.op(4 * positions, (log_softmax,))

"""Which trainings benchmarks/memory_gpu.py runs: a seeded grid, and spaces for sweeps under a budget. No torch, no I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload

GIB = 1 << 30
STEPS = 3
"""The optimizer's state appears in the first step, so the second has the peak; the third is for certainty."""
DRAWS = 50
QUANTIZATIONS = (Quantization.NF4, Quantization.INT8, Quantization.NONE)
GPU_GRID = {"Qwen3-0.6B": 15, "Qwen2.5-Coder-7B": 10, "SmolLM2-135M": 6, "Qwen2.5-0.5B": 7, "Llama-3.2-1B": 6}
GPU_MOST_TOKENS = {"Qwen2.5-Coder-7B": 8192}
GPU_SWEEPS = ((4 * GIB, "Qwen3-0.6B"), (8 * GIB, "Qwen3-0.6B"), (16 * GIB, "Qwen2.5-Coder-7B"))
CPU_GRID = {"tiny-llama": 2, "tiny-qwen3": 2}
CPU_SWEEPS = ((GIB, "tiny-qwen3"),)
TINY = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "vocab_size": 16384,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
TINY_CONFIGS = {"tiny-llama": {**TINY, "model_type": "llama"}, "tiny-qwen3": {**TINY, "model_type": "qwen3"}}


@dataclass(frozen=True, slots=True)
class Case:
    """One training run.

    Attributes:
        model: Name of its config.
        workload: What is trained; all positions of all sequences count for the loss.
    """

    model: str
    workload: Workload

    @property
    def params(self) -> TrialParams:
        """The settings."""
        return self.workload.params


@dataclass(frozen=True, slots=True)
class Axes:
    """What a run is drawn from.

    Attributes:
        quantizations: How the base is held.
        batches: Sequences of a micro-batch.
        lengths: Tokens of a sequence.
        ranks: Of the adapters.
        paths: How logits become a loss.
        most_tokens: Of a micro-batch.
    """

    quantizations: tuple[Quantization, ...]
    batches: tuple[int, ...]
    lengths: tuple[int, ...]
    ranks: tuple[int, ...]
    paths: tuple[LossPath, ...]
    most_tokens: int


def axes(device: str, model: str) -> Axes:
    """The ranges of a model on a device."""
    if device == "cpu":
        paths = (LossPath.COMPLETION, LossPath.LOGITS)
        return Axes((Quantization.NONE,), (1, 2, 3, 4), tuple(range(64, 513, 64)), (4, 16, 64), paths, 1024)
    paths = (LossPath.FUSED, LossPath.LOGITS)
    most = GPU_MOST_TOKENS.get(model, 16384)
    return Axes(QUANTIZATIONS, (1, 2, 3, 4, 6, 8), tuple(range(256, 4097, 128)), (4, 8, 16, 32, 64, 128), paths, most)


def grid(device: str, seed: int, fits: Callable[[Case], bool]) -> list[Case]:
    """The runs of the comparison: models taken in turn, so that a run cut short still has them all.

    Args:
        device: ``cuda`` or ``cpu``.
        seed: Of what is drawn.
        fits: Whether the card as it is can hold a case; what does not is drawn again.
    """
    counts = CPU_GRID if device == "cpu" else GPU_GRID
    rows = [list(_stratified(axes(device, model), (model, count), seed, fits)) for model, count in counts.items()]
    return [row[i] for i in range(max(counts.values())) for row in rows if i < len(row)]


def draws(device: str, model: str, count: int, seed: int) -> list[Case]:
    """Proposals of a sweep, uniform over its space."""
    source, space = random.Random(f"{seed} {model}"), axes(device, model)
    return [_draw(source, space, model, source.random() < 0.5) for _ in range(count)]


def _stratified(space: Axes, wanted: tuple[str, int], seed: int, fits: Callable[[Case], bool]) -> Iterator[Case]:
    """Quantization and checkpointing in every combination, the rest drawn."""
    model, count = wanted
    source = random.Random(f"{seed} {model}")
    kinds = [(quantization, on) for quantization in space.quantizations for on in (True, False)]
    source.shuffle(kinds)
    for i in range(count):
        quantization, checkpointing = kinds[i % len(kinds)]
        tried = (_draw(source, space, model, checkpointing, (quantization,)) for _ in range(DRAWS))
        found = next((case for case in tried if fits(case)), None)
        if found is not None:
            yield found


def _draw(
    source: random.Random, space: Axes, model: str, checkpointing: bool, quantizations: Sequence[Quantization] = ()
) -> Case:
    length = source.choice(space.lengths)
    batches = [batch for batch in space.batches if batch * length <= space.most_tokens] or [1]
    params = TrialParams(
        r=source.choice(space.ranks),
        quantization=source.choice(quantizations or space.quantizations),
        per_device_train_batch_size=source.choice(batches),
        gradient_accumulation_steps=source.choice((1, 2)),
        max_length=length,
        max_steps=STEPS,
        gradient_checkpointing=checkpointing,
    )
    return Case(model, Workload(params, loss_path=source.choice(space.paths), completion_tokens=length))

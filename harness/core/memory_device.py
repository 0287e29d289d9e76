"""What a device adds to the memory a model needs by itself. Values only; measuring them is the guard's business."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What a device adds to a model's own needs.

    Attributes:
        kind: ``cuda`` or ``host``.
        compute_bytes: Bytes of a weight that is not quantized: 2 (bf16, fp16) or 4 (fp32).
        context_bytes: Taken before the first tensor: the CUDA context, or Python with torch, transformers, TRL, PEFT
            and bitsandbytes. Best measured once per machine.
        workspace_bytes: Scratch of the matrix library that stays allocated.
        fragmentation_percent: Of the phase's memory, what the allocator holds without using it, at least.
        recompute_fragmentation_percent: The same with gradient checkpointing.
        malloc_holes: In a training step the holes come from glibc's allocator and are counted in blocks of the model
            (`memory_host`); the percentages then hold for everything else.
    """

    kind: str
    compute_bytes: int
    context_bytes: int
    workspace_bytes: int
    fragmentation_percent: int
    recompute_fragmentation_percent: int
    malloc_holes: bool = False

    @classmethod
    def cuda(cls, compute_bytes: int = 2, context_bytes: int = 600 * _MIB) -> DeviceProfile:
        """A GPU.

        Source: contexts of 700-800 MiB in reports of 2020, less with lazy module loading (CUDA 12.2); cuBLAS
        workspace 32 MiB on sm90, 8.125 before (torch, CUDABlas.cpp); the fragmentation is a guess until measured.
        """
        return cls("cuda", compute_bytes, context_bytes, 32 * _MIB, 6, 6)

    @classmethod
    def host(cls, compute_bytes: int = 2) -> DeviceProfile:
        """A CPU with the allocator of glibc.

        Source: measured on real trials of SmolLM2-135M (torch 2.13, transformers 5.23, TRL 1.16, PEFT 0.21.2, bitsandbytes
        0.50.2, glibc 2.36): 521 MiB resident after the imports, about 86 MiB more from the first step on. The percentages
        are what the holes of `memory_host` were of the whole, for estimates that know no blocks.
        """
        plain, recomputing = (35, 80) if compute_bytes == 2 else (45, 140)
        return cls("host", compute_bytes, 521 * _MIB, 86 * _MIB, plain, recomputing, malloc_holes=True)

    @property
    def autocast(self) -> bool:
        """The trial trains under autocast wherever the weights have 16 bits."""
        return self.compute_bytes == 2

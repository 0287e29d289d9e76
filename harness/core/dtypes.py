"""Which number format a device computes in: one rule for the trial process, the estimate and the doctor. Pure."""

from __future__ import annotations

from harness.core.params import Quantization

BF16_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags in /proc/cpuinfo of processors that multiply bf16 in hardware; emulated it is many times slower than fp32."""


def bf16_flags(cpuinfo: str) -> tuple[str, ...]:
    """The flags of `BF16_CPU_FLAGS` in the text of /proc/cpuinfo, sorted; empty without hardware bf16."""
    flags = next((line.partition(":")[2] for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    return tuple(sorted(BF16_CPU_FLAGS.intersection(flags.split())))


def cpu_dtype(requested: str, quantization: Quantization, cpuinfo: str) -> str:
    """The dtype of weights and compute on a CPU.

    Args:
        requested: ``auto``, or a torch name that is taken as it is.
        quantization: nf4 computes in fp32 on a CPU: in bf16 bitsandbytes is many times slower on some of them.
        cpuinfo: The text of /proc/cpuinfo.

    Returns:
        ``bfloat16``, ``float16`` or ``float32``.
    """
    if requested != "auto":
        return requested
    if quantization is Quantization.NF4:
        return "float32"
    return "bfloat16" if bf16_flags(cpuinfo) else "float32"


def dtype_bytes(dtype: str) -> int:
    """Bytes of one value."""
    return 4 if dtype == "float32" else 2

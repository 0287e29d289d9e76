"""Reads an exception: is it memory running out, and what does its last line say? Torch-free."""

from __future__ import annotations

import traceback

from harness.core.errors import HarnessError

_SIGNS = (
    "out of memory",  # torch.OutOfMemoryError, bitsandbytes, the CUDA driver
    "defaultcpuallocator: can't allocate memory",
    "defaultcpuallocator: not enough memory",
    "cublas_status_alloc_failed",
    "std::bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is memory running out, whoever noticed it: Python, torch, bitsandbytes, CUDA, the C++ runtime."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(sign in text for sign in _SIGNS))


def last_line(error: BaseException) -> str:
    """The exception as one line, as Python prints it, or what and why of our own; never empty."""
    if isinstance(error, HarnessError):
        return f"{error.what}: {error.why}"
    return " ".join(traceback.format_exception_only(error)[-1].split()) or type(error).__name__

"""Memory running out is told apart from every other failure."""

from __future__ import annotations

import pytest

from harness.trial.failure import is_out_of_memory, last_line


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_memory(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("out of memory is in this text"), OSError(28, "x")])
def test_anything_else(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_the_last_line_is_one_line_and_never_empty() -> None:
    assert last_line(ValueError("a\n  b")) == "ValueError: a b"
    assert last_line(MemoryError()) == "MemoryError"

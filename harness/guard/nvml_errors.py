"""What NVML's codes mean for a sweep: lost, unreadable, or not set up, and how to fix that.

Owns the words. The calls are `harness.guard.nvml`'s.
"""

from __future__ import annotations

import pynvml

from harness.core.errors import ExitCode, HarnessError
from harness.guard.probe import DeviceLostError, UnreadableError

LOST = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
NO_V2 = (
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
    pynvml.NVML_ERROR_UNKNOWN,  # WSL2 with driver 516.59 (nvitop PR 30)
)
"""Answers of drivers that do not know the second version of the memory struct."""
_PARENT_OF_MIG = (pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_NOT_SUPPORTED)
_INSTALL = "install the NVIDIA driver (nvidia-smi must list the GPU), or set device: cpu"
_FIXES = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        "install the NVIDIA driver (in a container: start it with --gpus all), or set device: cpu",
        "there is no libnvidia-ml.so.1, the part of the driver that this asks",
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "sudo modprobe nvidia, or reboot after an installation; or set device: cpu",
        "the kernel module is not loaded",
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "reboot (the driver was updated while its old kernel module runs on; in a container: the host's), or set device: cpu",
        "the driver's library and its kernel module have different versions",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "allow this user to open /dev/nvidia* (groups video, render; in a container --gpus all), or set device: cpu",
        "this user may not talk to the driver",
    ),
}


def text(error: pynvml.NVMLError) -> str:
    """One line."""
    return f"NVML: {error}"


def while_running(device: str, error: pynvml.NVMLError) -> DeviceLostError | UnreadableError:
    """A failure of a device that could be read before."""
    if error.value in LOST:
        return DeviceLostError(device, text(error))
    return UnreadableError(device, text(error))


def at_start(device: int | str, error: pynvml.NVMLError) -> HarnessError:
    """A failure to open a device."""
    if error.value in _FIXES:
        fix, meaning = _FIXES[error.value]
        return no_device(device, f"{text(error)}: {meaning}", fix)
    return no_device(device, text(error))


def no_memory_told(device: int | str, error: pynvml.NVMLError) -> HarnessError:
    """A device that opens, but does not tell its memory."""
    if error.value not in _PARENT_OF_MIG:
        return at_start(device, error)
    return HarnessError(
        f"the memory of GPU {device} cannot be read",
        why=f"{text(error)}; a GPU that is cut into MIG instances does not tell",
        fix="name one instance: CUDA_VISIBLE_DEVICES=MIG-... (nvidia-smi -L lists them)",
        code=ExitCode.ENVIRONMENT,
    )


def no_device(device: int | str, why: str, fix: str = _INSTALL) -> HarnessError:
    """The three lines for a GPU that cannot be used."""
    return HarnessError(f"GPU {device} cannot be used", why=why, fix=fix, code=ExitCode.ENVIRONMENT)

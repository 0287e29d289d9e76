"""Which probe watches which device. Owns the reading of device names and of CUDA_VISIBLE_DEVICES's form."""

from __future__ import annotations

import re

from harness.core.errors import HarnessError
from harness.guard.host import HostProbe
from harness.guard.nvml import NvmlProbe, why_no_gpu
from harness.guard.probe import MemoryProbe

_CUDA = re.compile(r"cuda(?::(\d+))?")


def open_probe(device: str, visible_devices: str | None = None) -> MemoryProbe:
    """Open the probe for a device as a sweep file names it.

    Args:
        device: ``auto`` (the first GPU where there is one, else the host), ``cpu``, ``cuda`` or ``cuda:N``.
        visible_devices: The value of CUDA_VISIBLE_DEVICES in the trial's environment; None when unset. N counts
            within it, as in torch. Without it N is NVML's index, in PCI bus order: on a machine with unlike GPUs set
            CUDA_DEVICE_ORDER=PCI_BUS_ID, since CUDA's own order puts the fastest first.

    Raises:
        HarnessError: BAD_INPUT for another word, ENVIRONMENT when the GPU cannot be used.
    """
    if device == "cpu":
        return HostProbe()
    if device == "auto":
        first = nvml_device(0, visible_devices)
        return NvmlProbe(first) if first is not None and no_gpu_reason(visible_devices) is None else HostProbe()
    read = _CUDA.fullmatch(device)
    if read is None:
        raise HarnessError(f"device {device!r} is unknown", why="not a device name", fix="use auto, cpu, cuda or cuda:N")
    index = int(read[1] or 0)
    chosen = nvml_device(index, visible_devices)
    if chosen is None:
        raise HarnessError(
            f"device {device!r} is hidden",
            why=f"CUDA_VISIBLE_DEVICES={visible_devices} shows no device {index}",
            fix="unset CUDA_VISIBLE_DEVICES, list the GPU in it, or set device: cpu",
        )
    return NvmlProbe(chosen)


def no_gpu_reason(visible_devices: str | None = None) -> str | None:
    """Why ``auto`` means the host, in one line for a person; None where it means a GPU."""
    if nvml_device(0, visible_devices) is None:
        return f"CUDA_VISIBLE_DEVICES={visible_devices} shows no GPU"
    return why_no_gpu()


def nvml_device(index: int, visible_devices: str | None) -> int | str | None:
    """NVML's index or UUID of CUDA device `index`; None when the list hides it.

    Source: CUDA C++ Programming Guide, CUDA environment variables: the list ends at the first invalid entry.
    """
    if visible_devices is None:
        return index
    shown: list[int | str] = []
    for entry in (part.strip() for part in visible_devices.split(",")):
        if entry.isdigit():
            shown.append(int(entry))
        elif entry.startswith(("GPU-", "MIG-")):
            shown.append(entry)
        else:
            break
    return shown[index] if index < len(shown) else None

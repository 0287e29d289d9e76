"""NVIDIA device memory as a probe: the only door to pynvml.

Headroom is the driver's `free`, never total minus used: `used` holds or lacks the driver's reserve depending on the
struct version. Process lists are never read while polling: one read can hold the driver's global lock for 4 ms
(MangoHud #2104), and in containers, under WSL2 and on WDDM they lack the numbers. So `used_bytes` is the fall of the
device's free memory since `watch`, which also sees what any process of the trial takes outside torch.
"""

from __future__ import annotations

import contextlib

import pynvml

from harness.core.errors import ExitCode, HarnessError
from harness.guard.probe import DeviceLostError, MemorySample

_NO_V2 = (
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
    pynvml.NVML_ERROR_UNKNOWN,  # WSL2 with driver 516.59 (nvitop PR 30)
)
_PARENT_OF_MIG = (pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_NOT_SUPPORTED)


class NvmlProbe:
    """`MemoryProbe` for one GPU or one MIG instance.

    Args:
        device: NVML index (PCI bus order), or a UUID that starts with ``GPU-`` or ``MIG-``.

    Raises:
        HarnessError: ENVIRONMENT when there is no driver, no such device, or its memory cannot be read.
    """

    def __init__(self, device: int | str = 0) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise _no_device(device, f"NVML: {error}") from error
        self._open = True
        self._baseline: int | None = None
        self._v2 = True
        try:
            self._handle = _handle(device)
            self._name = _text(pynvml.nvmlDeviceGetName(self._handle))
            self._memory()
        except pynvml.NVMLError as error:
            self.close()
            raise _unusable(device, error) from error

    @property
    def kind(self) -> str:
        """``cuda``."""
        return "cuda"

    @property
    def device_name(self) -> str:
        """The driver's name of the device."""
        return self._name

    def available(self) -> int:
        """Free bytes of the device.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        return self._read()[0]

    def watch(self, pid: int) -> None:
        """Take the free memory as the baseline; the device does not tell whose memory it is.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        self._baseline = self._read()[0]

    def sample(self) -> MemorySample:
        """Measure now; about 12 us.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        free, total = self._read()
        used = 0 if self._baseline is None else max(0, self._baseline - free)
        return MemorySample(used, free, total)

    def close(self) -> None:
        """Release the driver."""
        if self._open:
            self._open = False
            with contextlib.suppress(pynvml.NVMLError):  # a lost device must not hide the error that is under way
                pynvml.nvmlShutdown()

    def _read(self) -> tuple[int, int]:
        try:
            return self._memory()
        except pynvml.NVMLError as error:
            raise DeviceLostError(self._name, f"NVML: {error}") from error

    def _memory(self) -> tuple[int, int]:
        """Free and total bytes, by the second version of the struct where the driver has it."""
        if self._v2:
            try:
                return _free_total(pynvml.nvmlDeviceGetMemoryInfo(self._handle, version=pynvml.nvmlMemory_v2))
            except pynvml.NVMLError as error:
                if error.value not in _NO_V2:
                    raise
                self._v2 = False
        return _free_total(pynvml.nvmlDeviceGetMemoryInfo(self._handle))


def device_count() -> int:
    """Devices that NVML sees; 0 without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    try:
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0
    finally:
        pynvml.nvmlShutdown()


def _handle(device: int | str) -> object:
    if isinstance(device, int):
        return pynvml.nvmlDeviceGetHandleByIndex(device)
    return pynvml.nvmlDeviceGetHandleByUUID(device)


def _free_total(memory: pynvml.c_nvmlMemory_t) -> tuple[int, int]:
    return int(memory.free), int(memory.total)


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def _no_device(device: int | str, why: str) -> HarnessError:
    return HarnessError(
        f"GPU {device} cannot be used",
        why=why,
        fix="install the NVIDIA driver (nvidia-smi must list the GPU), or set device: cpu",
        code=ExitCode.ENVIRONMENT,
    )


def _unusable(device: int | str, error: pynvml.NVMLError) -> HarnessError:
    if error.value in _PARENT_OF_MIG:
        return HarnessError(
            f"the memory of GPU {device} cannot be read",
            why=f"NVML: {error}; a GPU that is cut into MIG instances does not tell",
            fix="name one instance: CUDA_VISIBLE_DEVICES=MIG-... (nvidia-smi -L lists them)",
            code=ExitCode.ENVIRONMENT,
        )
    return _no_device(device, f"NVML: {error}")

"""NVIDIA device memory as a probe: the only door to pynvml, with `nvml_errors` for the words.

Headroom is the driver's `free`, never total minus used: `used` holds or lacks the driver's reserve depending on the
struct version. So `used_bytes` is the fall of the device's free memory since `watch`, which also sees what any process of
the trial takes outside torch. Process lists are read once a second at most and only when a decision needs them: one read
can hold the driver's global lock for 4 ms (MangoHud #2104), and in containers, under WSL2 and on WDDM they lack the numbers.
"""

from __future__ import annotations

import contextlib

import pynvml

from harness.core.errors import HarnessError
from harness.guard import nvml_errors
from harness.guard.nvml_processes import ProcessLists
from harness.guard.probe import MemorySample, UnreadableError


class NvmlProbe:
    """`MemoryProbe` for one GPU or one MIG instance.

    Args:
        device: NVML index (PCI bus order), or a UUID that starts with ``GPU-`` or ``MIG-``; that of a GPU may be cut short.

    Raises:
        HarnessError: ENVIRONMENT when there is no driver, no such device, or its memory cannot be read.
    """

    def __init__(self, device: int | str = 0) -> None:
        _start(device)
        self._open = True
        self._baseline: int | None = None
        self._v2 = True
        try:
            self._handle = _handle(device)
            self._name = _text(pynvml.nvmlDeviceGetName(self._handle))
        except pynvml.NVMLError as error:
            self.close()
            raise nvml_errors.at_start(device, error) from error
        try:
            self._memory()
        except pynvml.NVMLError as error:
            self.close()
            raise nvml_errors.no_memory_told(device, error) from error
        self._lists = ProcessLists(self._handle)

    @property
    def kind(self) -> str:
        """``cuda``."""
        return "cuda"

    @property
    def device_name(self) -> str:
        """The driver's name of the device."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the driver's process lists could not be used, once."""
        return self._lists.notes

    def available(self) -> int:
        """Free bytes of the device.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read.
        """
        return self._read()[0]

    def watch(self, pid: int) -> None:
        """Take the free memory as the baseline.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read; there is no baseline then.
        """
        self._baseline = None
        self._lists.watch(pid)
        self._baseline = self._read()[0]

    def sample(self) -> MemorySample:
        """Measure now; about 12 us.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read.
        """
        free, total = self._read()
        used = 0 if self._baseline is None else max(0, self._baseline - free)
        return MemorySample(used, free, total)

    def own_bytes(self) -> int | None:
        """What the driver lists for the processes of the watched tree; None where it does not tell."""
        return self._lists.own_bytes()

    def rebase(self, own_bytes: int) -> None:
        """Set the baseline to what is free now plus what the tree takes."""
        with contextlib.suppress(UnreadableError):  # the old baseline errs on the safe side
            self._baseline = self._read()[0] + own_bytes

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
            raise nvml_errors.while_running(self._name, error) from error

    def _memory(self) -> tuple[int, int]:
        """Free and total bytes, by the second version of the struct where the driver has it."""
        if self._v2:
            try:
                return _free_total(pynvml.nvmlDeviceGetMemoryInfo(self._handle, version=pynvml.nvmlMemory_v2))
            except pynvml.NVMLError as error:
                if error.value not in nvml_errors.NO_V2:
                    raise
                self._v2 = False
        return _free_total(pynvml.nvmlDeviceGetMemoryInfo(self._handle))


def why_no_gpu() -> str | None:
    """Why NVML sees no GPU, in one line; None where it sees one."""
    try:
        _start(0)
    except HarnessError as error:
        return error.why
    try:
        return None if pynvml.nvmlDeviceGetCount() else "the driver lists no GPU"
    except pynvml.NVMLError as error:
        return nvml_errors.text(error)
    finally:
        pynvml.nvmlShutdown()


def _start(device: int | str) -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise nvml_errors.at_start(device, error) from error


def _handle(device: int | str) -> object:
    if isinstance(device, int):
        return pynvml.nvmlDeviceGetHandleByIndex(device)
    try:
        return pynvml.nvmlDeviceGetHandleByUUID(device)
    except pynvml.NVMLError:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        found = [handle for handle in handles if _text(pynvml.nvmlDeviceGetUUID(handle)).startswith(device)]
        if len(found) != 1:  # CUDA takes the beginning of a UUID where it is unique, NVML the whole
            raise
        return found[0]


def _free_total(memory: pynvml.c_nvmlMemory_t) -> tuple[int, int]:
    return int(memory.free), int(memory.total)


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name

"""The devices of a crew: which probe watches which, and with how many threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.halving import Workers
from harness.core.admission import Budget
from harness.core.placement import threads
from harness.guard.probe import MemoryProbe
from harness.guard.select import open_probe
from harness.sweep.materials import usable_device
from harness.sweep.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Device:
    """One trial process's place.

    Attributes:
        index: Of the device; several processes may share one.
        name: As torch has it: ``cpu``, ``cuda:N``.
        probe: Of this process alone.
        threads: Of torch; 0 leaves the choice to it.
        budget: The most that all processes on the device may take together.
    """

    index: int
    name: str
    probe: MemoryProbe
    threads: int
    budget: Budget

    def share_of_budget(self, reserved: Sequence[int]) -> Budget:
        """What is left when others may take `reserved` bytes."""
        left = self.budget.bytes - sum(reserved)
        if not reserved or left <= 0:
            return self.budget
        return Budget(left, self.budget.of_total_bytes, f"what {len(reserved)} other trials leave of {self.budget.source}")

    def close(self) -> None:
        """Give the driver back."""
        self.probe.close()


def open_devices(work: Workplace) -> tuple[Device, ...]:
    """A place for every trial process that the sweep file asks for.

    Raises:
        HarnessError: a GPU cannot be used.
    """
    asked = work.config.workers
    names = asked.devices or (usable_device(work.config.guard.device),)
    count = len(names) if asked.count == "auto" else asked.count
    shares = _threads(asked, count, names)
    visible = work.environ.get("CUDA_VISIBLE_DEVICES")
    places = []
    for worker in range(count):
        index = worker % len(names)
        probe = open_probe(names[index], visible)
        places.append(
            Device(
                index,
                _torch_name(names[index], probe),
                probe,
                shares[worker],
                work.materials.budget,
            )
        )
    return tuple(places)


def _torch_name(asked: str, probe: MemoryProbe) -> str:
    if probe.kind != "cuda":
        return "cpu"
    return asked if asked.startswith("cuda:") else "cuda:0"


def _threads(asked: Workers, count: int, names: Sequence[str]) -> tuple[int, ...]:
    """Cores divided among the processes of a machine that trains on them; elsewhere torch's own choice."""
    cores = asked.threads or len(os.sched_getaffinity(0))
    if asked.threads or (count > 1 and all(name in ("cpu", "auto") for name in names)):
        return threads(cores, count)
    return (0,) * count

"""The memory of a card that is not there, for whoever looks at it between two trials."""

from __future__ import annotations

from harness.core.sample import MemorySample
from harness.simulation.card import SimulatedCard


class IdleProbe:
    """A `harness.guard.probe.MemoryProbe` of an idle card. A simulated trial's peak is drawn, not watched.

    Args:
        card: The card.
        kind: ``cuda`` or ``host``.
    """

    def __init__(self, card: SimulatedCard, kind: str) -> None:
        self._card = card
        self._kind = kind

    @property
    def kind(self) -> str:
        """``cuda`` or ``host``."""
        return self._kind

    @property
    def device_name(self) -> str:
        """Name for people and for the run's tags."""
        return f"simulated {self._card.name}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing is hidden from it."""
        return ()

    def available(self) -> int:
        """The whole budget, bytes."""
        return self._card.budget_bytes

    def watch(self, pid: int) -> None:
        """There is no process to watch."""

    def sample(self) -> MemorySample:
        """Nothing is in use."""
        return MemorySample(0, self._card.budget_bytes, self._card.budget_bytes)

    def own_bytes(self) -> int | None:
        """Never more than `sample` says."""
        return None

    def rebase(self, own_bytes: int) -> None:
        """There is no neighbour."""

    def close(self) -> None:
        """There is no driver."""

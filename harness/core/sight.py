"""What to do when a device cannot be read while a trial runs. Pure: time and failures come in, a decision goes out.

Owns the count of failures and the account of when a trial ran unwatched. A device that is lost for good is an error of
`harness.guard.probe`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

RETRIES = 5
"""Failures in a row that count as a hiccup: 0.1 s at 50 Hz."""
BLIND_SECONDS = 1.0
"""How often a device that cannot be read is asked again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How well a trial is seen.

    Attributes:
        failures: Failed looks in a row.
        since: Seconds at which the first of them failed.
        why: What the driver said.
        past: Accounts of earlier times without sight, oldest first.
    """

    failures: int = 0
    since: float = 0.0
    why: str = ""
    past: tuple[str, ...] = ()

    @property
    def blind(self) -> bool:
        """Whether the watchdog sees nothing at present: the trial runs on under the allocator's own cap."""
        return self.failures > RETRIES

    def failed(self, seconds: float, why: str) -> Sight:
        """After a look that brought nothing.

        Args:
            seconds: Since the trial started.
            why: What the driver said.
        """
        return replace(self, failures=self.failures + 1, since=self.since if self.failures else seconds, why=why)

    def blinded(self, seconds: float, why: str) -> Sight:
        """After a failure that cannot pass, such as a missing baseline: blind at once."""
        return replace(self.failed(seconds, why), failures=RETRIES + 1)

    def seen(self, seconds: float) -> Sight:
        """After a look that succeeded."""
        if not self.failures:
            return self
        gone = (f"not watched from {self.since:.1f} s to {seconds:.1f} s: {self.why}",) if self.blind else ()
        return Sight(past=(*self.past, *gone))

    def account(self) -> str | None:
        """When and why the trial ran unwatched, in one sentence; None when it never did."""
        now = (f"not watched from {self.since:.1f} s on: {self.why}",) if self.blind else ()
        return "; ".join((*self.past, *now)) or None

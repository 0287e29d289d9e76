"""`--quiet`: nothing but broken infrastructure and the final table."""

from __future__ import annotations

from typing import TextIO

from harness.console.plain_view import PlainView
from harness.console.view import SweepHeader, SweepSummary, SweepView, TrialEnd, TrialLine, TrialPaused, TrialProgress
from harness.core.outcome import Ending


class QuietView(SweepView):
    """Writes failures and the end.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._plain = PlainView(stream, lambda: 0.0)

    def sweep_started(self, header: SweepHeader) -> None:
        """Silent."""

    def message(self, text: str) -> None:
        """Silent."""

    def trial_started(self, trial: TrialLine) -> None:
        """Silent."""

    def trial_progress(self, progress: TrialProgress) -> None:
        """Silent."""

    def trial_paused(self, paused: TrialPaused) -> None:
        """Silent."""

    def trial_ended(self, end: TrialEnd) -> None:
        """One line when the infrastructure failed; every other end is a result and stands in the table."""
        if end.ending is Ending.FAILED:
            self._plain.trial_ended(end)

    def sweep_ended(self, summary: SweepSummary) -> None:
        """The final table."""
        self._plain.sweep_ended(summary)

    def close(self) -> None:
        """Nothing is held."""

"""The terminal view: a live line per running trial, ended trials above, the final table below.

Owns the `rich.live.Live` region and the state it is drawn from. Rich redraws from a thread of its own, four times a
second, so that clocks go on while a trial is silent; that thread only reads records which are replaced, never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from harness.console.rich_lines import Running, Tally, ended_line, header_grid, promoted_table, running_line, status_line
from harness.console.tables import rich_pareto
from harness.console.text import duration
from harness.console.view import SweepHeader, SweepSummary, SweepView, TrialEnd, TrialLine, TrialProgress

_REDRAWS_PER_SECOND = 4


class RichView(SweepView):
    """Shows the sweep on a terminal.

    Args:
        console: Where to.
        now: Seconds on any clock that never goes back.
    """

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        self._started_at = now()
        self._header: SweepHeader | None = None
        self._running: dict[str, Running] = {}
        self._tally = Tally({}, 0.0, 0)
        self._live: Live | None = None

    def sweep_started(self, header: SweepHeader) -> None:
        """What is about to happen; then the live region opens."""
        self._header = header
        self._tally = Tally({}, 0.0, header.n_trials)
        self._console.print(header_grid(header), Rule(style="bright_black"))
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_REDRAWS_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start()

    def message(self, text: str) -> None:
        """A dim line above the live region."""
        self._console.print(Text(text, style="dim"))

    def trial_started(self, trial: TrialLine) -> None:
        """A new live line."""
        running = Running(trial, self._now(), TrialProgress(trial.label, "start"))
        self._running = {**self._running, trial.label: running}

    def trial_progress(self, progress: TrialProgress) -> None:
        """The live line shows it at the next redraw."""
        known = self._running.get(progress.label)
        if known is not None:
            self._running = {**self._running, progress.label: Running(known.trial, known.since, progress)}

    def trial_ended(self, end: TrialEnd) -> None:
        """The live line goes; its result stays above."""
        known = self._running.get(end.label)
        trial = known.trial if known else TrialLine(end.label, {})
        self._running = {label: running for label, running in self._running.items() if label != end.label}
        if trial.kind == "trial":
            ended = Counter(self._tally.ended)
            ended[end.ending] += 1
            self._tally = Tally(ended, self._tally.ended_s + end.duration_s, self._tally.n_trials)
        if self._live is not None:
            # A print repeats the last drawing: draw first, or the ended trial is seen twice for a moment.
            self._live.refresh()
        self._console.print(ended_line(trial, end, self._header, self._console.width))

    def sweep_ended(self, summary: SweepSummary) -> None:
        """The final table takes the place of the live region."""
        self.close()
        self._console.print(Rule(style="bright_black"), rich_pareto(summary.rows, summary.objectives, self._console.width))
        if summary.promoted is not None:
            self._console.print(Text(), promoted_table(summary.promoted), sep="\n")
        finished = Text(f"\nfinished in {duration(summary.duration_s)}; look at it with ", style="dim")
        self._console.print(finished.append(summary.ui_command, style="bold not dim"))

    def close(self) -> None:
        """Stop drawing and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> RenderableType:
        now, width = self._now(), self._console.width
        searched = self._header.space if self._header else {}
        lines = [running_line(running, searched, width, now) for running in self._running.values()]
        return Group(*lines, status_line(self._tally, now - self._started_at, width))

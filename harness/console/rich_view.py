"""The terminal view: a live line per running trial, ended trials above, the final table below.

Owns the `rich.live.Live` region and the state it is drawn from. Rich redraws from a thread of its own, four times a
second, so that clocks go on while a trial is silent; that thread only reads records which are replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from harness.console.promotion_table import rich_promotion
from harness.console.rich_lines import ended_line, header_grid, paused_line, running_line, status_lines
from harness.console.stage import Stage
from harness.console.tables import rich_pareto
from harness.console.text import duration
from harness.console.view import SweepHeader, SweepSummary, SweepView, TrialEnd, TrialLine, TrialPaused, TrialProgress

_STATUS_ROWS = 4
"""Rows of the screen that running trials leave free: who waits, how far the sweep is, how many do not fit, the cursor."""
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
        self._stage = Stage()
        self._live: Live | None = None

    def sweep_started(self, header: SweepHeader) -> None:
        """What is about to happen; then the live region opens."""
        self._header = header
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
        self._stage = self._stage.starts(trial, self._now())

    def trial_progress(self, progress: TrialProgress) -> None:
        """The live line shows it at the next redraw."""
        self._stage = self._stage.moves(progress, self._now())

    def trial_paused(self, paused: TrialPaused) -> None:
        """The live line goes; what the trial is worth stays above, and it is counted among those that wait."""
        trial = self._stage.line(paused.label)
        self._stage = self._stage.pauses(paused)
        self._keep(paused_line(paused, trial, self._header, self._console.width))

    def trial_ended(self, end: TrialEnd) -> None:
        """The live line goes; its result stays above."""
        trial = self._stage.line(end.label)
        self._stage = self._stage.ends(end)
        self._keep(ended_line(trial, end, self._header, self._console.width))

    def sweep_ended(self, summary: SweepSummary) -> None:
        """The final table takes the place of the live region."""
        self.close()
        self._console.print(Rule(style="bright_black"), rich_pareto(summary.rows, summary.objectives, self._console.width))
        if summary.promotion is not None:
            self._console.print(Text(), rich_promotion(summary.promotion), sep="\n")
        finished = Text(f"\nfinished in {duration(summary.duration_s)}; look at it with ", style="dim")
        self._console.print(finished.append(summary.ui_command, style="bold not dim"))

    def close(self) -> None:
        """Stop drawing and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _keep(self, line: RenderableType) -> None:
        if self._live is not None:
            # A print repeats the last drawing: draw first, or the ended trial is seen twice for a moment.
            self._live.refresh()
        self._console.print(line)

    def _draw(self) -> RenderableType:
        width, stage, header = self._console.width, self._stage, self._header
        now = self._now()
        elapsed_s = now - self._started_at
        running = [slot for slot in stage.slots if slot is not None]
        room = max(1, self._console.height - _STATUS_ROWS)
        lines = [running_line(one, header.space if header else {}, width, now) for one in running[:room]]
        if len(running) > room:
            lines.append(Text(f"  and {len(running) - room} more", style="dim"))
        tally = stage.tally(header.n_trials, header.workers, header.ended) if header else stage.tally(0, 1, 0)
        if header is not None and header.simulated:  # trials last virtual seconds, a person waits real ones
            tally = replace(tally, spent_s=elapsed_s * tally.workers)
        return Group(*lines, *status_lines(tally, elapsed_s, width))

"""The parts of the terminal display: header, running lines, ended lines, status line, promotion. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.plain_view import ended_facts, header_topics
from harness.console.tables import promoted_cells
from harness.console.text import compact, core_settings, duration, gauge, number
from harness.console.view import Promoted, SweepHeader, TrialEnd, TrialLine, TrialProgress
from harness.core.outcome import Ending

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 8
_GLYPHS = {Ending.COMPLETED: ("✓", "green"), Ending.FAILED: ("✗", "red"), Ending.INTERRUPTED: ("‖", "cyan")}
_PRUNED = ("⊘", "yellow")
_BAR_CELLS = 8
_ROOMY = 96
_LEVELS = 5
"""Ways to write a running line: everything, no bar, few settings, narrow gaps, no settings."""
_LOSS_PHASES = ("train", "eval", "save")


@dataclass(frozen=True, slots=True)
class Running:
    """A trial on the screen: what it is, since when (seconds on the view's clock), and the last look at it."""

    trial: TrialLine
    since: float
    progress: TrialProgress


def header_grid(header: SweepHeader) -> RenderableType:
    """What is about to happen, one line per topic, long ones folded under themselves."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for index, (topic, text) in enumerate(header_topics(header)):
        grid.add_row(topic, Text(text, style="bold" if index == 0 else ""))
    return grid


def running_line(running: Running, searched: Mapping[str, str], width: int, now: float) -> Text:
    """One line for a running trial: the fullest way of writing it that fits into `width` cells."""
    for level in range(_LEVELS):
        line = _running_at(running, searched, level, now)
        if line.cell_len <= width:
            return line
    line.truncate(width, overflow="ellipsis")
    return line


def _running_at(running: Running, searched: Mapping[str, str], level: int, now: float) -> Text:
    trial, progress = running.trial, running.progress
    gap = Text("  " if level < 3 else " ")
    settings = compact(core_settings(trial.params, searched), tight=level >= 2) if level < 4 else ""
    step = f" {progress.step:>{len(str(progress.total_steps))}}/{progress.total_steps}" if progress.total_steps else ""
    parts = [Text(trial.label, style="bold"), Text(settings), Text.assemble((progress.phase, "cyan"), step)]
    if progress.loss is not None and progress.phase in _LOSS_PHASES:
        parts.append(Text(f"loss {number('loss', progress.loss)}"))
    if progress.used_bytes is not None:
        parts.append(memory_gauge(progress.used_bytes, progress.budget_bytes, bar=level == 0))
    parts.append(Text(_time(running, now), style="dim"))
    frame = _SPINNER[int(now * _FRAMES_PER_SECOND) % len(_SPINNER)]
    return Text(no_wrap=True).append(f"{frame} ", style="cyan").append_text(gap.join(part for part in parts if part))


def _time(running: Running, now: float) -> str:
    eta = running.progress.eta_s
    return duration(now - running.since) if eta is None else f"ETA {duration(eta)}"


def memory_gauge(used_bytes: int, budget_bytes: int, *, bar: bool) -> Text:
    """``━━━━━━── 5.1/8.0 GiB``, green, yellow from 75 % of the budget, red from 90 %."""
    share = used_bytes / budget_bytes if budget_bytes else 0.0
    colour = "red" if share >= 0.9 else "yellow" if share >= 0.75 else "green"
    text = Text()
    if bar:
        text.append_text(_bar(share, _BAR_CELLS, colour)).append(" ")
    return text.append(gauge(used_bytes, budget_bytes), style=colour)


def _bar(share: float, cells: int, colour: str) -> Text:
    full = max(0, min(cells, int(share * cells)))
    return Text("━" * full, style=colour).append("─" * (cells - full), style="bright_black")


def ended_line(trial: TrialLine, end: TrialEnd, header: SweepHeader | None, width: int) -> RenderableType:
    """The line that stays: state, label, settings, objective values or reason, duration; folded under itself."""
    glyph, colour = _GLYPHS.get(end.ending, _PRUNED)
    searched = header.space if header else {}
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1, style=colour)
    grid.add_column(overflow="fold")
    tight = width < _ROOMY
    settings = compact(core_settings(trial.params, searched), tight=tight)
    label_cells, head_cells = (8, 31) if tight else (14, 48)
    what = Text(_padded(f"{_padded(trial.label, label_cells)} {settings}", head_cells))
    if end.ending is not Ending.COMPLETED:
        what.append(f"  {end.ending}", style=colour)
    what.append("  " + "  ".join(ended_facts(end, header)))
    grid.add_row(glyph, what.append(f"  {duration(end.duration_s)}", style="dim"))
    return grid


def _padded(text: str, cells: int) -> str:
    return text + " " * max(0, cells - cell_len(text))


@dataclass(frozen=True, slots=True)
class Tally:
    """How far the sweep is: ended trials by kind of ending, seconds they took together, trials aimed at."""

    ended: Mapping[Ending, int]
    ended_s: float
    n_trials: int

    @property
    def done(self) -> int:
        """Trials that ended."""
        return sum(self.ended.values())


def status_line(tally: Tally, elapsed_s: float, width: int) -> Text:
    """Bar, trials done, endings, elapsed and expected time. The forecast is the mean of the trials so far."""
    bar = _bar(tally.done / max(1, tally.n_trials), 24 if width >= _ROOMY else 12, "blue")
    line = Text("  ", no_wrap=True, overflow="ellipsis").append_text(bar)
    line.append(f"  {tally.done}/{tally.n_trials} trials")
    kinds = {ending.value.partition(":")[0] for ending in tally.ended} - {Ending.COMPLETED.value}
    parts = [f"{sum(n for e, n in tally.ended.items() if e.value.startswith(kind))} {kind}" for kind in sorted(kinds)]
    parts.append(f"{duration(elapsed_s)} elapsed")
    if tally.done and tally.done < tally.n_trials:
        parts.append(f"about {duration(tally.ended_s / tally.done * (tally.n_trials - tally.done))} left")
    return line.append("  " + ", ".join(parts), style="dim")


def promoted_table(promoted: Promoted) -> RenderableType:
    """What was promoted and its figures beside the untuned base's on the held-out functions."""
    head = Text.assemble(
        ("promoted ", "bold green"), (promoted.name, "bold"), f" version {promoted.version} as ", (promoted.alias, "bold")
    )
    folder = Text(f"         {promoted.folder}", style="dim", overflow="fold")
    headings, *rows = promoted_cells(promoted)
    if not rows:
        return Group(head, folder)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    return Group(head, folder, table)

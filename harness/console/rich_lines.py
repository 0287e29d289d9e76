"""The parts of the terminal display: header, running lines, lines that stay, status, promotion. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.plain_view import ended_facts, header_topics, worth_at_rung
from harness.console.stage import Running, Tally
from harness.console.text import compact, core_settings, duration, gauge, number, rung_of
from harness.console.view import SweepHeader, TrialEnd, TrialLine, TrialPaused
from harness.core.outcome import Ending

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 8
_GLYPHS = {
    Ending.COMPLETED: ("✓", "green"),
    Ending.FAILED: ("✗", "red"),
    Ending.INTERRUPTED: ("‖", "cyan"),
    Ending.STOPPED: ("■", "cyan"),
}
_PRUNED = ("⊘", "yellow")
_WAITING = ("‖", "bright_black")
_BAR_CELLS = 8
_ROOMY = 96
_LEVELS = 6
"""Ways to write a running line: everything, no bar, few settings, narrow gaps, no quantization, no settings."""
_LOSS_PHASES = ("train", "eval", "save")


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
    settings = _settings(trial, searched, level)
    step = f" {progress.step:>{len(str(progress.total_steps))}}/{progress.total_steps}" if progress.total_steps else ""
    rung = rung_of(progress.rung, progress.rungs) if progress.rung is not None and progress.rungs > 1 else ""
    parts = [Text(trial.label, style="bold"), Text(settings), Text(rung), Text.assemble((progress.phase, "cyan"), step)]
    if progress.loss is not None and progress.phase in _LOSS_PHASES:
        parts.append(Text(f"loss {number('loss', progress.loss)}"))
    if progress.used_bytes is not None:
        parts.append(memory_gauge(progress.used_bytes, progress.budget_bytes, bar=level == 0))
    parts.append(Text(_time(running, now), style="dim"))
    frame = _SPINNER[int(now * _FRAMES_PER_SECOND) % len(_SPINNER)]
    return Text(no_wrap=True).append(f"{frame} ", style="cyan").append_text(gap.join(part for part in parts if part))


def _settings(trial: TrialLine, searched: Mapping[str, str], level: int) -> str:
    shown = core_settings(trial.params, searched) if level < 5 else {}
    return compact({n: v for n, v in shown.items() if level < 4 or n != "quantization"}, tight=level >= 2)


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
    """The line that stays: state, label, settings, objective values or reason, duration."""
    glyph, colour = _GLYPHS.get(end.ending, _PRUNED)
    head, facts, lasted = _head(trial, header, width), "  ".join(ended_facts(end, header)), duration(end.duration_s)
    if end.rung is not None:
        return _short_line((glyph, colour), f"{head}  {facts}  {lasted}", width)
    what = Text(head)
    if end.ending is not Ending.COMPLETED:
        what.append(f"  {end.ending}", style=colour)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1, style=colour)
    grid.add_column(overflow="fold")
    grid.add_row(glyph, what.append(f"  {facts}").append(f"  {lasted}", style="dim"))
    return grid


def _head(trial: TrialLine, header: SweepHeader | None, width: int) -> str:
    """Label and settings, padded to columns."""
    tight = width < _ROOMY
    settings = compact(core_settings(trial.params, header.space if header else {}), tight=tight)
    label_cells, head_cells = (8, 31) if tight else (14, 48)
    return _padded(f"{_padded(trial.label, label_cells)} {settings}", head_cells)


def _short_line(glyph: tuple[str, str], text: str, width: int) -> Text:
    """One grey line that is cut off instead of folded: there are many of them."""
    line = Text(glyph[0], style=glyph[1]).append(f" {text}", style="bright_black")
    line.truncate(width, overflow="ellipsis")
    return line


def _padded(text: str, cells: int) -> str:
    return text + " " * max(0, cells - cell_len(text))


def paused_line(paused: TrialPaused, trial: TrialLine, header: SweepHeader | None, width: int) -> Text:
    """The line that stays when a trial waits: label, settings, rung, what it is worth there, duration where there is room."""
    tight = width < _ROOMY
    lasted = [] if tight else [duration(paused.duration_s)]
    facts = [rung_of(paused.rung, paused.rungs), *worth_at_rung(paused, header), *lasted]
    gap = " " if tight else "  "
    return _short_line(_WAITING, _head(trial, header, width) + gap + gap.join(facts), width)


def status_lines(tally: Tally, elapsed_s: float, width: int) -> list[Text]:
    """Who waits, where any does; then bar, trials tried, endings, elapsed and expected time."""
    bar = _bar(tally.tried / max(1, tally.n_trials), 24 if width >= _ROOMY else 12, "blue")
    line = Text("  ", no_wrap=True, overflow="ellipsis").append_text(bar)
    line.append(f"  {tally.tried}/{tally.n_trials} trials")
    parts = [*_endings(tally), f"{duration(elapsed_s)} elapsed"]
    if tally.left_s is not None:
        parts.append(f"about {duration(tally.left_s)} left")
    waiting = ", ".join(f"rung {rung + 1}: {count}" for rung, count in sorted(tally.waiting.items()) if count)
    above = [Text(f"  paused at {waiting}", style="bright_black", no_wrap=True, overflow="ellipsis")] if waiting else []
    return [*above, line.append("  " + ", ".join(parts), style="dim")]


def _endings(tally: Tally) -> list[str]:
    """``2 cut``, ``1 pruned``: endings other than completed, by their first word; a cut is not counted as pruned."""
    counted = Counter[str]()
    for ending, count in tally.ended.items():
        counted["cut" if ending is Ending.PRUNED_RUNG else ending.value.partition(":")[0]] += count
    return [f"{count} {word}" for word, count in sorted(counted.items()) if word != Ending.COMPLETED.value]

"""Plain lines, for a pipe or a log file: no colour, no cursor movement, one line per thing that happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from harness.console.promotion_table import plain_promotion
from harness.console.tables import plain_pareto
from harness.console.text import compact, core_settings, duration, encodable, gauge, gib, number, rung_of, short_metric
from harness.console.thinning import Thinning
from harness.console.view import (
    SweepHeader,
    SweepSummary,
    SweepView,
    TrialEnd,
    TrialLine,
    TrialPaused,
    TrialProgress,
)
from harness.core.outcome import Ending

_INTERVAL_S = 10.0


class PlainView(SweepView):
    """Writes lines of text.

    Args:
        stream: Where to.
        now: Seconds on any clock that never goes back.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float]) -> None:
        self._stream = stream
        self._now = now
        self._thinning = Thinning(_INTERVAL_S)
        self._header: SweepHeader | None = None

    def sweep_started(self, header: SweepHeader) -> None:
        """What is about to happen, one line per topic."""
        self._header = header
        self._lines(*(f"{name}: {text}" for name, text in header_topics(header)))

    def message(self, text: str) -> None:
        """The line as it is."""
        self._lines(text)

    def trial_started(self, trial: TrialLine) -> None:
        """Label, settings, predicted peak."""
        space = self._header.space if self._header else {}
        self._lines(f"{trial.label}: starts{_listed(started_facts(trial, space))}")

    def trial_progress(self, progress: TrialProgress) -> None:
        """On a new phase, and at most every 10 s within one."""
        if self._thinning.lets(progress.label, progress.phase, self._now()):
            self._lines(f"{progress.label}: {', '.join(progress_facts(progress))}")

    def trial_paused(self, paused: TrialPaused) -> None:
        """The rung, what the trial is worth there, duration."""
        self._thinning.forget(paused.label)
        facts = [f"waits after {duration(paused.duration_s)}", *worth_at_rung(paused, self._header)]
        self._lines(f"{paused.label}: {rung_of(paused.rung, paused.rungs)} reached, {', '.join(facts)}")

    def trial_ended(self, end: TrialEnd) -> None:
        """Ending, objective values or reason, duration."""
        self._thinning.forget(end.label)
        self._lines(f"{end.label}: {end.ending} after {duration(end.duration_s)}{_listed(ended_facts(end, self._header))}")

    def sweep_ended(self, summary: SweepSummary) -> None:
        """The final table."""
        self._lines("", *summary_lines(summary))

    def close(self) -> None:
        """Nothing is held."""

    def _lines(self, *lines: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.writelines(encodable(line, encoding) + "\n" for line in lines)
        self._stream.flush()


def _listed(facts: list[str]) -> str:
    return "".join(f", {fact}" for fact in facts)


def header_topics(header: SweepHeader) -> list[tuple[str, str]]:
    """(topic, text) for everything a person wants to check before a long run."""
    simulated = ", simulated: nothing is trained" if header.simulated else ""
    earlier = f", {header.ended} of them ended before" if header.ended else ""
    share = f"at most, {header.workers} trials at once" if header.workers > 1 else "per trial at most"
    rungs = [("rungs", "; ".join((*header.rungs, "then all of both")))] if header.rungs else []
    return [
        ("sweep", f"{header.study}, {header.n_trials} trials{earlier}{simulated}"),
        ("model", header.model),
        ("device", f"{header.device}, {gib(header.budget_bytes)} {share}"),
        ("data", ", ".join(f"{split} {count}" for split, count in header.data.items())),
        ("space", ", ".join(f"{name} {text}" for name, text in header.space.items())),
        *rungs,
        ("objectives", _objectives(header)),
        *header.storage.items(),
    ]


def _objectives(header: SweepHeader) -> str:
    directions = dict.fromkeys(o.direction for o in header.objectives)
    return "; ".join(f"{d} " + ", ".join(o.name for o in header.objectives if o.direction == d) for d in directions)


def started_facts(trial: TrialLine, space: Mapping[str, str]) -> list[str]:
    """Settings and predicted peak of a trial."""
    settings = compact(core_settings(trial.params, space))
    peak = [] if trial.estimate_bytes is None else [f"estimated peak {gib(trial.estimate_bytes)}"]
    return [settings] * bool(settings) + peak


def progress_facts(progress: TrialProgress) -> list[str]:
    """Phase and step, loss, memory, time left: what of it is known."""
    step = f" {progress.step}/{progress.total_steps}" if progress.total_steps else ""
    rung = [rung_of(progress.rung, progress.rungs)] if progress.rung is not None and progress.rungs > 1 else []
    facts = [*rung, f"{progress.phase}{step}"]
    if progress.loss is not None:
        facts.append(f"loss {number('loss', progress.loss)}")
    if progress.used_bytes is not None:
        facts.append(f"memory {gauge(progress.used_bytes, progress.budget_bytes)}")
    if progress.eta_s is not None:
        facts.append(f"{duration(progress.eta_s)} left")
    return facts


def ended_facts(end: TrialEnd, header: SweepHeader | None) -> list[str]:
    """Objective values of a trial that completed; the reason of one that did not."""
    if end.ending is not Ending.COMPLETED:
        return [end.reason]
    return worth(end.metrics, header)


def worth(figures: Mapping[str, float], header: SweepHeader | None) -> list[str]:
    """The objectives among some figures, in their order."""
    names = [o.name for o in header.objectives] if header else list(figures)
    return [f"{short_metric(name)} {number(name, figures[name])}" for name in names if name in figures]


def worth_at_rung(paused: TrialPaused, header: SweepHeader | None) -> list[str]:
    """The objectives at a rung, or the validation loss where that alone is judged."""
    return worth(paused.values, header) or worth(paused.values, None)


def summary_lines(summary: SweepSummary) -> list[str]:
    """The final table, the promoted adapter and what to type next."""
    lines = plain_pareto(summary.rows, summary.objectives)
    if summary.promotion is not None:
        lines += ["", *plain_promotion(summary.promotion)]
    return [*lines, "", f"finished in {duration(summary.duration_s)}; look at it with: {summary.ui_command}"]

"""The report of a study as values: what `harness report` puts on a page. Frozen; no I/O, no rendering.

Reading them out of a study is `harness.sweep.report`'s, making a page of them `harness.tracking.page`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.measured import Measured
from harness.core.pareto import Objective
from harness.tracking.points import TrialPoint
from harness.tracking.samples import Samples
from harness.tracking.search import SearchRecord

Facts = tuple[tuple[str, str], ...]
"""Name and value, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A trial as the report lists it.

    Attributes:
        number: Optuna's.
        ending: How it ended, ``completed``, ``pruned:rung`` ...; ``open`` while it has not.
        reason: In one line.
        settings: Sampled settings.
        values: Objective -> figure; empty unless it completed.
        seconds: Of its processes where that is known, else from ask to tell; None while it is open.
        peak_bytes: The most it was seen to take; None where it never ran.
        rung: Index of the highest rung it has reached; -1 for none.
        on_front: Whether no other dominates it.
        is_knee: Whether it is the balanced one of the front.
    """

    number: int
    ending: str
    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Measured] = field(default_factory=dict)
    seconds: float | None = None
    peak_bytes: int | None = None
    rung: int = -1
    on_front: bool = False
    is_knee: bool = False


@dataclass(frozen=True, slots=True)
class PromotedLine:
    """What was promoted.

    Attributes:
        trial: Its number.
        facts: Registry name, version, folder, digest.
        tuned: Metric -> figure on the test functions; empty where they are not known any more.
        untuned: The same of the untuned base.
        functions: Test functions that a figure is the mean of; None where that is not known.
    """

    trial: int
    facts: Facts
    tuned: Mapping[str, Measured]
    untuned: Mapping[str, Measured]
    functions: int | None = None


@dataclass(frozen=True, slots=True)
class StudyReport:
    """All that is known of a study.

    Attributes:
        study: Its name.
        made: When the report was made, in words.
        state: How the study stands, in words.
        facts: What was swept and on what: heading -> facts.
        objectives: In order.
        points: Completed trials and untuned baselines.
        trials: Every trial, in order.
        rungs: Rungs of the schedule, the full one included.
        search: Curves, importances, growth of the front.
        spent: Time and memory, in words.
        budget_bytes: The most one trial may take; None where that was not kept.
        promoted: What was promoted; None where nothing was.
        losses: Label and rows (`harness.tracking.run_log.metric_rows`) of the trials of the front.
        samples: Suites of the promoted trial, or of the knee, before and after.
        limits: What the figures do not say, in sentences.
    """

    study: str
    made: str
    state: str
    facts: Mapping[str, Facts]
    objectives: tuple[Objective, ...]
    points: tuple[TrialPoint, ...]
    trials: tuple[TrialLine, ...]
    rungs: int
    search: SearchRecord
    spent: Facts = ()
    budget_bytes: int | None = None
    promoted: PromotedLine | None = None
    losses: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = ()
    samples: Samples | None = None
    limits: tuple[str, ...] = ()

"""What stands below the table of a front: choices by rule, ties, growth. Records and their lines of text; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import wrap

from harness.console.view import ResultRow
from harness.core.pareto import Objective


@dataclass(frozen=True, slots=True)
class Choice:
    """What one rule chooses.

    Attributes:
        rule: In words.
        trial: Its number; None where it chooses nothing.
        why_not: Why it chooses nothing, else empty.
    """

    rule: str
    trial: int | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class FrontNotes:
    """Beside a front.

    Attributes:
        choices: That of the sweep file's rule first.
        limits: Constraints, as written.
        excluded: Label -> constraints that it does not keep.
        tied: Numbers of front members that cannot be told apart from the first choice.
        growth: Trial and share of the final hypervolume, wherever the front grew.
    """

    choices: tuple[Choice, ...]
    limits: tuple[str, ...] = ()
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tied: tuple[int, ...] = ()
    growth: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FrontPage:
    """All that `harness pareto` prints.

    Attributes:
        study: Its name.
        rows: Trials and baselines.
        objectives: In column order.
        notes: What stands below the table.
    """

    study: str
    rows: tuple[ResultRow, ...]
    objectives: tuple[Objective, ...]
    notes: FrontNotes


def note_lines(notes: FrontNotes, width: int) -> list[str]:
    """Lines of at most `width` cells."""
    kept = f" that keep {', '.join(notes.limits)}" if notes.limits else ""
    lines = ["", f"choice by rule, among the trials{kept}:"]
    for choice in notes.choices:
        said = f"trial {choice.trial}" if choice.trial is not None else "none"
        mark = "the sweep file's rule: " if choice is notes.choices[0] else ""
        why = f" ({choice.why_not})" if choice.why_not else ""
        lines += wrap(f"{said:9} {mark}{choice.rule}{why}", width, initial_indent="  ", subsequent_indent=" " * 12)
    first = notes.choices[0].trial
    if notes.tied and first is not None:
        named = ", ".join(f"trial {number}" for number in notes.tied)
        lines += wrap(f"not to be told apart from trial {first} on these functions: {named}", width, subsequent_indent="  ")
    for label, texts in notes.excluded.items():
        lines += wrap(f"{label} does not keep {', '.join(texts)}", width)
    if len(notes.growth) > 1:
        grown = ", ".join(f"{share:.0%} with trial {number}" for number, share in notes.growth)
        lines += wrap(f"hypervolume of the front: {grown}", width, subsequent_indent="  ")
    return lines

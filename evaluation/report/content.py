"""What every form of the report shows, and the words that they share. No rendering."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.inputs.lines import InputProblem
from evaluation.records import FocalFunction, Suite
from evaluation.score import Report

ABSENT = "-"
SCHEMA_VERSION = 1  # raise it when a reader of the JSON would have to change
HEADLINE: Mapping[str, str] = {
    "pass_rate": "pass rate",
    "line_coverage": "line coverage",
    "branch_coverage": "branch coverage",
    "mutation_score": "mutation score",
}
# Characters that a terminal or a browser acts on, or that make text read in another order than it runs.
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Content:
    """A scoring with what it was made from.

    Attributes:
        report: The scoring.
        functions: As they were given to it, in the same order.
        suites: Function id -> suite.
        problems: What could not be used of the input.
    """

    report: Report
    functions: tuple[FocalFunction, ...]
    suites: Mapping[str, Suite]
    problems: tuple[InputProblem, ...] = ()


def visible(text: str) -> str:
    r"""Text that a model wrote, safe to show: whatever is active or invisible in it becomes an escape such as ``\x1b``."""
    return ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = 200) -> str:
    """The same on one line of at most `limit` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as a percentage; a dash where it is absent. What is not all is never shown as 100, nor something as 0."""
    if value is None:
        return ABSENT
    step = 10.0 ** -(digits + 2)
    shown = value if value in {0.0, 1.0} else min(max(value, step), 1 - step)
    return f"{100 * shown:.{digits}f}"

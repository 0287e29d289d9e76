"""Line and branch coverage of a focal function from the arcs a run executed.

What coverage.py finds out about a source by reading it is worked out once per function and kept; what a suite executed comes as
plain arcs from the sandbox, so that no run carries the function's text.

Source: coverage.py 7.17 `results.analysis_from_file_reporter` and `results.Analysis`, whose figures these are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import coverage
from coverage.parser import PythonParser
from coverage.python import PythonFileReporter
from coverage.results import Analysis

from evaluation.records import SOLUTION_PATH
from evaluation.runner.source import body_lines

Arc = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Covered:
    """What passing tests executed.

    Attributes:
        lines: Share of the function's statements.
        branches: Share of its branch exits; equals `lines` where there is no branch.
        missed: First lines of the function's statements that were not run, 1-based.
        ran: First lines of all statements of the module that were run.
        taken: Branch exits of the function that were taken, as arcs; of those that `branches` is a share of.
    """

    lines: float
    branches: float
    missed: tuple[int, ...]
    ran: frozenset[int]
    taken: tuple[Arc, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageMap:
    """What there is to cover in one source.

    Attributes:
        body: First lines of the focal function's statements.
        statements: First lines of all statements.
        excluded: Lines that a ``pragma: no cover`` takes out.
        first_lines: Line, first line of its statement; for statements of several lines.
        arcs: Possible arcs.
        exits: Line, number of exits.
        no_branch: Lines whose missing exits do not count.
        with_jumps: Arcs by which leaving a ``with`` statement is reported, and the arc each stands for, or None.
    """

    body: tuple[int, ...]
    statements: tuple[int, ...]
    excluded: tuple[int, ...]
    first_lines: dict[int, int]
    arcs: tuple[Arc, ...]
    exits: dict[int, int]
    no_branch: tuple[int, ...]
    with_jumps: tuple[tuple[Arc, Arc | None], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        values = asdict(self)
        return {**values, "first_lines": list(self.first_lines.items()), "exits": list(self.exits.items())}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CoverageMap:
        """Inverse of `to_dict`."""
        plain = {name: tuple(values[name]) for name in ("body", "statements", "excluded", "no_branch")}
        arcs = tuple((a, b) for a, b in values["arcs"])
        jumps = tuple(((a, b), into and (into[0], into[1])) for (a, b), into in values["with_jumps"])
        return cls(**plain, first_lines=dict(values["first_lines"]), arcs=arcs, exits=dict(values["exits"]), with_jumps=jumps)

    def measure(self, executed: Iterable[Arc]) -> Covered:
        """Coverage by the executed arcs."""
        arcs = self._translate({(a, b) for a, b in executed})
        ran = {line for arc in arcs for line in arc if line > 0} & set(self.statements)
        analysis = self._analysis(ran, self._straightened(arcs))
        missed = tuple(line for line in self.body if line not in ran)
        lines = _share(len(self.body) - len(missed), len(self.body), otherwise=0.0)
        inside = set(self.body)
        exits = [pair for line, pair in analysis.branch_stats().items() if line in inside]
        branches = _share(sum(done for _, done in exits), sum(total for total, _ in exits), otherwise=lines)
        return Covered(lines, branches, missed, frozenset(ran), self._taken(analysis, inside))

    def _taken(self, analysis: Analysis, inside: set[int]) -> tuple[Arc, ...]:
        """Branch exits that are not missing: those that ``pragma: no branch`` excuses count, as they do in the share."""
        lines = {line for line in analysis.branch_stats() if line in inside}
        missing = {(start, end) for start, ends in analysis.missing_branch_arcs().items() for end in ends}
        exits = {arc for arc in self.arcs if arc[0] in lines and arc[1] not in self.excluded}
        return tuple(sorted(exits - missing))

    @property
    def branch_count(self) -> int:
        """Branch exits of the function: what `Covered.branches` is a share of; 0 where there is no branch."""
        return sum(total for line, (total, _) in self._analysis(set(), set()).branch_stats().items() if line in set(self.body))

    def _translate(self, arcs: set[Arc]) -> set[Arc]:
        """As `PythonParser.translate_arcs`: jumps out of ``with`` first, then lines to the first of their statement."""
        jumps = dict(self.with_jumps)
        fixed = (jumps.get(arc, arc) for arc in arcs)
        return {(self._first(arc[0]), self._first(arc[1])) for arc in fixed if arc is not None}

    def _first(self, line: int) -> int:
        return -self.first_lines.get(-line, -line) if line < 0 else self.first_lines.get(line, line)

    def _straightened(self, arcs: set[Arc]) -> set[Arc]:
        """A jump from a line to itself means its only exit, where it has but one."""
        targets: dict[int, set[int]] = defaultdict(set)
        for start, end in self.arcs:
            targets[start].add(end)
        only = {start: next(iter(ends)) for start, ends in targets.items() if len(ends) == 1}
        return {(a, b) if a != b else (a, only[a]) for a, b in arcs if a != b or a in only}

    def _analysis(self, ran: set[int], arcs: set[Arc]) -> Analysis:
        return Analysis(
            precision=0,
            filename=SOLUTION_PATH,
            has_arcs=True,
            statements=set(self.statements),
            excluded=set(self.excluded),
            executed=ran,
            arc_possibilities_set=set(self.arcs),
            arcs_executed_set=arcs,
            exit_counts=dict(self.exits),
            no_branch=set(self.no_branch),
        )


class _Text(PythonFileReporter):
    """A reporter of a source that is in no file."""

    def __init__(self, text: str) -> None:
        settings = coverage.Coverage(data_file=None, branch=True, config_file=False)
        super().__init__(SOLUTION_PATH, settings)
        self._source = text
        self._parser = PythonParser(text=text, filename=SOLUTION_PATH, exclude=settings._exclude_regex("exclude"))
        self._parser.parse_source()


def coverage_map(source: str, entry_point: str) -> CoverageMap:
    """Read a source.

    Args:
        source: A module that has the entry point on lines of its own; see `evaluation.runner.source.measurable`.
        entry_point: The focal function.
    """
    report = _Text(source if source.endswith("\n") else source + "\n")
    own = body_lines(source, entry_point)
    arcs = report.arcs()
    jumps = getattr(report.parser, "_with_jump_fixers", {})
    return CoverageMap(
        body=_sorted(line for line in report.lines() if line in own),
        statements=_sorted(report.lines()),
        excluded=_sorted(report.excluded_lines()),
        first_lines=dict(report.parser.multiline_map),
        arcs=tuple(sorted(arcs)),
        exits=dict(report.exit_counts()),
        no_branch=_sorted(report.no_branch_lines()),
        with_jumps=tuple(jumps.items()),
    )


def _sorted(lines: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(lines))


def _share(part: int, whole: int, *, otherwise: float) -> float:
    return part / whole if whole else otherwise


def lines_of(covered: Collection[int]) -> str:
    """Line numbers for a person: ``3-5, 9``."""
    runs: list[list[int]] = []
    for line in sorted(covered):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)

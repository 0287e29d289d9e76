"""Recorded learning curves (`benchmarks/curves.py`), replayed for any settings of their space.

Owns reading the file and what is asked between its recorded shares. Which recorded configuration stands for which settings
is `harness.simulation.nearest`'s.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.core.errors import HarnessError
from harness.core.rungs import Rung, Rungs, functions_at, nested_order
from harness.simulation.curves import Column, Reading, Settings, Stages, means
from harness.simulation.nearest import Nearest

FORMAT = "harness-curves/1"
_FIGURES = ("pass_rate", "line_coverage", "branch_coverage", "mutation_score")
_ALL = 1e-9
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Point:
    """One recorded rung; columns stand in the nested order of the functions."""

    share: float
    diverged: str | None
    columns: Mapping[str, Column]
    metrics: Mapping[str, float]
    eval_loss: float | None
    seconds: Mapping[str, float]


class CurveTable:
    """A recorded table.

    Args:
        header: Its first line.
        lines: All others; a configuration counts when all its rungs are there.

    Attributes:
        header: Device, versions, space, functions: how the curves were recorded.
        configurations: The recorded settings, in their order.

    Raises:
        ValueError: if no configuration is complete.
    """

    def __init__(self, header: Mapping[str, Any], lines: Sequence[Line]) -> None:
        self.header = header
        self._order = nested_order(header["functions"], header["data"]["digest"])
        by_config: dict[int, list[Line]] = {}
        for line in lines:
            by_config.setdefault(line["config"], []).append(line)
        rungs = len(header["rung_steps"])
        complete = [sorted(group, key=lambda line: line["rung"]) for group in by_config.values() if len(group) == rungs]
        self.configurations: tuple[Settings, ...] = tuple(group[0]["params"] for group in complete)
        self._curves = [tuple(self._point(line) for line in group) for group in complete]
        self._nearest = Nearest(header["space"], self.configurations)
        self._found: dict[tuple[Any, ...], int] = {}

    @classmethod
    def read_file(cls, path: Path) -> CurveTable:
        """Open a table; a half-written last line is left out.

        Raises:
            HarnessError: BAD_INPUT when there is none, or none that can be read.
        """
        try:
            text = path.read_text("utf-8")
            header, *lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
            if header["format"] != FORMAT:
                raise ValueError(f"format {header['format']!r}, not {FORMAT!r}")
            return cls(header, lines)
        except (OSError, ValueError, KeyError) as error:
            why = error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            fix = "record one with benchmarks/curves.py, or leave --curves out"
            raise HarnessError(f"{path} is no table of learning curves", why=why, fix=fix) from error

    @property
    def total_steps(self) -> int:
        """Optimizer steps of a whole training."""
        return int(self.header["rung_steps"][-1])

    @property
    def functions(self) -> int:
        """Validation functions at the full rung."""
        return len(self._order)

    @property
    def figures(self) -> tuple[str, ...]:
        """Figures that are known function by function."""
        return _FIGURES

    @property
    def rungs(self) -> Rungs:
        """The recorded shares of training, with all functions at every one."""
        return Rungs(tuple(Rung(steps / self.total_steps, 1.0) for steps in self.header["rung_steps"][:-1]))

    @property
    def space(self) -> Mapping[str, Mapping[str, Any]]:
        """Axis -> ``low``, ``high``, ``log``, ``type``, or ``choices``."""
        return cast(Mapping[str, Mapping[str, Any]], self.header["space"])

    def index(self, settings: Settings) -> int:
        """The recorded configuration that stands for some settings."""
        key = tuple(settings.get(name) for name in self.space)
        if key not in self._found:
            self._found[key] = self._nearest(settings)
        return self._found[key]

    def read(self, settings: Settings, share: Rung) -> Reading:
        """As recorded, or in a straight line between two recorded shares; below the first one, as at the first."""
        return self.read_index(self.index(settings), share)

    def read_index(self, index: int, share: Rung) -> Reading:
        """The same of a recorded configuration."""
        curve = self._curves[index]
        above = min(bisect_left([point.share for point in curve], share.training - _ALL), len(curve) - 1)
        high = curve[above]
        if high.diverged is not None:
            return Reading({}, {}, None, high.diverged)
        low = high if above == 0 else curve[above - 1]
        weight = 1.0 if high.share <= low.share else (share.training - low.share) / (high.share - low.share)
        count = functions_at(share, self.functions)
        columns = {name: _between(low.columns[name], high.columns[name], weight)[:count] for name in _FIGURES}
        metrics = {name: _mix(low.metrics.get(name, value), value, weight) for name, value in high.metrics.items()}
        if count < self.functions or weight < 1:
            metrics |= means(columns)
        eval_loss = None if high.eval_loss is None or low.eval_loss is None else _mix(low.eval_loss, high.eval_loss, weight)
        if not count:
            return Reading({} if eval_loss is None else {"eval_loss": eval_loss}, {}, eval_loss)
        return Reading(metrics, columns, eval_loss)

    def stages(self, settings: Settings, done: float, share: Rung) -> Stages:
        """As recorded; training by the share, writing and scoring by the number of functions."""
        curve = self._curves[self.index(settings)]
        train = _trained_s(curve, share.training) - _trained_s(curve, done)
        at = next((point for point in curve if point.share >= share.training - _ALL), curve[-1]).seconds
        asked = share.validation
        load = float(curve[0].seconds.get("train_load", 0.0))  # later rungs were recorded with the base still there
        return Stages(load, max(0.0, train), at.get("eval", 0.0), asked * at.get("generate", 0.0), asked * at.get("score", 0.0))

    def _point(self, line: Line) -> _Point:
        found = line.get("functions", {})
        columns = {name: tuple(found[name][i] for i in self._order) for name in _FIGURES} if found else {}
        metrics = {name: value for name, value in line.get("metrics", {}).items() if value is not None}
        if line.get("eval_loss") is not None:
            metrics["eval_loss"] = line["eval_loss"]
        diverged = line["reason"] or "diverged" if line["diverged"] else None
        if diverged is None and not found:
            raise ValueError(f"configuration {line['config']} has no scores at step {line['steps']}")
        share = line["steps"] / self.total_steps
        return _Point(share, diverged, columns, metrics, line.get("eval_loss"), self._seconds(line))

    def _seconds(self, line: Line) -> dict[str, float]:
        """Of every stage: those of torch with one thread by the processor's clock, for a recording shares its machine."""
        alone = self.header["device"].get("threads") == 1
        busy = {stage: seconds for stage, seconds in line.get("cpu_seconds", {}).items() if alone and stage != "score"}
        return {**line["seconds"], **busy}


def _trained_s(curve: Sequence[_Point], share: float) -> float:
    """Seconds of training up to a share."""
    total, before = 0.0, 0.0
    for point in curve:
        within = min(max((share - before) / (point.share - before), 0.0), 1.0)
        total += within * point.seconds["train"]
        before = point.share
    return total


def _between(low: Column, high: Column, weight: float) -> Column:
    return tuple(b if a is None or b is None else _mix(a, b, weight) for a, b in zip(low, high, strict=True))


def _mix(low: float, high: float, weight: float) -> float:
    return low + weight * (high - low) if weight < 1 else high

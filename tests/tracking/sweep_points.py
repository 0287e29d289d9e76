"""What the fixture of made-up sweeps returns."""

from __future__ import annotations

from collections.abc import Callable

from harness.core.pareto import Objective
from harness.tracking.points import TrialPoint

SweepPoints = Callable[[int], tuple[list[TrialPoint], list[Objective]]]

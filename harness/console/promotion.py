"""What a promotion is told as: who was compared, what was found, what became of the alias. Records only; no rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.core.gain import Gain
from harness.core.measured import Measured

Shown = Mapping[str, Measured | None]


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One of the trials that were measured again.

    Attributes:
        label: ``trial 3``.
        validation: Metric -> figure that the search was steered by.
        selection: The same on the selection functions; empty where there was nothing to choose between.
        chosen: Whether it went on to the test functions.
    """

    label: str
    validation: Shown
    selection: Shown = field(default_factory=dict)
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion of success and whether it is met.

    Attributes:
        text: As in the sweep file.
        found: What was measured, in words; ``not measured``.
        met: None where it was not measured.
    """

    text: str
    found: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """How a promotion went.

    Attributes:
        name: Registered model.
        promoted: Whether the alias points at the chosen adapter now.
        reason: Why, one line.
        rule: What was chosen by, in words.
        candidates: Measured again, in the order that the rule put them in by validation.
        selection_functions: On how many functions.
        chosen: Label of the one that went on.
        opponent: What it was compared with: ``champion version 2``, ``untuned base``.
        tested: Metric -> figure of the chosen one on the test functions, as measured.
        opponent_tested: The same for the opponent.
        untuned: The same for the untuned base.
        functions: Number of test functions.
        test_uses: How often these test functions have decided about this registered model, this time included.
        gain: None where nothing was compared.
        confidence: That the gain has to be shown with, one-sided.
        forced: The alias was moved although the gain was not shown.
        version: In the registry; None where nothing was registered.
        alias: The alias that points at it now; None where it was refused.
        folder: The ready PEFT folder, or None.
        criteria: Of success; they decide nothing.
        excluded: Label -> constraints that kept a trial from being chosen.
        flattery: Metric -> how much of `tested` is owed to having passed a test on it (`harness.core.flattery`); empty where
            nothing was promoted by a test.
    """

    name: str
    promoted: bool
    reason: str
    rule: str
    candidates: tuple[CandidateRow, ...]
    selection_functions: int
    chosen: str
    opponent: str
    tested: Shown
    opponent_tested: Shown
    untuned: Shown
    functions: int
    test_uses: int
    gain: Gain | None
    confidence: float
    forced: bool = False
    version: str | None = None
    alias: str | None = None
    folder: str | None = None
    criteria: tuple[Criterion, ...] = ()
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flattery: Mapping[str, float] = field(default_factory=dict)

    def expected(self) -> dict[str, float]:
        """Metric -> the score to report: what is measured, less what flatters it; of the metrics that were tested."""
        known = {name: figure for name, figure in self.tested.items() if figure is not None}
        return {name: max(0.0, known[name].value - by) for name, by in self.flattery.items() if name in known}

    def shrinkage(self) -> dict[str, float]:
        """Metric -> how much lower the chosen one is on the test functions than on those that it was chosen by."""
        seen = next((row.validation for row in self.candidates if row.chosen), {})
        both = {name: (seen.get(name), self.tested.get(name)) for name in seen}
        return {name: before.value - after.value for name, (before, after) in both.items() if before and after}

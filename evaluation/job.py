"""Everything that the examination of one suite needs, worked out beforehand. No processes, no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass

from evaluation.coverage_map import CoverageMap
from evaluation.mutation.records import Variants
from evaluation.runner.source import statement_starts
from evaluation.runner.wire import Limits

SLOWDOWN = 4  # a traced loop takes that much longer, at most
CPU_FLOOR_S = 0.5
TICKS_FLOOR = 10_000
TICKS_FACTOR = 20
TICKS_EXTRA = 4_000_000  # about half a second of empty loops
UNLIMITED_TICKS = 1 << 60


@dataclass(frozen=True, slots=True)
class Prepared:
    """A focal function, ready to have suites run against it.

    Attributes:
        entry_point: The focal function.
        source: Its module.
        variants: Reference, neutral variants and mutants, compiled.
        traced: The reference compiled for coverage, marshalled.
        coverage: What there is to cover.
        same_lines: Whether `traced` has the lines of `source`, so that mutants on lines that were not run can be skipped.
        imports: Modules that the source imports.
    """

    entry_point: str
    source: str
    variants: Variants
    traced: bytes
    coverage: CoverageMap
    same_lines: bool
    imports: tuple[str, ...]

    def uncovered(self, ran: frozenset[int]) -> frozenset[int]:
        """Positions of the mutants whose statement was not run."""
        if not self.same_lines:
            return frozenset()
        starts = statement_starts(self.source)
        mutants = self.variants.mutants
        return frozenset(index for index, mutant in enumerate(mutants) if starts.get(mutant.line, mutant.line) not in ran)


@dataclass(frozen=True, slots=True)
class Job:
    """One suite against one function.

    Attributes:
        prepared: The function.
        suite: The suite's text.
        seed: Of `random` in the suite and of the order of controls.
        suite_timeout_s: For a run on the reference.
        mutant_timeout_s: For a run on a mutant, on top of twice what the reference takes.
        memory_bytes: For any run.
        examples: What the prompt shows, from `evaluation.copies.prompt_examples`.
    """

    prepared: Prepared
    suite: str
    seed: int
    suite_timeout_s: float
    mutant_timeout_s: float
    memory_bytes: int
    examples: frozenset[str] = frozenset()

    def reference_limits(self, slowdown: int = 1) -> Limits:
        """For a run on the reference, or on one that is traced."""
        seconds = self.suite_timeout_s * slowdown
        return Limits(seconds, seconds, self.memory_bytes)

    def mutant_limits(self, cpu_s: float) -> Limits:
        """For a run on anything else; a mutant and a neutral variant get the same.

        Args:
            cpu_s: What the reference took.
        """
        cpu = CPU_FLOOR_S + min(10 * cpu_s, 2 * cpu_s + self.mutant_timeout_s)
        return Limits(self.mutant_timeout_s + 2 * cpu_s, cpu, self.memory_bytes)

    def rng(self, what: str) -> random.Random:
        """A generator of choices that the suite's author cannot foresee and every repetition makes again."""
        return random.Random(f"{self.seed}:{what}:{self.suite}")  # noqa: S311 - choices, not secrets


def tick_budget(ticks: int) -> int:
    """Loop turns and calls after which a run is stopped, given what the reference takes.

    Twenty times as many, which no terminating mutant of the data sets at hand needs; a long-running reference gets a fixed
    number on top instead, because twenty times two seconds is too long to wait for.
    """
    return ticks + min((TICKS_FACTOR - 1) * ticks, TICKS_EXTRA) + TICKS_FLOOR

"""Made-up learning curves: a family of problems with a trade-off, noise and divergence, thousands of distinct settings each.

Owns the family. It is shaped after what recorded curves show, not fitted to them: what a training comes to is a bell over
the logarithm of the learning rate; higher rates learn sooner (so curves cross), too high ones diverge; higher ranks bring a
little and want a lower rate; coarse quantization costs a little. The validation loss follows what was learned from the first
step on, while suites pass nothing at all until the model has got hold of their form: scores are a threshold over the loss.
What writes simpler tests passes more often and finds less.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.core.rungs import Rung, functions_at
from harness.simulation.curves import Reading, Settings, Stages, means

SPACE: Mapping[str, Mapping[str, Any]] = {
    "r": {"low": 2, "high": 64, "log": True, "type": "int"},
    "learning_rate": {"low": 5e-5, "high": 1e-2, "log": True, "type": "float"},
    "warmup_ratio": {"low": 0.0, "high": 0.3, "log": False, "type": "float"},
    "quantization": {"choices": ["none", "int8", "nf4"], "type": "categorical"},
}
FIGURES = ("pass_rate", "line_coverage", "branch_coverage", "mutation_score")
_FULL_LOSS, _FIRST_LOSS = 0.35, 1.0
_STEEP = 0.07


@dataclass(frozen=True)
class SyntheticCurves:
    """One problem of the family.

    Attributes:
        seed: Which; everything below is drawn from it where it is not given.
        functions: Validation functions.
        total_steps: Optimizer steps of a whole training.
        noise: Standard deviation of a valid suite's score around what its function's difficulty and the adapter give.
        step_s: Seconds of an optimizer step.
        function_s: Seconds to write and score one function's suite.
    """

    seed: int
    functions: int = 20
    total_steps: int = 18
    noise: float = 0.12
    step_s: float = 4.0
    function_s: float = 1.1
    figures: tuple[str, ...] = field(default=FIGURES, init=False)

    @cached_property
    def _problem(self) -> _Problem:
        return _Problem.draw(random.Random(f"problem {self.seed}"), self.functions)  # noqa: S311 -- reproducible, not secret

    def read(self, settings: Settings, share: Rung) -> Reading:
        """Noise belongs to settings and function: asked again, the answer is the same."""
        problem, at = self._problem, _Point.of(settings)
        diverged = problem.diverges_at(at)
        if diverged is not None and diverged <= share.training:
            step = max(1, math.ceil(diverged * self.total_steps))
            return Reading({}, {}, None, f"the loss diverged at step {step}")
        learned = problem.learned(at, share.training)
        draw = random.Random(f"noise {self.seed} {at}")  # noqa: S311
        lasting = [(draw.gauss(0, 1), draw.random()) for _ in range(self.functions)]
        passing = random.Random(f"noise {self.seed} {at} {share.training:.6f}")  # noqa: S311
        formed = problem.formed(at, learned)
        valid = [0.75 * stays + 0.25 * passing.random() < formed for _, stays in lasting]
        columns: dict[str, tuple[float | None, ...]] = {}
        for name in FIGURES:
            level = problem.level(name, at, learned)
            scores = []
            for hard, (stays, _), is_valid in zip(problem.difficulty, lasting, valid, strict=True):
                score = level * (1.4 - 0.8 * hard) + self.noise * (0.7 * stays + 0.7 * passing.gauss(0, 1))
                scores.append(round(min(1.0, max(0.0, score)), 6) if is_valid else 0.0)
            columns[name] = tuple(scores[: functions_at(share, self.functions)])
        loss = _FIRST_LOSS - (_FIRST_LOSS - _FULL_LOSS) * learned * problem.bell(at) + 0.003 * lasting[0][0]
        return Reading({**means(columns), "eval_loss": loss}, columns, loss)

    def stages(self, settings: Settings, done: float, share: Rung) -> Stages:
        """Every step and every function takes the same; quantized bases train more slowly."""
        slower = {"none": 1.0, "int8": 1.5, "nf4": 1.3}.get(str(settings.get("quantization", "none")), 1.0)
        steps = math.ceil(share.training * self.total_steps - 1e-9) - math.ceil(done * self.total_steps - 1e-9)
        asked = functions_at(share, self.functions)
        writing_s = asked * self.function_s
        return Stages(1.0, max(0, steps) * self.step_s * slower, self.step_s, writing_s, 0.1 * writing_s)


@dataclass(frozen=True, slots=True)
class _Point:
    """The settings that the family looks at, on scales of its own; all others are ignored."""

    rank: float  # log2(r)
    rate: float  # log10(learning_rate)
    warmup: float
    quantization: str

    @classmethod
    def of(cls, settings: Settings) -> _Point:
        return cls(
            math.log2(settings.get("r", 16)),
            math.log10(settings.get("learning_rate", 2e-4)),
            float(settings.get("warmup_ratio", 0.03)),
            str(settings.get("quantization", "none")),
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    """One member of the family; see the fields' comments for what each does."""

    best_rate: float  # log10 of the best learning rate at rank 16
    width: float  # of the bell, in powers of ten
    rank_shift: float  # how far one doubling of the rank moves the best rate down
    rank_gain: float  # share of quality that a doubling of the rank brings, up to 64
    cost: Mapping[str, float]  # share of quality that a quantization costs
    speed: float  # how fast quality is learned at the best rate
    warmup: float  # best warmup
    cliff: float  # log10 of the rate above which training diverges without warmup
    trade: float  # how much pass_rate prefers lower ranks and rates, and coverage higher ones
    threshold: float  # how much has to be learned before suites pass
    top: Mapping[str, float]  # the figures at their best
    difficulty: tuple[float, ...]  # of the functions, 0-1

    @classmethod
    def draw(cls, draw: random.Random, functions: int) -> _Problem:
        best = draw.uniform(-3.3, -2.6)
        hardness = [draw.random() for _ in range(functions)]
        middle = sum(hardness) / functions
        top = {name: draw.uniform(0.5, 0.85) for name in FIGURES}
        return cls(
            best_rate=best,
            width=draw.uniform(0.45, 0.8),
            rank_shift=draw.uniform(0.0, 0.1),
            rank_gain=draw.uniform(0.01, 0.05),
            cost={"none": 0.0, "int8": draw.uniform(0.0, 0.06), "nf4": draw.uniform(0.02, 0.12)},
            speed=draw.uniform(2.5, 5.0),
            warmup=draw.uniform(0.03, 0.15),
            cliff=best + draw.uniform(0.4, 0.7),
            trade=draw.uniform(0.05, 0.25),
            threshold=draw.uniform(0.45, 0.65),
            top=top,
            difficulty=tuple(min(1.0, max(0.0, 0.5 + hard - middle)) for hard in hardness),
        )

    def learned(self, at: _Point, share: float) -> float:
        """Share of its final quality that is there after a share of the training; higher rates are sooner there."""
        pace = self.speed * 10 ** (0.5 * (at.rate - self.best_rate))
        done = max(0.0, share - 0.5 * at.warmup)
        return (1 - math.exp(-pace * done)) / (1 - math.exp(-pace))

    def bell(self, at: _Point) -> float:
        """How near the settings are to the best, 0-1, whatever the objective."""
        off = (at.rate - self.best_rate + self.rank_shift * (at.rank - 4)) / self.width
        late = (at.warmup - self.warmup) / 0.4
        gain = 1 + self.rank_gain * (at.rank - 6)
        return math.exp(-0.5 * off * off - 0.5 * late * late) * gain * (1 - self.cost.get(at.quantization, 0.0))

    def formed(self, at: _Point, learned: float) -> float:
        """Share of the suites that have the form of one, 0-1."""
        return 1 / (1 + math.exp((self.threshold - self.bell(at) * learned) / _STEEP))

    def level(self, figure: str, at: _Point, learned: float) -> float:
        """Mean score of a suite that has the form of one, 0-1."""
        lean = self.trade * ((at.rank - 3.5) / 2.5 + (at.rate - self.best_rate)) / 2
        signed = -lean if figure == "pass_rate" else lean if figure == "mutation_score" else 0.5 * lean
        return min(1.0, max(0.0, self.top[figure] * (0.6 + 0.4 * self.bell(at) * learned) * (1 + signed)))

    def diverges_at(self, at: _Point) -> float | None:
        """Share of the training at which the loss runs away; None where it does not."""
        over = at.rate + 0.08 * (at.rank - 4) - self.cliff - 1.0 * at.warmup
        return None if over <= 0 else max(0.02, 0.6 * math.exp(-4 * over))

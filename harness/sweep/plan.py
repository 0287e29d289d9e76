"""`harness plan`: what a sweep file asks of a machine, found out without starting anything of it.

Owns the drawing and judging of settings. The figures are `harness.core.plan`'s, the ground they stand on
`harness.sweep.plan_ground`'s, the times `harness.sweep.plan_times`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.console.plan_table import render_plan
from harness.core.admission import Adapt, Admit, Reject
from harness.core.errors import ExitCode, HarnessError
from harness.core.memory import MemoryEstimate
from harness.core.plan import Durations, Extreme, Fate, Plan, Setting, durations
from harness.core.sensitivity import Decider, deciders
from harness.sweep.gate import Judged
from harness.sweep.paths import Paths
from harness.sweep.plan_ground import Ground, survey
from harness.sweep.plan_space import draw, ends, plain_value
from harness.sweep.plan_times import Clock, open_clock
from harness.tracking.plan_plot import plan_figure
from harness.tracking.plots import save

_MEMORY_ORDER: Mapping[str, tuple[Any, ...]] = {"quantization": ("nf4", "int8", "none"), "gradient_checkpointing": (True, False)}
"""From the smallest peak to the largest, where an order is wanted before any peak is known."""

_NO_MEMORY = frozenset(
    {"learning_rate", "warmup_ratio", "weight_decay", "lr_scheduler_type", "max_grad_norm", "num_train_epochs", "max_steps"}
    | {"lora_alpha", "use_rslora"}
)
"""Parameters that move no peak."""


@dataclass(frozen=True, slots=True)
class PlanAsked:
    """What was asked on the command line.

    Attributes:
        gpu: A card's name or a size; None for this machine.
        as_json: One JSON object instead of tables.
        plot: Where the picture goes; None for ``plan-NAME.png`` in tracking.folder.
        samples: Settings drawn from the space, at least 1.
        seed: Of the drawing.
        say: Told, one line each, what takes time.
    """

    gpu: str | None = None
    as_json: bool = False
    plot: Path | None = None
    samples: int = 512
    seed: int = 0
    say: Callable[[str], None] = lambda _: None


def plan_command(config: SweepConfig, stem: str, asked: PlanAsked, environ: Mapping[str, str]) -> ExitCode:
    """Plan a sweep, print what was found, and draw it.

    Args:
        config: The sweep file.
        stem: The file's name without suffix.
        asked: The options.
        environ: Of this process.

    Returns:
        OK; NO_MEMORY when nothing of the space would start with the file as it is.

    Raises:
        HarnessError: as `survey`; STORAGE when the picture cannot be written.
    """
    plan = make_plan(config, stem, asked, survey(config, asked.gpu, environ, asked.say))
    picture = _save(plan, asked.plot or Paths.of(config).folder / f"plan-{stem}.png")
    asked.say("")  # whatever was said last is done
    render_plan(plan, picture, sys.stdout, as_json=asked.as_json)
    starting = {Fate.FITS, Fate.ADAPTED} if plan.on_risk == "adapt" else {Fate.FITS}
    judged = (*plan.settings, *(extreme.setting for extreme in plan.extremes))
    return ExitCode.OK if any(s.fate in starting for s in judged) else ExitCode.NO_MEMORY


def make_plan(config: SweepConfig, stem: str, asked: PlanAsked, ground: Ground) -> Plan:
    """The figures of a plan.

    Raises:
        HarnessError: ENVIRONMENT when neither formula nor tracer can estimate this model.
    """
    clock, basis = open_clock(ground)
    judge = _Judge(ground, clock)
    by_formula = ground.predictor.source == "formula"
    settings = tuple(map(judge.setting, draw(config.space, asked.samples, asked.seed))) if by_formula else ()
    found, extremes = judge.by_formula(settings) if by_formula else ((), judge.by_tracer())
    traced = () if by_formula else (f"{ground.predictor.unknown}: three settings were traced, not the space",)
    return Plan(
        name=stem,
        model=ground.model.public_id,
        device=ground.device.name,
        budget_bytes=ground.device.budget.bytes,
        budget_source=ground.device.budget.source,
        settings=settings,
        extremes=extremes,
        deciders=found,
        on_risk=config.guard.on_risk,
        n_trials=config.study.n_trials,
        durations=_durations(config, settings, judge),
        time_basis=basis,
        notes=(*traced, *ground.notes, *_limits(config)),
    )


class _Judge:
    """Turns proposals of one plan into judged settings."""

    def __init__(self, ground: Ground, clock: Clock | None) -> None:
        self.ground = ground
        self.clock = clock
        self._default = {name: plain_value(value) for name, value in ground.config.default_proposal().items()}
        self._ends = ends(ground.config.space)

    def setting(self, proposal: Mapping[str, Any]) -> Setting:
        """One proposal, judged and timed."""
        params = self.ground.config.base_params().merged(proposal)
        proposed = self.ground.gate.judge(params)
        adapted = proposed
        if isinstance(proposed.verdict, Reject) and self.ground.adapting is not None:
            adapted = self.ground.adapting.judge(params)
        fate = Fate.FITS if isinstance(proposed.verdict, Admit) else _fate(adapted.verdict)
        steps = adapted.verdict.steps if isinstance(adapted.verdict, Adapt) else ()
        seconds = None if self.clock is None or fate is Fate.REFUSED else self.clock.trial(adapted.workload)
        return Setting(proposal, self._known(proposed), fate, tuple((step.name, str(step)) for step in steps), seconds)

    def peak(self, proposal: Mapping[str, Any]) -> int:
        """The estimated peak in bytes."""
        return self._known(self.ground.gate.judge(self.ground.config.base_params().merged(proposal))).total_bytes

    def by_formula(self, settings: tuple[Setting, ...]) -> tuple[tuple[Decider, ...], tuple[Extreme, ...]]:
        """What decides, and the smallest, default and largest setting."""
        points = {name: [(v, self.peak({**self._default, name: v})) for v in values] for name, values in self._ends.items()}
        found = deciders([s.proposal for s in settings], [s.estimate.total_bytes for s in settings], points)
        return found, self._extremes(self._towards(min), self._towards(max))

    def by_tracer(self) -> tuple[Extreme, ...]:
        """The three settings alone, the outer ones by what is known about memory in general."""
        low, high = dict(self._default), dict(self._default)
        for name in self._ends.keys() - _NO_MEMORY:
            values = self._ends[name]
            numeric = all(isinstance(v, int | float) for v in values)
            order = _MEMORY_ORDER.get(name) or (tuple(sorted(values)) if numeric else values)
            ordered = [value for value in order if value in values]
            low[name], high[name] = ordered[0], ordered[-1]
        return self._extremes(low, high)

    def _extremes(self, low: Mapping[str, Any], high: Mapping[str, Any]) -> tuple[Extreme, ...]:
        return (
            Extreme("smallest", self.setting(low)),
            Extreme("trial 0", self.setting(self._default)),
            Extreme("largest", self.setting(high)),
        )

    def _towards(self, choose: Callable[..., Any]) -> dict[str, Any]:
        """The setting at the end of the space, one parameter after the other; twice, since parameters interact."""
        at = dict(self._default)
        for name, values in (*self._ends.items(), *self._ends.items()):
            here: Iterable[Any] = dict.fromkeys((at[name], *values))  # what changes nothing stays as in trial 0
            at[name] = choose(here, key=lambda value, name=name: self.peak({**at, name: value}))
        return at

    def _known(self, judged: Judged) -> MemoryEstimate:
        if judged.corrected is not None:
            return judged.corrected
        raise HarnessError(
            f"the memory of {self.ground.model.public_id} cannot be estimated",
            why=self.ground.predictor.unknown or "neither formula nor tracer answers",
            fix="`harness sweep` runs it all the same: trials are watched, not refused beforehand",
            code=ExitCode.ENVIRONMENT,
        )


def _fate(verdict: Admit | Adapt | Reject | None) -> Fate:
    return Fate.ADAPTED if isinstance(verdict, Adapt) else Fate.REFUSED


def _durations(config: SweepConfig, settings: tuple[Setting, ...], judge: _Judge) -> Durations | None:
    if judge.clock is None or not settings:
        return None
    baseline = judge.clock.baselines(judge.ground.predictor.workload(config.base_params()))
    return durations(settings, config.study.n_trials, baseline, adapting=config.guard.on_risk == "adapt")


def _limits(config: SweepConfig) -> tuple[str, ...]:
    """What the file itself says that makes the sweep shorter."""
    told = {"study.timeout_s": config.study.timeout_s, "study.trial_timeout_s": config.study.trial_timeout_s}
    meaning = {"study.timeout_s": "no trial starts later than that", "study.trial_timeout_s": "a longer trial is pruned"}
    ends = tuple(f"{name} is {seconds:g}: {meaning[name]}" for name, seconds in told.items() if seconds is not None)
    rungs = "halving.rungs: the sweep's time is that of whole trainings, but most trials end at a rung"
    return (*ends, rungs) if config.halving.rungs else ends


def _save(plan: Plan, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(plan_figure(plan), path)
    except (OSError, ValueError) as error:  # ValueError: a suffix that matplotlib does not write
        raise HarnessError(
            f"the plot cannot be written to {path}", why=str(error), fix="name another file with --plot", code=ExitCode.STORAGE
        ) from error
    return path

"""How long a proposal takes, and how memory grows, over a long study with rungs.

Usage: python benchmarks/sampler.py [--trials 2000] [--every 1] [--json]

Six searched parameters, three objectives, three rungs; what becomes of a trial is drawn: one in nine is finished, two in nine
stand at the middle rung, the others are cut or wait at the first, one in twenty does not fit. Every proposal is made as a sweep
makes it: from the whole history, with nothing kept in between. NSGA-II gets half as many trials, GP (in its own process, the
wire included) 60. With ``--every N`` one proposal in N is made and measured, the others are drawn at random: times are the same
and come sooner. ``cpu`` is this process's own time, which a busy machine does not stretch.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.config.sections import Sampler
from harness.core.pareto import Direction
from harness.guard.child import Launch
from harness.guard.lines import LineProcess
from harness.study.history import Past, PastState
from harness.study.proposer import REMOTE, REMOTE_MODULE, Proposer
from harness.study.sampling import ProposalAsk

SPACE: dict[str, BaseDistribution] = {
    "r": IntDistribution(2, 128, log=True),
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "warmup_ratio": FloatDistribution(0.0, 0.3),
    "lora_dropout": FloatDistribution(0.0, 0.2),
    "quantization": CategoricalDistribution(["none", "int8", "nf4"]),
    "per_device_train_batch_size": CategoricalDistribution([1, 2, 4, 8]),
}
DIRECTIONS: tuple[Direction, ...] = ("maximize", "maximize", "maximize")
FUNCTIONS = 20
GP_TRIALS = 60


def main() -> None:
    """Measure the samplers, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    counts = {"tpe": options.trials, "nsga2": options.trials // 2, "gp": min(GP_TRIALS, options.trials)}
    found = {name: measured(name, count, options.every) for name, count in counts.items()}
    default = Sampler().name
    if options.json:
        sys.stdout.write(json.dumps({"default": default, **found[default], "samplers": found}) + "\n")
        return
    for name, figures in found.items():
        sys.stdout.write(f"{name:6s} " + "  ".join(f"{key} {value:g}" for key, value in figures.items()) + "\n")


def measured(name: str, count: int, every: int) -> dict[str, float]:
    """Seconds of a proposal and megabytes of growth over a study.

    Args:
        name: Of the sampler.
        count: Trials.
        every: One proposal in so many is measured.
    """
    ask = ProposalAsk(SPACE, DIRECTIONS, Sampler.model_validate({"name": name}), 0)
    with tempfile.TemporaryDirectory() as folder:
        lines = LineProcess(Launch((sys.executable, "-m", REMOTE_MODULE), Path(folder) / "log.txt", os.environ))
        try:
            return _loop(Proposer(ask, lines.ask if name in REMOTE else None), count, 1 if name in REMOTE else every)
        finally:
            lines.close()


def _loop(proposer: Proposer, count: int, every: int) -> dict[str, float]:
    chance = random.Random(0)
    filler = Proposer(ProposalAsk(SPACE, DIRECTIONS, Sampler(name="random"), 1))
    history: list[Past] = []
    wall: list[float] = []
    cpu: list[float] = []
    early = 0.0
    for number in range(count):
        if number % every:
            params = filler.next((), number)
        else:
            started, busy = time.perf_counter(), time.process_time()
            params = proposer.next(history)
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - busy)
        if params is None:
            raise AssertionError("a model never runs out of proposals")
        history.append(_become(number, params, chance))
        if number == min(100, count // 2):
            early = _resident_mib()
    late = cpu[-max(1, len(cpu) // 20) :]
    return {
        "trials": count,
        "measured": len(wall),
        **{f"{name}_s": round(_quantile(wall, share), 4) for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))},
        **{f"{name}_cpu_s": round(_quantile(cpu, share), 4) for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))},
        "p50_cpu_s_of_the_last": round(_quantile(late, 0.5), 4),
        "growth_mib": round(_resident_mib() - early, 1),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _resident_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss / 2**20)


def _become(number: int, params: Mapping[str, Any], chance: random.Random) -> Past:
    """What a trial has come to."""
    fits = {"memory": -0.2, "stability": -1.0}
    if chance.random() < 0.05:
        return Past(number, params, PastState.INFEASIBLE, (), {**fits, "memory": 0.2})
    reached = chance.choices((0, 1, 2), (6, 2, 1))[0]
    rungs = tuple(_values(params, (rung + 1) / 3, chance) for rung in range(reached + 1))
    if reached == 2:
        return Past(number, params, PastState.COMPLETE, rungs, {**fits, "rung": -0.3})
    if chance.random() < 0.5:
        return Past(number, params, PastState.CUT, rungs, {**fits, "rung": 0.3})
    return Past(number, params, PastState.PAUSED, rungs)


def _values(params: Mapping[str, Any], share: float, chance: random.Random) -> tuple[float, ...]:
    off = math.log10(params["learning_rate"] / 3e-4)
    rank = math.log2(params["r"]) / 7
    peaks: Sequence[float] = (-0.3, 0.0, 0.3)
    return tuple(
        0.6 * share**0.3 * math.exp(-((off - peak) ** 2)) + 0.1 * rank * index + chance.gauss(0, 0.2 / math.sqrt(FUNCTIONS))
        for index, peak in enumerate(peaks)
    )


if __name__ == "__main__":
    main()

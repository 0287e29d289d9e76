"""What the table of learning curves is about: the space, its configurations, the rungs. Torch-free.

Everything that is not searched stands in `search_spaces/quickstart.yaml`; only the length of training is another: one
training of `MAX_STEPS` steps, looked at on the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import qmc  # type: ignore[import-untyped]

from harness.config.load import load_config
from harness.config.sweep_config import SweepConfig
from harness.core.params import TrialParams

SWEEP_FILE = Path(__file__).resolve().parent.parent / "search_spaces" / "quickstart.yaml"
MAX_STEPS = 18
RUNG_STEPS = (2, 6, 18)
SOBOL_SEED = 6
TRAIN_SEED = 1
SPACE: dict[str, dict[str, Any]] = {
    "r": {"low": 2, "high": 64, "log": True, "type": "int"},
    "learning_rate": {"low": 5e-5, "high": 1e-2, "log": True, "type": "float"},
    "warmup_ratio": {"low": 0.0, "high": 0.3, "log": False, "type": "float"},
    "quantization": {"choices": ["none", "int8", "nf4"], "type": "categorical"},
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """One point of the space.

    Attributes:
        index: Its place in the sequence.
        proposal: Name -> value, as a sampler would propose it.
    """

    index: int
    proposal: dict[str, Any]

    def params(self, base: TrialParams) -> TrialParams:
        """The effective settings, over those of the sweep file."""
        return base.merged({**self.proposal, "max_steps": MAX_STEPS})


def sweep_config() -> SweepConfig:
    """The sweep file that the curves belong to.

    Raises:
        HarnessError: if it cannot be read.
    """
    return load_config(SWEEP_FILE)


def configurations(count: int) -> list[Configuration]:
    """The first points of a scrambled Sobol sequence: any prefix fills the space, and more points leave the first as they are.

    Source: A. B. Owen, Scrambling Sobol' and Niederreiter-Xing points (1998); scipy.stats.qmc.
    """
    power = max(1, math.ceil(math.log2(max(2, count))))
    points = qmc.Sobol(len(SPACE), scramble=True, seed=SOBOL_SEED).random_base2(power)[:count]
    return [
        Configuration(index, {name: _value(axis, float(share)) for (name, axis), share in zip(SPACE.items(), point, strict=True)})
        for index, point in enumerate(points)
    ]


def _value(axis: dict[str, Any], share: float) -> Any:
    """The value at a share (0-1) of an axis; whole numbers take equal parts of the scale, as Optuna cuts it."""
    if "choices" in axis:
        return axis["choices"][min(int(share * len(axis["choices"])), len(axis["choices"]) - 1)]
    low, high = axis["low"], axis["high"]
    if axis["type"] == "int":
        scaled = math.exp(math.log(low - 0.5) + share * (math.log(high + 0.5) - math.log(low - 0.5)))
        return min(max(round(scaled), low), high)
    if axis["log"]:
        return float(f"{math.exp(math.log(low) + share * (math.log(high) - math.log(low))):.6g}")
    return float(f"{low + share * (high - low):.6g}")

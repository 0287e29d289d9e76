"""A simulated 4 GiB card under the real search space of Qwen3-0.6B.

The true peak is the traced one (`tables/traced_peaks.csv`, rows `set=space`; linear in r between 8 and 64) plus this card's
context (450-750 MiB, drawn once per seed), a 32 MiB matrix workspace, and 2-8 % fragmentation (drawn for every launch).
Nothing of it comes from the formula, which is what the guard predicts with. The quality is made up and smooth: best at a
learning rate of 2e-4 for an effective batch of 16, rising with r, the batch, the epochs, and with less quantization. There
are three of it, as the file has three objectives: Optuna's TPE is another one for a single objective (multivariate).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from admission_problem import Problem, seeded

from harness.config.load import load_config
from harness.config.sweep_config import SweepConfig
from harness.core.admission import Adapt, Reject
from harness.core.calibration import group_of
from harness.core.ladder import Judge, adapt
from harness.core.memory import DeviceProfile, ModelShape, estimate_peak
from harness.core.params import TrialParams
from harness.core.pareto import Direction
from harness.core.workload import LossPath, Workload
from harness.study.sampling import distributions, plain

HERE = Path(__file__).parent
TABLE = HERE / "tables" / "traced_peaks.csv"
MODEL_CONFIG = HERE / "tables" / "configs" / "Qwen3-0.6B.json"
SPACE = HERE.parent / "search_spaces" / "qwen3-0.6b-4gb.yaml"
CAPACITY = 4 << 30
MIB = 1 << 20
WORKSPACE = 32 * MIB
_LOW_R, _HIGH_R = 8, 64
_BONUS = {"nf4": 0.0, "int8": 0.015, "none": 0.03}
_SHIFTS = (0.0, -0.15, 0.15)
_DIRECTIONS: tuple[Direction, ...] = ("maximize", "maximize", "maximize")
_IN_TABLE = TrialParams(gradient_checkpointing=True, max_length=2048)

NOT_TRACED = Reject("the table holds no such peak", math.inf)

Peaks = Mapping[tuple[str, int, int], int]


@dataclass(frozen=True, slots=True)
class Card:
    """One card of a seed, and what is known of it.

    Attributes:
        context_bytes: What a process takes of it before the first tensor.
        known_context_bytes: The same as the guard believes it.
    """

    seed: int
    context_bytes: int
    known_context_bytes: int


def draw_card(seed: int) -> Card:
    """A card whose context is measured at start-up, to 8 MiB."""
    draw = seeded("card", seed)
    context = draw.randrange(450 * MIB, 750 * MIB)
    return Card(seed, context, context + draw.randrange(-8 * MIB, 8 * MIB))


def draw_worse_card(seed: int) -> Card:
    """A card whose context is not measured and is up to 300 MiB above what `DeviceProfile.cuda` assumes."""
    assumed = DeviceProfile.cuda().context_bytes
    return Card(seed, seeded("worse card", seed).randrange(assumed, assumed + 300 * MIB), assumed)


def read_peaks(table: Path = TABLE) -> Peaks:
    """(quantization, micro-batch, r) -> traced bytes.

    Raises:
        ValueError: if a corner of the space is missing.
    """
    with table.open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    peaks = {
        (row["quantization"], int(row["per_device_train_batch_size"]), int(row["r"])): int(row["peak_bytes"])
        for row in rows
        if row["set"] == "space"
    }
    wanted = {(q, batch, r) for q in _BONUS for batch in (1, 2, 4, 8) for r in (_LOW_R, _HIGH_R)}
    if missing := wanted - peaks.keys():
        msg = f"{table.name} lacks rows of the space: {sorted(missing)}"
        raise ValueError(msg)
    return peaks


def card_problem(card: Card, peaks: Peaks, config: SweepConfig, objectives: int = len(_SHIFTS)) -> Problem:
    """The sweep of `search_spaces/qwen3-0.6b-4gb.yaml` on one card, with its first objectives."""
    shape = ModelShape.from_config(json.loads(MODEL_CONFIG.read_text("utf-8")))
    device = DeviceProfile.cuda(context_bytes=card.known_context_bytes)

    def truth(workload: Workload, launch: int) -> int:
        # Drawn by launch number: both loops meet the same sequence of luck.
        held = 1 + seeded("fragmentation", card.seed, launch).uniform(0.02, 0.08)
        return card.context_bytes + WORKSPACE + round(_traced(peaks, workload) * held)

    def adapted(workload: Workload, judge: Judge) -> Adapt | Reject:
        return adapt(workload, lambda asked: judge(asked) if _is_in_table(asked) else NOT_TRACED, "cuda", shape.num_hidden_layers)

    return Problem(
        distributions=distributions(config.space),
        directions=_DIRECTIONS[:objectives],
        reference=(0.0,) * objectives,
        first={name: plain(value) for name, value in config.default_proposal().items()},
        capacity_bytes=CAPACITY,
        settings=lambda proposal: Workload(config.base_params().merged(proposal), LossPath.FUSED),
        group=lambda workload: group_of(workload.params),
        truth=truth,
        estimate=lambda workload: estimate_peak(shape, workload, device),
        quality=lambda proposal: _quality(config.base_params().merged(proposal))[:objectives],
        adapt=adapted,
    )


def load_space(path: Path = SPACE) -> SweepConfig:
    """The real sweep file."""
    return load_config(path)


def _traced(peaks: Peaks, workload: Workload) -> int:
    params = workload.params
    low, high = (peaks[params.quantization.value, params.per_device_train_batch_size, r] for r in (_LOW_R, _HIGH_R))
    return low + (high - low) * (params.r - _LOW_R) // (_HIGH_R - _LOW_R)


def _is_in_table(workload: Workload) -> bool:
    """Only the micro-batch differs among the table's rows, beside what is searched."""
    params = workload.params
    same = all(getattr(params, name) == getattr(_IN_TABLE, name) for name in ("gradient_checkpointing", "max_length", "optim"))
    return same and workload.loss_path is LossPath.FUSED and workload.offloaded_layers == 0


def _quality(params: TrialParams) -> tuple[float, ...]:
    """One value for each objective of the file; they agree on what is better and differ on the best learning rate."""
    batch = params.effective_batch
    rate = math.log10(params.learning_rate) - math.log10(2e-4) - 0.15 * math.log2(batch / 16)
    common = (
        1
        + 0.04 * math.log2(params.r)
        + 0.03 * math.log2(batch / 8)
        + _BONUS[params.quantization.value]
        - 5 * (params.warmup_ratio - 0.05) ** 2
        + 0.02 * params.num_train_epochs
    )
    return tuple(common - 0.15 * (rate - shift) ** 2 for shift in _SHIFTS)

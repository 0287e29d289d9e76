"""The formula against every row of the committed table of traced peaks."""

from __future__ import annotations

import csv
import json
import statistics
from functools import cache
from pathlib import Path

from harness.core.memory import DeviceProfile, LossPath, ModelShape, estimate_peak
from harness.core.params import Quantization, TrialParams
from harness.core.workload import Workload

TABLES = Path(__file__).parents[2] / "benchmarks" / "tables"
BARE = DeviceProfile("cuda", 2, 0, 0, 0, 0)
Row = dict[str, str]


@cache
def shape(model: str) -> ModelShape:
    return ModelShape.from_config(json.loads((TABLES / "configs" / f"{model}.json").read_text("utf-8")))


def rows() -> list[Row]:
    with (TABLES / "traced_peaks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def workload(row: Row) -> Workload:
    targets = row["target_modules"]
    params = TrialParams(
        r=int(row["r"]),
        lora_dropout=float(row["lora_dropout"]),
        target_modules=targets if targets == "all-linear" else tuple(targets.split()),
        optim=row["optim"],
        quantization=Quantization(row["quantization"]),
        per_device_train_batch_size=int(row["per_device_train_batch_size"]),
        gradient_accumulation_steps=int(row["gradient_accumulation_steps"]),
        max_length=int(row["max_length"]),
        gradient_checkpointing=row["gradient_checkpointing"] == "True",
    )
    return Workload(
        params,
        loss_path=LossPath(row["loss_path"]),
        attn_implementation=row["attn_implementation"],
        double_quant=row["double_quant"] == "True",
    )


def error(row: Row) -> float:
    estimate = estimate_peak(shape(row["model"]), workload(row), BARE, padded=row["padded"] == "True")
    return estimate.total_bytes / int(row["peak_bytes"]) - 1


def test_the_formula_agrees_with_every_traced_peak() -> None:
    table = rows()
    errors = {i: error(row) for i, row in enumerate(table)}
    off = [(round(e, 4), table[i]) for i, e in errors.items() if not -0.02 <= e <= 0.02]
    assert not off
    assert statistics.median(abs(e) for e in errors.values()) <= 0.005


def test_the_table_is_as_wide_as_it_claims() -> None:
    table = rows()
    assert len(table) >= 200
    assert len({row["model"] for row in table}) >= 8
    for column, least in (("quantization", 3), ("gradient_checkpointing", 2), ("loss_path", 2), ("r", 5), ("max_length", 5)):
        assert len({row[column] for row in table}) >= least

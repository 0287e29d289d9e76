"""Makes benchmarks/tables/traced_peaks.csv: peaks from the tracer over a seeded, stratified sample of configurations.

    python benchmarks/trace_grid.py [--rows N] [--json]

Rows are appended as they come, and rows that are there already are kept: a run that was broken off goes on. The table
is the truth that `benchmarks/memory.py` holds the formula against, and `benchmarks/admission.py` simulates a GPU with.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload
from harness.guard.traced import trace_all
from harness.tracer.request import TRACER_VERSION, Traced, TraceRequest

TABLE = Path(__file__).with_name("tables") / "traced_peaks.csv"
CONFIGS = TABLE.with_name("configs")
SEED = 4
ROWS_PER_STRATUM = 4
SETTINGS = (
    "set",
    "model",
    "quantization",
    "double_quant",
    "gradient_checkpointing",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "r",
    "target_modules",
    "lora_dropout",
    "optim",
    "loss_path",
    "attn_implementation",
    "padded",
)
RESULTS = ("peak_bytes", "phase", "loss_bytes", "backward_bytes", "optimizer_step_bytes")
_PARAMS = (
    "gradient_checkpointing",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "r",
    "lora_dropout",
    "optim",
)
_LARGE = 3000  # hidden size from which a model is drawn with fewer tokens
_TIMEOUT_S = 36_000.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draw:
    """One stratum."""

    model: str
    quantization: str
    gradient_checkpointing: bool


def sample() -> list[Row]:
    """Every configuration of the table, in the order in which they are traced: any start of it is spread out."""
    rng = random.Random(SEED)
    models = sorted(path.stem for path in CONFIGS.glob("*.json"))
    strata = [Draw(m, q.value, c) for m in models for q in Quantization for c in (False, True)]
    rounds = [[_draw(stratum, rng) for stratum in rng.sample(strata, len(strata))] for _ in range(ROWS_PER_STRATUM)]
    drawn = [row for one in rounds for row in one]
    return [*drawn[: len(strata)], *_space(), *drawn[len(strata) :], *_padded(drawn)]


def request_of(row: Row) -> TraceRequest:
    """The request a row of the table (values or their text) stands for."""
    values = {name: _parsed(row[name]) for name in SETTINGS}
    targets = values["target_modules"]
    params = TrialParams(
        quantization=Quantization(values["quantization"]),
        target_modules=targets if targets == "all-linear" else tuple(targets.split()),
        **{name: values[name] for name in _PARAMS},
    )
    workload = Workload(
        params=params,
        loss_path=LossPath(values["loss_path"]),
        attn_implementation=values["attn_implementation"],
        double_quant=values["double_quant"],
    )
    config = json.loads((CONFIGS / f"{row['model']}.json").read_text("utf-8"))
    return TraceRequest(config, workload, "cuda", 2, values["padded"])


def read_table(path: Path = TABLE) -> list[dict[str, str]]:
    """The rows of the table; none where it does not exist."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _draw(stratum: Draw, rng: random.Random) -> Row:
    config = json.loads((CONFIGS / f"{stratum.model}.json").read_text("utf-8"))
    most = 16384 if stratum.gradient_checkpointing else 8192 if config["hidden_size"] >= _LARGE else 16384
    shapes = [(b, n) for b in (1, 2, 4, 8) for n in (256, 512, 1024, 2048, 4096) if b * n <= most]
    attention = rng.choice(["sdpa"] * 9 + ["eager"])
    batch, length = rng.choice([(b, n) for b, n in shapes if attention == "sdpa" or b * n * n <= 1 << 22])
    queries_values = "qkv_proj" if config["model_type"] == "phi3" else "q_proj v_proj"
    return {
        "set": "sample",
        "model": stratum.model,
        "quantization": stratum.quantization,
        "double_quant": rng.random() < 0.85,
        "gradient_checkpointing": stratum.gradient_checkpointing,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": rng.choice([1, 1, 4, 8]),
        "max_length": length,
        "r": rng.choice([4, 8, 16, 32, 64, 128]),
        "target_modules": rng.choice(["all-linear"] * 3 + [queries_values]),
        "lora_dropout": rng.choice([0.0, 0.0, 0.0, 0.05]),
        "optim": rng.choice(["adamw_torch"] * 6 + ["adamw_bnb_8bit"] * 2 + ["adamw_torch_fused"] * 2),
        "loss_path": rng.choice(["fused"] * 3 + ["logits"] * 2),
        "attn_implementation": attention,
        "padded": False,
    }


def _space() -> list[Row]:
    """The whole of search_spaces/qwen3-0.6b-4gb.yaml, but for r, between whose two values every peak is affine."""
    fixed: Row = {
        "set": "space",
        "model": "Qwen3-0.6B",
        "double_quant": True,
        "gradient_checkpointing": True,
        "gradient_accumulation_steps": 8,
        "max_length": 2048,
        "target_modules": "all-linear",
        "lora_dropout": 0.0,
        "optim": "adamw_torch",
        "loss_path": "fused",
        "attn_implementation": "sdpa",
        "padded": False,
    }
    return [
        {**fixed, "quantization": q.value, "per_device_train_batch_size": batch, "r": r}
        for q in Quantization
        for batch in (1, 2, 4, 8)
        for r in (8, 64)
    ]


def _padded(drawn: Sequence[Row]) -> list[Row]:
    """Some of the sample's batches again, with an example that is shorter than the others."""
    several = [row for row in drawn if row["per_device_train_batch_size"] > 1 and row["attn_implementation"] == "sdpa"]
    return [{**row, "set": "padded", "padded": True} for row in several[:36]]


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value in ("True", "False"):
        return value == "True"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _identity(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in SETTINGS)


def _result(row: Row, traced: Traced) -> dict[str, Any]:
    phases = traced.phases
    found = (traced.peak_bytes, traced.phase, phases["loss"], phases["backward"], phases["optimizer step"])
    return {**row, **dict(zip(RESULTS, found, strict=True))}


def _trace(rows: Sequence[Row]) -> Iterator[tuple[dict[str, Any], Traced]]:
    answers = trace_all([request_of(row) for row in rows], dict(os.environ), _TIMEOUT_S)
    for row, traced in zip(rows, answers, strict=True):
        yield _result(row, traced), traced


def main() -> int:
    """Trace what the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=None, help="at most so many new rows")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end and nothing else")
    options = parser.parse_args()
    known = {_identity(row) for row in read_table()}
    missing = [row for row in sample() if _identity(row) not in known][: options.rows]
    started, fresh = time.monotonic(), not TABLE.exists()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*SETTINGS, *RESULTS], lineterminator="\n")
        for number, (row, traced) in enumerate(_trace(missing) if missing else (), 1):
            if fresh:
                file.write(f"# {json.dumps(dict(traced.versions))}\n")
                writer.writeheader()
                fresh = False
            writer.writerow(row)
            file.flush()
            if not options.json:
                print(
                    f"{number}/{len(missing)} {row['model']} {traced.seconds:.1f} s {row['peak_bytes'] / 2**30:.2f} GiB",
                    flush=True,
                )
    spent = time.monotonic() - started
    if options.json:
        print(json.dumps({"rows": len(read_table()), "new": len(missing), "seconds": round(spent, 1), "tracer": TRACER_VERSION}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

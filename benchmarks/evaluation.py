"""Every headline figure of the scorer: ``--json`` prints one line, ``--only mbpp,cli`` runs parts, ``--limit N`` tries it out.

Owns the command line, the order of the parts and the one line of output. What a part measures stands in the module that holds
it (``evaluation_*.py``), what its fields mean in docs/benchmarks-evaluation.md. Needs HumanEval and MBPP: ``../shared/data``, or
the folder that HARNESS_SHARED_DATA names.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = {  # in the order they run; `floor` and `cli` say how far `mbpp` is from the floor and from the ordinary way
    "mbpp": ("evaluation_speed", "mbpp"),
    "cli": ("evaluation_speed", "cli"),
    "parity": ("evaluation_parity", "parity"),
    "ceilings": ("evaluation_honesty", "ceilings"),
    "degenerate": ("evaluation_honesty", "degenerate"),
    "escapes": ("evaluation_honesty", "escapes"),
    "determinism": ("evaluation_determinism", "determinism"),
    "floor": ("evaluation_floor", "floor"),
}


def main() -> int:
    """Run the parts and print; 1 if a part could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--only", type=_parts, default=list(PARTS), metavar="PART[,PART]", help=", ".join(PARTS))
    parser.add_argument("--limit", type=int, help="at most that many functions per data set; the figures then mean little")
    options = parser.parse_args()
    # This script is named like the package: with its folder first on the path, `import evaluation` would find it instead.
    others = [place for place in sys.path if Path(place or ".").resolve() != HERE]
    sys.path[:] = [str(HERE.parent), *others, str(HERE)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes, and busy processes end
    found = measure(options.only, options.limit)
    sys.stdout.write(json.dumps(found) + "\n" if options.json else "".join(f"{name}: {value}\n" for name, value in found.items()))
    return 1 if found["failed"] else 0


def measure(parts: list[str], limit: int | None) -> dict[str, Any]:
    """Every figure by name; `failed` names the parts that gave none, and why."""
    from benchmarks.evaluation_bench import Bench, say

    found: dict[str, Any] = {"limit": limit, "failed": {}}
    with tempfile.TemporaryDirectory(prefix="evaluation-benchmark-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), limit)
        for part in parts:
            started = time.perf_counter()
            say(f"{part} ...")
            module, name = PARTS[part]
            try:
                found.update(getattr(importlib.import_module(f"benchmarks.{module}"), name)(bench))
            except Exception as error:  # noqa: BLE001 - one part that breaks must not lose the figures of the others
                found["failed"][part] = f"{type(error).__name__}: {error}"
                say(f"{part} failed: {found['failed'][part]}")
            say(f"{part}: {time.perf_counter() - started:.0f} s")
    return found


def _parts(text: str) -> list[str]:
    asked = text.split(",")
    unknown = [part for part in asked if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part named {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in asked]


if __name__ == "__main__":
    sys.exit(main())

"""How many executed pairs the harvest of installed packages gives, and where the others are lost.

    python benchmarks/data_harvest.py [--json] [--cache DIR] [PACKAGE[=SAMPLE] ...]

`sympy=600`, the default, takes 600 of its functions, drawn with seed 0: it has thousands, and each of their suites imports
all of it.

`--json` prints one line: per package the functions seen, the candidates, the pairs that passed twice and the seconds; and
`harvested_pairs` in all. Without `--cache` everything is done anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Last, because this folder has an `evaluation.py` of its own.
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]

from harness.data.harvest import open_harvest  # noqa: E402
from harness.data.prepared.execution import Execution  # noqa: E402
from harness.data.sources.rows import SourceOptions  # noqa: E402

DEFAULT = ("more_itertools", "toolz", "boltons", "networkx", "sympy=600")
COLUMNS = ("functions_seen", "candidates", "pairs", "with_tests", "with_examples", "seconds")
REASONS_SHOWN = 6


def main() -> None:
    """Harvest, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=DEFAULT, metavar="PACKAGE[=SAMPLE]")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--cache", type=Path, help="keep finished harvests here; default a temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harvest-") as temporary:
        cache = (asked.cache or Path(temporary)).absolute()
        found = {name: harvested(name, cache) for name in asked.packages}
    pairs = sum(one["pairs"] for one in found.values())
    if asked.json:
        print(json.dumps({"harvested_pairs": pairs, "packages": found}))
        return
    print(f"{'package':<16}" + "".join(f"{name:>16}" for name in COLUMNS))
    for name, one in found.items():
        print(f"{name:<16}" + "".join(f"{one[column]:>16}" for column in COLUMNS))
    print(f"{'all':<16}{'':>32}{pairs:>16}")
    for name, one in found.items():
        print(f"\n{name}: test files {one['test_files']}, not paired:")
        for reason, count in list(one["losses"].items())[:REASONS_SHOWN]:
            print(f"{count:>8}  {reason}")


def harvested(asked: str, cache: Path) -> dict[str, Any]:
    """The summary of one package, with the wall seconds of each step and in all (as first measured, if it was kept)."""
    name, _, sample = asked.partition("=")
    options = SourceOptions(sample=int(sample) if sample else None)
    started = time.monotonic()

    def told(done: int, count: int) -> None:
        if sys.stderr.isatty() or done == count:
            print(f"\r{name}: {done} of {count}, {time.monotonic() - started:.0f} s", end="\n" * (done == count), file=sys.stderr)

    how = Execution(cache=cache / "evaluation", on_done=told)
    summary = open_harvest("package", name, options, how, cache).summary()
    return {**summary, "steps": summary["seconds"], "seconds": round(sum(summary["seconds"].values()), 1)}


if __name__ == "__main__":
    main()

"""Records a table of real learning curves: real training and real scoring of many LoRA settings, looked at on the way.

Usage: python benchmarks/curves.py [--configs 64] [--out benchmarks/tables/curves-smollm2.jsonl] [--json]

Every configuration is one training of the embedded model at full length; its adapters at the rungs write suites for the
validation functions of `search_spaces/quickstart.yaml`, which are scored as a sweep scores them. A line of JSON is written
per configuration and rung; started again, it goes on with the configurations that are not in the file, and SIGTERM ends it
cleanly. ``--json`` records nothing and prints one line about the table there is.

Two configurations are recorded at a time, each with one thread. ``seconds`` are wall seconds beside the other one and
whatever else the machine does, ``cpu_seconds`` what the stage took of a core.

A promoted trial goes on from its checkpoint, so the state at a rung is the state of the full-length training at that step.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
TABLE = HERE / "tables" / "curves-smollm2.jsonl"
WORKERS = 2
THREADS = 1
"""Of torch. Two trainings with a thread each do 1.5 to 1.8 times the work of one with two threads on two cores, and the sums
inside torch, so the figures too, depend on the number of threads: it is the same for the whole table."""
SHOWN = ("pass_rate", "branch_coverage", "mutation_score")


def main() -> None:
    """Record, or tell what is recorded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", type=int, default=64)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # A script beside this one is named like the package `evaluation`, and would be found instead of it.
    sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]
    if options.json:
        tell(options.out)
    else:
        record(options.out, options.configs)


def tell(path: Path) -> None:
    """Print one line about a table."""
    from curves_problem import sweep_config
    from curves_table import read_table, summary

    header, lines = read_table(path)
    if header is None:
        sys.exit(f"{path}: no table there; record one without --json")
    objectives = [(objective.name, objective.direction) for objective in sweep_config().objectives]
    sys.stdout.write(json.dumps(summary(header, lines, objectives)) + "\n")


def record(path: Path, count: int) -> None:
    """Record what is missing; SIGTERM ends it cleanly: of a configuration all rungs are written, or none."""
    from harness.trial.process import InterruptedTrialError, Interruption, prepare_environment

    prepare_environment(os.environ, "cpu", THREADS)  # inherited by the workers
    from curves_problem import RUNG_STEPS, configurations
    from curves_table import append, take_up
    from curves_worker import header, lines_of, open_worker

    interruption = Interruption()
    interruption.install()
    spawn = multiprocessing.get_context("spawn")
    with (
        TemporaryDirectory(prefix="harness-curves-") as scratch,
        ProcessPoolExecutor(WORKERS, spawn, open_worker, (THREADS,)) as pool,
    ):
        try:
            done = take_up(path, pool.submit(header, WORKERS).result(), len(RUNG_STEPS))
            waiting = [pool.submit(lines_of, one, scratch) for one in configurations(count) if one.index not in done]
            for future in as_completed(waiting):
                with interruption.deferred():
                    append(path, future.result())
                for line in future.result():
                    show(line)
        except BaseException as error:
            for child in multiprocessing.active_children():
                child.terminate()
            if not isinstance(error, InterruptedTrialError):
                raise
            sys.stdout.write("interrupted: the same command goes on\n")


def show(line: dict[str, Any]) -> None:
    """One line for the log."""
    metrics = line.get("metrics", {})
    scores = " ".join(f"{metrics[name]:.3f}" for name in SHOWN if name in metrics) or line["reason"]
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line['config']:3} step {line['steps']:2} {scores} ")
    sys.stdout.write(f"{line['params']} {line['seconds']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

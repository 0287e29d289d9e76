"""Wall time of a sweep against a plain Optuna loop, on recorded stage times.

Usage: python benchmarks/sweep.py [--seeds 3] [--trials 64] [--curves FILE] [--warm-start-s 0.6]
       [--thread-gain 1.585] [--json]

What is real and what is replayed: scores and stage seconds (load, train, validation loss, generate, score) were recorded once
by benchmarks/curves.py, with real training and real scoring on the device named below, and are replayed on a virtual clock for
both sides; other settings than the recorded ones are stood for by their nearest neighbour. The harness side is the real control
loop: its study on SQLite, the memory gate, proposals, promotions, cuts and MLflow; only its trial processes are simulated. The
real seconds that this loop takes are measured here and added to its virtual ones, segment by segment; so is the start of a
trial on a warm worker (measured by benchmarks/warm.py), and the load of a base model whenever another one is needed.

Both have two cores. The plain loop has torch use both for its one trial: that is --thread-gain times as fast as one thread
(measured by benchmarks/thread_gain.py). The harness has two trial processes with a thread each, as recorded; seconds of torch
are the processor's, for the recording shared its machine.

The plain loop asks Optuna's default sampler, loads the base, trains whole, generates and scores, in turn; one process, all
imports done. Both search the same space with the same scoring figures, seed by seed, and begin with the same trial 0.
``wall_speedup``: seconds until the COMPLETE trials' hypervolume reaches 95 % of the plain loop's final one, theirs over ours.
The harness is stopped when the plain loop's whole time is over; where it is not there by then, that time is ours, and the ratio
an upper bound.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=64, help="n_trials, of both")
    parser.add_argument("--curves", type=Path, default=HERE / "tables" / "curves-smollm2.jsonl")
    parser.add_argument("--warm-start-s", type=float, default=0.6)
    parser.add_argument("--thread-gain", type=float, default=1.585)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # A script beside this one is named like the package `evaluation`: with its folder first, it would be found instead.
    sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]
    from search_problem import recorded
    from sweep_replay import Replay, measure, table

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    asked = Replay(options.curves, options.seeds, options.trials, options.warm_start_s, options.thread_gain)
    found = measure(recorded(options.curves), asked)
    sys.stdout.write(json.dumps(found) + "\n" if options.json else table(found))


if __name__ == "__main__":
    main()

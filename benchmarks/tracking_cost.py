"""What tracking one trial costs, in batches as the sweep does it, and one value at a time for comparison.

Usage: python benchmarks/tracking_cost.py [--trials 5] [--steps 40] [--json]

Both sides write the same metrics into a fresh SQLite store. Prints seconds per trial (median over trials) and their share of a
100-second trial. The floor is one fsync per SQLite commit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

METRICS = ("loss", "learning_rate", "grad_norm", "tokens_per_s", "rss_bytes")
TRIAL_SECONDS = 100.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from harness.tracking.environment import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        batched, single = measure(Path(folder), options.trials, options.steps)
    found = {
        "trials": options.trials,
        "values_per_trial": options.steps * len(METRICS),
        "batched_s_per_trial": round(batched, 3),
        "one_by_one_s_per_trial": round(single, 3),
        "share_of_a_100_s_trial": round(batched / TRIAL_SECONDS, 4),
    }
    sys.stdout.write(json.dumps(found) + "\n" if options.json else "".join(f"{k}: {v}\n" for k, v in found.items()))


def measure(folder: Path, trials: int, steps: int) -> tuple[float, float]:
    """Seconds per trial: batched with everything a trial leaves, and metrics alone one by one."""
    from harness.core.outcome import Ending, Outcome
    from harness.tracking.run_files import RunFiles
    from harness.tracking.store import Store
    from harness.tracking.tracker import Tracker
    from harness.trial.events import Event

    store = Store.open(f"sqlite:///{folder}/mlflow.db", folder / "artifacts", "bench")
    tracker = Tracker(store, "bench")
    tracker.start_sweep("bench", params={}, tags={}, config_text="", datasets=[])
    table = [{"function_id": str(n), "verdict": "valid", "pass_rate": 0.5, "mutation_score": 0.5} for n in range(20)]
    batched, single = [], []
    for trial in range(trials):
        started = time.perf_counter()
        run_id = tracker.start_run(f"trial {trial}", params={"r": 8}, tags={})
        for step in range(steps):
            tracker.log_events(run_id, [Event("train", step, steps, time.time(), dict.fromkeys(METRICS, 1.0))])
        tracker.log_artifacts(run_id, RunFiles(table=table, config_text="{}"))
        tracker.finish_run(run_id, Outcome(Ending.COMPLETED, "done", {"pass_rate": 0.5}))
        batched.append(time.perf_counter() - started)
        run = store.client.create_run(store.experiment_id)
        started = time.perf_counter()
        for step in range(steps):
            for name in METRICS:
                store.client.log_metric(run.info.run_id, name, 1.0, step=step)
        single.append(time.perf_counter() - started)
    return statistics.median(batched), statistics.median(single)


if __name__ == "__main__":
    main()

"""How much sooner one trial is done with both cores than with one, while a second trial has the other core.

Usage: python benchmarks/thread_gain.py [--json]

One training of benchmarks/curves.py and the suites it writes at the end (SmolLM2-135M, base in bf16), in processes of their own:
once alone with two threads of torch, as a loop runs trials in turn, and twice at the same time with a thread each, as a sweep
with two workers does. ``thread_gain`` is the seconds of the second over those of the first; below 2, two workers do more.
Needs an idle machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STAGES = ("train", "generate")
SETTINGS: dict[str, Any] = {"r": 16, "learning_rate": 2e-3, "warmup_ratio": 0.03, "quantization": "none"}


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        sys.stdout.write(json.dumps(seconds_of(options.threads)) + "\n")
        return
    alone, beside = at_once(1, threads=2)[0], at_once(2, threads=1)
    slower = {stage: sum(found[stage] for found in beside) / len(beside) for stage in STAGES}
    gain = sum(slower.values()) / sum(alone[stage] for stage in STAGES)
    found = {
        "thread_gain": round(gain, 3),
        "two_threads_s": alone,
        "one_thread_beside_another_s": slower,
        "device": {"cores": len(os.sched_getaffinity(0)), "load_1_min": round(os.getloadavg()[0], 1)},
    }
    sys.stdout.write(json.dumps(found) + "\n" if options.json else f"two threads are {gain:.2f} times as fast as one: {found}\n")


def at_once(count: int, threads: int) -> list[dict[str, float]]:
    """Seconds of every stage, of so many processes that run at the same time."""
    command = [sys.executable, __file__, "--threads", str(threads)]
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) for _ in range(count)]
    answers = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("a measured process failed, see above")
    return [json.loads(answer.splitlines()[-1]) for answer in answers]


def seconds_of(threads: int) -> dict[str, float]:
    """One trial, here."""
    sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]
    from curves_problem import Configuration
    from curves_recipe import Recipe
    from curves_recording import recorded

    from harness.trial.process import hush

    hush()
    import torch

    torch.set_num_threads(threads)
    recipe = Recipe.open(threads)
    with tempfile.TemporaryDirectory() as folder:
        *_, last = lines = list(recorded(recipe, Configuration(-1, SETTINGS), Path(folder)))
    return {"train": sum(line["seconds"]["train"] for line in lines), "generate": last["seconds"]["generate"]}


if __name__ == "__main__":
    main()

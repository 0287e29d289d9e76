"""What a trial costs before its first optimizer step, in a process of its own and in one that has done another before.

Usage: python benchmarks/warm.py [--trials 5] [--jobs 20] [--json]

With the embedded model, trials of two optimizer steps and two short suites: seconds from sending the job to the beginning of
the first step (``start``), and seconds of the trial in which it neither trains nor writes (``overhead``); medians over trials,
the first one of the warm process left out. With a random model of the same vocabulary: memory of the idle process after every
job. All adapters and suites are compared with those of processes of their own. Takes what the machine gives: ``load`` is its
load average at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.core.params import TrialParams
from harness.core.records import Record
from harness.data.models import resolve_model
from harness.data.quickstart import QUICKSTART_NAME
from harness.files.cache import default_cache_root
from harness.guard.host import HostProbe
from harness.guard.supervise import Launch, Watch, supervise
from harness.guard.worker import Worker
from harness.trial.events import EventReader
from harness.trial.spec import ChildEnding, GenerateSpec, ModelSpec, TrainSpec, TrialSpec
from harness.trial.trial_dir import TrialDir

MIB = 1 << 20
ARGV = (sys.executable, "-m", "harness.trial")
MAKE_MODEL = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(vocab_size=int(sys.argv[2]), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048)).save_pretrained(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One trial.

    Attributes:
        start_s: From sending the job to the beginning of its first step.
        overhead_s: In which it neither trained nor wrote.
        made: Adapter and suites: the sha256 of the one, the text of the others.
        recycled: Why its process was ended behind it, or None.
    """

    start_s: float
    overhead_s: float
    made: tuple[str, str]
    recycled: str | None


class Bench:
    """Runs trials in a folder.

    Args:
        folder: Of everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.functions = folder / "functions.jsonl"
        self.functions.write_text("".join(json.dumps(_record(i).to_dict()) + "\n" for i in range(2)), "utf-8")
        self.environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._count = 0

    def spec(self, model: str) -> TrialSpec:
        """Two steps, two suites of eight tokens."""
        params = TrialParams(r=8, per_device_train_batch_size=1, max_length=256, max_steps=2, lora_dropout=0.1)
        files = {"train_files": (str(self.functions),), "validation_file": str(self.functions)}
        train = TrainSpec(params, **files, max_completion_tokens=64, token_cache=str(self.folder / "tokens"))  # type: ignore[arg-type]
        asked = GenerateSpec(str(self.functions), max_new_tokens=8)
        return TrialSpec("bench", 7, ModelSpec(model, "bench", dtype="float32"), asked, train, threads=1)

    def cold(self, spec: TrialSpec) -> Ran:
        """In a process of its own."""
        return self._ran(spec, lambda d: supervise(Launch((*ARGV, str(d.path)), d.log_file, self.environ), _watch()).recycled)

    def warm(self, spec: TrialSpec, worker: Worker) -> Ran:
        """In the process of a worker."""
        return self._ran(spec, lambda d: worker.run({"folder": str(d.path)}, d.log_file, _watch()).recycled)

    def worker(self) -> Worker:
        """A worker without a process."""
        return Worker((*ARGV, "--jobs"), self.environ, HostProbe())

    def _ran(self, spec: TrialSpec, do: Callable[[TrialDir], str | None]) -> Ran:
        self._count += 1
        folder = TrialDir(self.folder / str(self._count))
        folder.write_spec(spec)
        sent, clock = time.time(), time.monotonic()
        recycled = do(folder)
        seconds = time.monotonic() - clock
        result = folder.read_result()
        if result is None or result.ending is not ChildEnding.COMPLETED:
            raise SystemExit(f"a trial failed: {folder.log_file.read_text('utf-8')[-2000:]}")
        begun = next(event.time for event in EventReader(folder.events_file).new() if event.phase == "train")
        worked = result.metrics["train_runtime_s"] + result.metrics["generate_runtime_s"]
        made = (result.facts["adapter_sha256"], folder.suites_file.read_text("utf-8"))
        return Ran(begun - sent, seconds - worked, made, recycled)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = resolve_model(QUICKSTART_NAME, None, default_cache_root(dict(os.environ)))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        found = {**start_up(bench, model.path, options.trials), **drift(bench, Path(model.path), options.jobs)}
    found |= {"load": round(os.getloadavg()[0], 1), "cores": len(os.sched_getaffinity(0))}
    sys.stdout.write(json.dumps(found) + "\n" if options.json else "".join(f"{k}: {v}\n" for k, v in found.items()))


def start_up(bench: Bench, model: str, trials: int) -> dict[str, float | bool]:
    """Cold against warm with a real model."""
    spec, worker = bench.spec(model), bench.worker()
    try:
        bench.cold(spec)  # tokens and the page cache are there for all that are counted
        cold = [bench.cold(spec) for _ in range(trials)]
        warm = [bench.warm(spec, worker) for _ in range(trials + 1)]
    finally:
        worker.close()
    return {
        "cold_start_s": _median([ran.start_s for ran in cold]),
        "warm_start_s": _median([ran.start_s for ran in warm[1:]]),
        "warm_start_worst_s": round(max(ran.start_s for ran in warm[1:]), 3),
        "cold_overhead_s": _median([ran.overhead_s for ran in cold]),
        "warm_overhead_s": _median([ran.overhead_s for ran in warm[1:]]),
        "identical": {ran.made for ran in warm} == {ran.made for ran in cold},
        "recycled": sum(ran.recycled is not None for ran in warm),
    }


def drift(bench: Bench, model: Path, jobs: int) -> dict[str, float | bool]:
    """Memory of an idle process over many jobs with a small random model."""
    spec, worker = bench.spec(str(_random_model(bench.folder / "random", model))), bench.worker()
    try:
        expected = bench.cold(spec)
        ran, held = [], []
        for _ in range(jobs):
            ran.append(bench.warm(spec, worker))
            held.append(worker.idle_bytes)
    finally:
        worker.close()
    return {
        "jobs": jobs,
        "jobs_recycled": sum(one.recycled is not None for one in ran),
        "jobs_identical": {one.made for one in ran} == {expected.made},
        "idle_mib": round(held[0] / MIB, 1),
        "drift_mib": round((max(held[1:]) - held[0]) / MIB, 1),
    }


def _random_model(folder: Path, of: Path) -> Path:
    """A small model with the tokenizer of another."""
    words = json.loads((of / "config.json").read_text("utf-8"))["vocab_size"]
    subprocess.run((sys.executable, "-c", MAKE_MODEL, str(folder), str(words)), check=True, capture_output=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (of / name).exists():
            shutil.copy(of / name, folder / name)
    return folder


def _record(number: int) -> Record:
    tests = (f"def test_it():\n    assert add_{number}(1) == {1 + number}\n",)
    code = f"def add_{number}(x):\n    return x + {number}\n"
    return Record(f"bench/{number}", f"add_{number}", code, tests, None, "made here", "unknown")


def _watch() -> Watch:
    return Watch(HostProbe(), None)


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


if __name__ == "__main__":
    main()

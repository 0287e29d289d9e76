"""The processes of benchmarks/memory_gpu.py that import torch. ``make``: model folders of random weights. ``run``: one training.

A run imports what takes long, says so (``imported``), and waits for ask.json: nothing of it is on the GPU until then, so
the next run's imports hide behind the one that is measured. PEFT and TRL come later, because they import bitsandbytes,
which asks the driver for the device.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from harness.core.params import Quantization, TrialParams
from harness.trial.failure import is_out_of_memory, last_line
from harness.trial.process import hush, prepare_environment
from harness.trial.spec import ModelSpec, TrainSpec
from harness.trial.trial_dir import write_atomic

AT_PEAK_SECONDS = 0.1
"""What torch has reserved stays until the process ends: held so long, a poll must see it."""


def make(asked: dict[str, Any]) -> None:
    """Write a folder of random weights and a byte tokenizer for every config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from harness.trial.short_training import byte_tokenizer

    for name, config in asked["configs"].items():
        torch.manual_seed(0)
        with torch.device("cuda" if asked["device"] != "cpu" else "cpu"):
            model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.bfloat16)
        folder = Path(asked["folder"]) / name
        model.save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)
        del model


def run(folder: Path) -> dict[str, Any]:
    """Train; what torch counted, or that memory ran out."""
    import datasets  # noqa: F401 - imported before the question comes
    import torch
    import transformers  # noqa: F401

    (folder / "imported").touch()
    while not (folder / "ask.json").exists():
        time.sleep(0.005)
    asked = json.loads((folder / "ask.json").read_text("utf-8"))
    hush()
    try:
        seconds = _train(folder, asked)
    except Exception as error:  # noqa: BLE001 - the border of the process: the parent must hear of it
        return {"status": "out_of_memory" if is_out_of_memory(error) else "failed", "reason": last_line(error)}
    peaks = {"allocated_bytes": 0, "reserved_bytes": 0}
    if torch.cuda.is_available():
        peaks = {"allocated_bytes": torch.cuda.max_memory_allocated(), "reserved_bytes": torch.cuda.max_memory_reserved()}
    return {"status": "ok", "seconds": seconds, **peaks}


def _train(folder: Path, asked: dict[str, Any]) -> float:
    from harness.trial.base import load_base
    from harness.trial.short_training import Batches, random_trainer

    spec = ModelSpec(**asked["model"])
    params = TrialParams.from_dict(asked["params"])
    base = load_base(spec, Quantization(params.quantization))
    train = TrainSpec(params, (), "", loss_path=asked["loss_path"])
    trainer = random_trainer(base, train, Batches(params.max_steps, params.max_length), folder)
    started = time.monotonic()
    trainer.train()
    return time.monotonic() - started


def main() -> None:
    """``python memory_gpu_child.py make|run FOLDER DEVICE``; ask.json in the folder says what."""
    what, folder, device = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    prepare_environment(os.environ, device, 0)
    if what == "make":
        make(json.loads((folder / "ask.json").read_text("utf-8")))
        return
    write_atomic(folder / "result.json", json.dumps(run(folder)))
    time.sleep(AT_PEAK_SECONDS)


if __name__ == "__main__":
    main()

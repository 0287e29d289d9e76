"""A child process: trains a real model with random weights, or writes with it, and counts its tensors with the tracer's mode.

Reads a trace request from standard input, takes a tokenizer's folder as its argument, prints the peak in bytes. What
it runs is the trial's own trainer over PEFT, TRL, accelerate and bitsandbytes; nothing in it is fake.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PrinterCallback

from harness.core.params import Quantization
from harness.tracer.live_bytes import LiveBytes
from harness.tracer.request import TraceRequest
from harness.trial.adapters import settle_adapters
from harness.trial.base import Base, load_base
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.encoding import IGNORED_LABEL
from harness.trial.engine import Decoding
from harness.trial.events import EventWriter
from harness.trial.process import Interruption
from harness.trial.spec import ModelSpec, TrainSpec
from harness.trial.training import Training, lora_config, sft_config
from harness.trial.transformers_engine import TransformersEngine

STEPS = 2


def real_base(request: TraceRequest, tokenizer: Path, folder: Path) -> Base:
    """Random weights, saved and loaded as a trial loads them."""
    AutoModelForCausalLM.from_config(AutoConfig.for_model(**request.config)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    workload = request.workload
    spec = ModelSpec(
        str(folder),
        "acme/tiny",
        quantization=workload.params.quantization.value,
        dtype="bfloat16" if request.compute_bytes == 2 else "float32",
        double_quant=workload.double_quant,
        attn_implementation=workload.attn_implementation,
    )
    return load_base(spec, workload.params.quantization)


def examples(request: TraceRequest) -> Dataset:
    """Full ones; on the completion path the labels of a batch do not overlap. The last of a padded batch is shorter."""
    params, rows = request.workload.params, []
    count = params.per_device_train_batch_size
    for number in range(count * (params.gradient_accumulation_steps * STEPS + 1)):
        length = params.max_length - (1 if request.padded and number % count == count - 1 else 0)
        ids = [2 + (7 * number + i) % 200 for i in range(length)]
        labels = list(ids)
        if request.workload.loss_path == "completion":
            start = length - request.workload.completion_tokens * (1 + number % count)
            labelled = range(start, start + request.workload.completion_tokens)
            labels = [token if i in labelled else IGNORED_LABEL for i, token in enumerate(ids)]
        rows.append({"input_ids": ids, "labels": labels})
    return Dataset.from_list(rows)


def real_peak(request: TraceRequest, tokenizer: Path, folder: Path) -> int:
    """Bytes of the most tensors alive at once while a trial's trainer runs a few optimizer steps."""
    base = real_base(request, tokenizer, folder / "model")
    params = request.workload.params
    spec = TrainSpec(params, (), "", loss_path=request.workload.loss_path.value)
    training = Training(spec, 7, folder / "checkpoints", EventWriter(folder / "events.jsonl"), Interruption())
    args = sft_config(base, training, STEPS)
    args.train_sampling_strategy = "sequential"
    trainer = CompletionTrainer(
        model=base.model,
        args=args,
        train_dataset=examples(request),
        processing_class=base.tokenizer,
        peft_config=lora_config(params),
        loss_path=spec.loss_path,
    )
    trainer.remove_callback(PrinterCallback)
    settle_adapters(trainer.model, trainer.args.device)
    live = LiveBytes()
    follow_model(trainer.model, live, params.quantization)
    with live, live.phase("training"):
        trainer.train()
    return live.peaks["training"]


def written_peak(request: TraceRequest, tokenizer: Path, folder: Path) -> int:
    """Bytes of the most tensors alive at once while a trial's engine writes for prompts of different lengths up to the limit."""
    base = real_base(request, tokenizer, folder / "model")
    base.model.generation_config.eos_token_id = None
    writing, live = request.workload.writing, LiveBytes()
    assert writing is not None
    lengths = [writing.prompt_tokens - row for row in range(writing.batch_size)]
    prompts = [[2 + (7 * row + at) % 200 for at in range(length)] for row, length in enumerate(lengths)]
    follow_model(base.model, live, Quantization.NONE)
    with live, live.phase("writing"):
        how = Decoding(writing.max_new_tokens, "never written")
        TransformersEngine(base.model, base.tokenizer).write(prompts, [[None]] * len(prompts), how)
    return live.peaks["writing"]


def follow_model(model: Any, live: LiveBytes, quantization: Quantization) -> None:
    """Count what was there before the mode: weights with their constants, and buffers."""
    for module in model.modules():
        held = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            held += [state.absmax, state.code]
            held += [state.offset, state.state2.absmax, state.state2.code] if state.nested else []
        if quantization is Quantization.INT8 and hasattr(module, "state"):
            held += [t for t in (module.state.CB, module.state.SCB, module.weight.CB, module.weight.SCB) if t is not None]
        for tensor in held:
            live.follow(tensor, "model")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                asked = TraceRequest.from_json(line)
                measure = written_peak if asked.workload.writing else real_peak
                print(measure(asked, Path(sys.argv[1]), Path(place)), flush=True)

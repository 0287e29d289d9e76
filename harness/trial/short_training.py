"""A training without data, tokenizer or checkpoint: random weights and random tokens through the real trainer.

Owns what stands in for them. For measuring memory, which depends on sizes alone; `harness.trial.training` owns the
settings, used here unchanged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, set_seed

from harness.core.params import Quantization, TrialParams
from harness.trial.adapters import settle_adapters
from harness.trial.base import GPU, Base, choose_dtype
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.encoding import IGNORED_LABEL
from harness.trial.events import EventWriter
from harness.trial.measure import StageFacts
from harness.trial.process import Interruption
from harness.trial.spec import TrainSpec
from harness.trial.training import Training, lora_config, sft_config

LAYERS, TOKENS, STEPS = 2, 512, 2
SEED = 7


@dataclass(frozen=True, slots=True)
class Batches:
    """The data that stands in.

    Attributes:
        steps: Optimizer steps.
        tokens: Length of every sequence; all batches are full.
        labelled: Of them, the last so many count for the loss; None for all.
    """

    steps: int
    tokens: int
    labelled: int | None = None


def touch_libraries(device: str, compute_bytes: int) -> None:
    """Make what every GPU process has: the context, the matrix library's workspace, bitsandbytes' kernels."""
    with contextlib.suppress(ImportError):  # a trial without quantization runs without it
        import bitsandbytes  # noqa: F401 - PEFT imports it in a trial
    if device == "cpu":
        return
    torch.ones(1, device=GPU)
    square = torch.ones(1024, 1024, device=GPU, dtype=_dtype(compute_bytes))
    square @ square
    del square
    torch.cuda.synchronize()


def counters() -> StageFacts:
    """Counters of torch on the GPU; zeros without one."""
    if not torch.cuda.is_available():
        return StageFacts(0, 0, 0, 0, "cpu", torch.__version__)
    return StageFacts(
        torch.cuda.memory_allocated(),
        torch.cuda.memory_reserved(),
        torch.cuda.max_memory_allocated(),
        torch.cuda.max_memory_reserved(),
        torch.cuda.get_device_name(),
        torch.__version__,
    )


def reset_counters() -> None:
    """Give unused memory back and start the peaks anew."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def train_two_layers(config: Mapping[str, Any], compute_bytes: int, folder: Path, device: str = GPU) -> None:
    """Train LoRA over two layers of a model of that config, with its whole vocabulary, and load bitsandbytes' kernels."""
    shallow = AutoConfig.for_model(**config)
    text = shallow.get_text_config()
    text.num_hidden_layers = LAYERS
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:LAYERS]
    dtype = _dtype(compute_bytes)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(shallow, dtype=dtype)
    base = Base(model.eval(), byte_tokenizer(), dtype, Quantization.NONE, device.partition(":")[0])
    params = TrialParams(max_length=TOKENS, max_steps=STEPS)
    random_trainer(base, TrainSpec(params, (), ""), Batches(STEPS, TOKENS), folder).train()
    with contextlib.suppress(ImportError):
        _touch_quantization(device)


def random_trainer(base: Base, spec: TrainSpec, batches: Batches, folder: Path) -> CompletionTrainer:
    """The trainer of a trial with those settings over random tokens; `train()` is left to the caller."""
    set_seed(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(spec, SEED, folder / "checkpoints", EventWriter(folder / "events.jsonl"), Interruption())
    trainer = CompletionTrainer(
        model=base.model,
        args=sft_config(base, training, batches.steps),
        train_dataset=_random_tokens(base, spec.params.effective_batch * batches.steps, batches),
        processing_class=base.tokenizer,
        peft_config=lora_config(spec.params),
        loss_path=spec.loss_path,
    )
    trainer.remove_callback(PrinterCallback)
    settle_adapters(trainer.model, trainer.args.device)
    return trainer


def byte_tokenizer() -> Any:
    """A tokenizer of single bytes, so that nothing has to be downloaded."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(["<pad>", "<eos>", *alphabet])}, merges=[]))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", padding_side="left")  # noqa: S106


def _random_tokens(base: Base, rows: int, batches: Batches) -> Any:
    words = base.model.config.get_text_config().vocab_size
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.randint(min(2, words - 1), words, (rows, batches.tokens), generator=generator)
    labels = ids.clone()
    if batches.labelled is not None:
        labels[:, : batches.tokens - batches.labelled] = IGNORED_LABEL
    return Dataset.from_dict({"input_ids": ids.tolist(), "labels": labels.tolist()})


def _touch_quantization(device: str) -> None:
    from bitsandbytes import functional

    weights = torch.ones(1024, 1024, device=device, dtype=torch.float16)
    functional.dequantize_4bit(*functional.quantize_4bit(weights, quant_type="nf4"))
    functional.int8_vectorwise_quant(weights)


def _dtype(compute_bytes: int) -> Any:
    return torch.float32 if compute_bytes == 4 else choose_dtype("auto", GPU, Quantization.NONE)

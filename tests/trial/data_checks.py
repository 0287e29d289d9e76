"""Checks of tokenised files, packing and going on from an adapter; run like those of child_checks.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from harness.core.errors import HarnessError
from harness.core.params import Quantization, TrialParams
from harness.core.prompts import answer, prefill
from harness.core.records import Record
from harness.files.record_files import write_records
from harness.files.template_files import load_template
from harness.trial.adapters import load_to_continue, restore, save_adapter, settle_adapters
from harness.trial.base import Base, load_base
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.encoding import IGNORED_LABEL
from harness.trial.events import EventWriter
from harness.trial.examples import Wording, adapter_wording
from harness.trial.packing import packed, require_isolation
from harness.trial.process import Interruption
from harness.trial.spec import ModelSpec, TrainSpec
from harness.trial.train_data import open_train_data
from harness.trial.training import Training, lora_config, sft_config

SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 258}
SMALL |= {"num_key_value_heads": 2, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
QWEN = {**SMALL, "head_dim": 16, "layer_types": ["full_attention"] * 2}


def record(number: int, tests: int = 3) -> Record:
    name = f"add_{number}"
    oracle = tuple(f"def test_{i}():\n    assert {name}({i}) == {i + number}\n" for i in range(tests))
    return Record(f"t/{number}", name, f"def {name}(x):\n    return x + {number}\n", oracle, None, "made here", "unknown")


def written(folder: Path, name: str, records: Sequence[Record]) -> str:
    folder.mkdir(exist_ok=True)
    write_records(folder / name, records)
    return str(folder / name)


def spec_of(*files: str, **changes: Any) -> TrainSpec:
    return TrainSpec(TrialParams(max_length=600), files, files[0], max_completion_tokens=400, **changes)


def tokens_are_made_once_a_file(tiny: Path) -> None:
    tokenizer, cache = AutoTokenizer.from_pretrained(tiny), tiny / "cache"
    first = written(tiny / "in", "a.parquet", [record(i) for i in range(5)])
    data = open_train_data(tokenizer, spec_of(first), cache)
    (entry,) = [path for path in cache.iterdir() if path.is_dir()]
    made = (entry / "tokens.arrow").stat().st_mtime_ns
    assert data.train.cache_files[0]["filename"] == str(entry / "tokens.arrow")
    second = written(tiny / "in", "b.jsonl", [record(i) for i in range(5, 8)])
    both = open_train_data(AutoTokenizer.from_pretrained(tiny), spec_of(first, second, first), cache)
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2
    assert (entry / "tokens.arrow").stat().st_mtime_ns == made
    assert len(both.train) == both.metrics["train_examples"] == 8
    assert both.train[:5]["input_ids"] == data.train[:]["input_ids"]
    for changed in (replace(spec_of(first), params=TrialParams(max_length=599)), spec_of(first, template=other_words())):
        before = len(list(cache.iterdir()))
        open_train_data(tokenizer, changed, cache)
        assert len(list(cache.iterdir())) == before + 2  # a folder and its lock


def other_words() -> dict[str, Any]:
    return load_template("chat-signature").to_dict()


def what_is_dropped_is_counted(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    short, long = record(1), replace(record(2), source=record(2).source + "#" * 2000)
    file = written(tiny / "in", "a.parquet", [short, long, record(3, tests=0), record(4), record(5)])
    (tiny / "exclude.txt").write_text("t/4\nt/9\n")
    limit = len(answer(short, 2)) + 1  # the tokenizer is one of bytes, and the end of sequence counts
    data = open_train_data(
        tokenizer, replace(spec_of(file, exclude_file=str(tiny / "exclude.txt")), max_completion_tokens=limit), tiny / "cache"
    )
    assert data.metrics == {
        "train_examples": 2.0,
        "train_examples_dropped": 2.0,
        "train_tests_dropped": 1.0 + 3.0 + 1.0,
        "train_examples_excluded": 1.0,
        "train_completion_tokens": 2.0 * limit,
        "train_sequences": 2.0,
        "validation_examples": 3.0,
        "validation_examples_dropped": 2.0,
        "validation_tests_dropped": 6.0,
        "validation_completion_tokens": 3.0 * limit,
        "encode_runtime_s": data.metrics["encode_runtime_s"],
    }
    assert [len(row) for row in data.train["input_ids"]] == data.train["length"][:]


def an_empty_set_is_named(tiny: Path) -> None:
    tokenizer, cache = AutoTokenizer.from_pretrained(tiny), tiny / "cache"
    good = written(tiny / "in", "a.parquet", [record(1)])
    bare = written(tiny / "in", "b.parquet", [record(2, tests=0)])
    with pytest.raises(HarnessError, match="no training example fits"):
        open_train_data(tokenizer, spec_of(bare), cache)
    wrong = replace(spec_of(good), validation_file=bare)
    assert open_train_data(tokenizer, wrong, cache).validation is None
    with pytest.raises(HarnessError, match="no validation example fits") as error:
        open_train_data(tokenizer, replace(wrong, eval_steps=5), cache)
    assert "eval_steps" in error.value.fix
    (tiny / "exclude.txt").write_text("t/1\n")
    with pytest.raises(HarnessError, match="no training example fits") as error:
        open_train_data(tokenizer, spec_of(good, exclude_file=str(tiny / "exclude.txt")), cache)
    assert "1 excluded" in error.value.why


def a_worked_example_stands_before_every_question_but_its_own(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    file = written(tiny / "in", "a.parquet", [record(i, tests=1) for i in range(3)])
    (tiny / "exclude.txt").write_text("t/0\n")
    asked = replace(spec_of(file, template=load_template("chat-example").to_dict()), params=TrialParams(max_length=900))
    rows = open_train_data(tokenizer, asked, tiny / "cache").train["input_ids"]
    for number, shown in enumerate((1, 0, 0)):
        text = tokenizer.decode(rows[number])
        assert text.index(prefill(record(shown)) + answer(record(shown, 1), 1)) < text.index(prefill(record(number)))
    rows = open_train_data(tokenizer, replace(asked, exclude_file=str(tiny / "exclude.txt")), tiny / "cache").train["input_ids"]
    assert "add_0" not in tokenizer.decode([token for row in rows for token in row])


def trainer_of(tiny: Path, model: Any, rows: Any, loss_path: str = "auto", packing: bool = False) -> CompletionTrainer:
    params = TrialParams(r=4, per_device_train_batch_size=2, max_length=128, max_steps=1)
    base = Base(model.eval(), AutoTokenizer.from_pretrained(tiny), torch.float32, Quantization.NONE, "cpu")
    spec = TrainSpec(params, (), "", packing=packing, loss_path=loss_path)
    training = Training(spec, 7, tiny / "checkpoints", EventWriter(tiny / "events"), Interruption())
    trainer = CompletionTrainer(
        model=model,
        args=sft_config(base, training, 1),
        train_dataset=rows,
        processing_class=base.tokenizer,
        peft_config=None if isinstance(model, PeftModel) else lora_config(params),
        loss_path=loss_path,
    )
    trainer.data_collator.return_position_ids = packing
    return trainer


def random_rows(lengths: Sequence[int]) -> Dataset:
    draw = torch.Generator().manual_seed(3)
    ids = [torch.randint(2, 250, (length,), generator=draw).tolist() for length in lengths]
    labels = [[IGNORED_LABEL] * (len(row) // 2) + row[len(row) // 2 :] for row in ids]
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def adapted(kind: str, attention: str) -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **(SMALL if kind == "llama" else QWEN))
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    model = get_peft_model(model, lora_config(TrialParams(r=4)))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # at zero, half of the gradients would be too
            parameter.data.normal_(0, 0.2)
    return model


def loss_and_gradients(trainer: CompletionTrainer, size: int, count: Any) -> tuple[float, dict[str, Any]]:
    """Of all rows, in batches of `size`."""
    trainer.model.zero_grad()
    rows, total = trainer.train_dataset, 0.0
    for start in range(0, len(rows), size):
        batch = trainer.data_collator([rows[i] for i in range(start, min(start + size, len(rows)))])
        loss = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=count)
        loss.backward()
        total += float(loss)
    return total, {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}


def packed_examples_learn_what_separate_ones_do(tiny: Path) -> None:
    rows = random_rows([40, 20, 64, 33, 7, 90, 100, 12, 55, 70])
    count = torch.tensor(sum(label != IGNORED_LABEL for row in rows["labels"] for label in row))
    for kind in ("llama", "qwen2", "qwen3"):
        for attention in ("sdpa", "eager"):
            dense = packed(rows, f"{kind} {attention}", 128, tiny / "cache")
            assert len(dense) < len(rows)
            model = adapted(kind, attention)
            require_isolation(model, exact=True)
            for path in ("completion", "fused", "logits"):
                apart = loss_and_gradients(trainer_of(tiny, model, rows, path), 1, count)
                together = loss_and_gradients(trainer_of(tiny, model, dense, path, packing=True), 2, count)
                assert together[0] == pytest.approx(apart[0], rel=1e-5)
                assert together[1].keys() == apart[1].keys()
                for name, gradient in apart[1].items():
                    error = (together[1][name] - gradient).norm() / gradient.norm()
                    assert error < 1e-5, (kind, attention, path, name, error)


def models_that_mix_a_row_are_not_packed(_tiny: Path) -> None:
    layers = {"layer_types": ["conv", "full_attention"], "block_ff_dim": 128}
    config = AutoConfig.for_model("lfm2", **{**SMALL, **layers})
    mixing = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
    with pytest.raises(HarnessError, match="cannot be packed") as error:
        require_isolation(mixing, exact=True)
    assert "changes the logits" in error.value.why
    model = adapted("llama", "sdpa")
    model.config._attn_implementation = "flex_attention"
    with pytest.raises(HarnessError, match="cannot be packed") as error:
        require_isolation(model, exact=True)
    assert "flex_attention" in error.value.why


def half_precision_is_no_mixing(_tiny: Path) -> None:
    model = adapted("llama", "sdpa").to(torch.bfloat16)
    require_isolation(model, exact=False)


def a_quantized_base_rounds_no_adapter_that_goes_on(tiny: Path) -> None:
    template = load_template("chat-function")
    saved = adapter_over(AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32))
    save_adapter(saved, tiny / "adapter", "acme/tiny", Wording(template, (record(1),)))
    kept = json.loads((tiny / "adapter" / "prompt_template.json").read_text())
    assert kept == {"template": template.to_dict(), "digest": template.digest, "examples": [record(1).to_dict()]}
    assert adapter_wording(tiny / "adapter") == Wording(template, (record(1),))
    wanted = load_file(tiny / "adapter" / "adapter_model.safetensors")
    base = load_base(ModelSpec(str(tiny), "acme/tiny"), Quantization.NF4)
    trainer = trainer_of(tiny, load_to_continue(base.model, str(tiny / "adapter")), random_rows([20, 30]))
    settle_adapters(trainer.model, trainer.args.device)
    restore(trainer.model, str(tiny / "adapter"))
    found = {name.replace(".default", ""): p for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        torch.testing.assert_close(found[name].data, values, rtol=0, atol=0)


def adapter_over(model: Any) -> Any:
    model = get_peft_model(model, lora_config(TrialParams(r=4)))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.2)
    return model


def what_is_no_adapter_is_refused(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    with pytest.raises(HarnessError, match="cannot go on from the adapter") as error:
        load_to_continue(model, str(tiny / "missing"))
    assert "adapter_config.json" in error.value.why
    folder = tiny / "adapter"
    save_adapter(adapter_over(model), folder, "acme/tiny", Wording(load_template("chat-function")))
    wide = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tiny, hidden_size=32), dtype=torch.float32)
    with pytest.raises(HarnessError) as error:
        load_to_continue(wide, str(folder))
    assert "another base model" in error.value.why
    (folder / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(HarnessError) as error:
        load_to_continue(model, str(folder))
    assert "SafetensorError" in error.value.why, error.value.why

"""Checks of the parts that import torch. Each runs in a fork of forkserver.py, so that pytest's process stays without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.core.params import Quantization, TrialParams
from harness.core.prompts import answer, messages, prefill
from harness.core.records import Record
from harness.trial.base import choose_dtype, load_base
from harness.trial.completion_trainer import completion_loss
from harness.trial.encoding import IGNORED_LABEL, encode, prompt_ids
from harness.trial.generation import FenceStop, length_batches, quantile
from harness.trial.spec import ModelSpec, TrainSpec
from harness.trial.training import last_checkpoint, total_steps, warmup_steps

TESTS = tuple(f"def test_{i}():\n    assert f({i}) == {i}" for i in range(4))
RECORD = Record("x", "f", "def f(x):\n    return x\n", TESTS, None, "here", "unknown")


def loss_on_the_completion_is_that_of_transformers(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    ids = torch.randint(2, 200, (3, 40))
    labels = ids.clone()
    for row, start in enumerate((10, 25, 31)):
        labels[row, :start] = IGNORED_LABEL
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    torch.testing.assert_close(completion_loss(model, inputs), model(**inputs).loss)
    torch.testing.assert_close(completion_loss(model, inputs, num_items=100) * 100, completion_loss(model, inputs) * 54)


def answers_lose_whole_tests_until_they_fit(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    spec = TrainSpec(TrialParams(max_length=1000), "", "", max_tests_per_example=3, max_completion_tokens=500)
    whole = encode(tokenizer, RECORD, spec)
    assert whole is not None
    prompt = prompt_ids(tokenizer, messages(RECORD), prefill(RECORD))
    assert whole.labels[: len(prompt)] == [IGNORED_LABEL] * len(prompt)
    assert tokenizer.decode(whole.input_ids[len(prompt) : -1]) == answer(RECORD, 3)
    assert whole.labels[-1] == tokenizer.eos_token_id
    for limited in (
        replace(spec, max_completion_tokens=len(answer(RECORD, 2)) + 1),
        replace(spec, params=TrialParams(max_length=len(prompt) + len(answer(RECORD, 2)) + 1)),
    ):
        shorter = encode(tokenizer, RECORD, limited)
        assert shorter is not None
        assert tokenizer.decode(shorter.input_ids[len(prompt) : -1]) == answer(RECORD, 2)
    assert encode(tokenizer, RECORD, replace(spec, max_completion_tokens=5)) is None
    assert encode(tokenizer, replace(RECORD, oracle_tests=()), spec) is None


def a_model_without_chat_template_gets_the_bare_words(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = None
    chat = messages(RECORD)
    assert tokenizer.decode(prompt_ids(tokenizer, chat, prefill(RECORD))) == f"{chat[0]['content']}\n\n{prefill(RECORD)}"


def each_row_stops_at_its_own_fence(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    prompt = "```python\n"
    rows = torch.tensor(tokenizer([prompt + "abc```", prompt + "a``` b", prompt + "abcdef"])["input_ids"])
    stop = FenceStop(tokenizer, len(tokenizer(prompt)["input_ids"]))
    assert stop(rows, None).tolist() == [True, False, False]
    assert FenceStop(tokenizer, rows.shape[1])(rows, None).tolist() == [False] * 3


def number_formats_follow_the_machine(tiny: Path) -> None:
    info = tiny / "cpuinfo"
    for flags, dtype in (("flags : avx2 avx512_bf16", torch.bfloat16), ("flags : amx_bf16", torch.bfloat16), ("", torch.float32)):
        info.write_text(flags)
        assert choose_dtype("auto", "cpu", Quantization.NONE, info) is dtype
        assert choose_dtype("auto", "cpu", Quantization.NF4, info) is torch.float32
        assert choose_dtype("float16", "cpu", Quantization.NONE, info) is torch.float16
    assert choose_dtype("auto", "cpu", Quantization.NONE, info / "absent") is torch.float32


def nf4_is_asked_for_by_name(tiny: Path) -> None:
    config = load_base(ModelSpec(str(tiny), "acme/tiny"), Quantization.NF4).model.config.quantization_config
    assert (config.bnb_4bit_quant_type, config.bnb_4bit_compute_dtype) == ("nf4", torch.float32)


def batches_are_of_similar_length_and_cover_everything(_tiny: Path) -> None:
    assert list(length_batches([5, 1, 9, 2, 7], 2)) == [[1, 3], [0, 4], [2]]
    assert list(length_batches([], 4)) == []
    assert [quantile([1.0, 2.0, 3.0, 4.0], q) for q in (0.0, 0.5, 0.95)] == [1.0, 3.0, 4.0]
    assert quantile([], 0.5) == 0.0


def steps_and_warmup_are_counted_as_transformers_does(_tiny: Path) -> None:
    params = TrialParams(per_device_train_batch_size=2, gradient_accumulation_steps=3, num_train_epochs=2.0, warmup_ratio=0.1)
    assert total_steps(params, 13) == 6
    assert total_steps(replace(params, max_steps=5), 13) == 5
    assert [warmup_steps(params, n) for n in (1, 10, 11)] == [1, 1, 2]
    assert warmup_steps(replace(params, warmup_ratio=0.0), 10) == 0


def half_a_checkpoint_is_removed(tiny: Path) -> None:
    folder = tiny / "checkpoints"
    for step, state in ((2, "{}"), (10, "{}"), (11, "{"), (12, None)):
        (folder / f"checkpoint-{step}").mkdir(parents=True)
        if state is not None:
            (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_checkpoint(folder) == str(folder / "checkpoint-10")
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-10", "checkpoint-2"]
    assert last_checkpoint(folder / "none") is None

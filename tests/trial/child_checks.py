"""Checks of the parts that import torch. Each runs in a fork of forkserver.py, so that pytest's process stays without it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import get_peft_model
from peft.tuners.lora import LoraLayer
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from harness.core.errors import HarnessError
from harness.core.params import Quantization, TrialParams
from harness.core.prompts import FENCE, answer, messages, prefill
from harness.core.records import Record
from harness.files.template_files import load_template
from harness.trial.adapters import settle_adapters
from harness.trial.base import Base, choose_dtype, load_base
from harness.trial.checkpoints import any_kept, keep, newest
from harness.trial.completion_trainer import CompletionTrainer, completion_loss
from harness.trial.data_order import SeededOrder
from harness.trial.encoding import IGNORED_LABEL, Limits, encode, prompt_ids
from harness.trial.engine import Decoding
from harness.trial.events import EventWriter
from harness.trial.examples import Wording
from harness.trial.generation import length_batches, quantile
from harness.trial.going import Ends
from harness.trial.kept_base import KeptBase, adapted_bytes, own_copies
from harness.trial.offload import check_offload, hide_from_redispatch, placement
from harness.trial.process import Interruption
from harness.trial.spec import ModelSpec, TrainSpec
from harness.trial.training import Training, lora_config, sft_config, total_steps, warmup_steps

TESTS = tuple(f"def test_{i}():\n    assert f({i}) == {i}" for i in range(4))
RECORD = Record("x", "f", "def f(x):\n    return x\n", TESTS, None, "here", "unknown")
ASKED = Wording(load_template("chat-function"))


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
    limits = Limits(max_length=1000, max_tests=3, max_completion_tokens=500)
    whole = encode(tokenizer, RECORD, ASKED, limits)
    prompt = prompt_ids(tokenizer, ASKED.template, ASKED.chat(RECORD), prefill(RECORD))
    assert whole.labels[: len(prompt)] == [IGNORED_LABEL] * len(prompt)
    assert tokenizer.decode(whole.input_ids[len(prompt) : -1]) == answer(RECORD, 3)
    assert whole.labels[-1] == tokenizer.eos_token_id
    assert (whole.tests, whole.wanted) == (3, 3)
    for limited in (
        replace(limits, max_completion_tokens=len(answer(RECORD, 2)) + 1),
        replace(limits, max_length=len(prompt) + len(answer(RECORD, 2)) + 1),
    ):
        shorter = encode(tokenizer, RECORD, ASKED, limited)
        assert tokenizer.decode(shorter.input_ids[len(prompt) : -1]) == answer(RECORD, 2)
        assert (shorter.tests, shorter.wanted) == (2, 3)
    for nothing in (replace(limits, max_completion_tokens=5), replace(limits, max_length=20)):
        dropped = encode(tokenizer, RECORD, ASKED, nothing)
        assert (dropped.input_ids, dropped.labels, dropped.tests, dropped.wanted) == ([], [], 0, 3)
    assert encode(tokenizer, replace(RECORD, oracle_tests=()), ASKED, limits).wanted == 0


def the_words_are_bare_without_a_chat_template_and_in_completion_style(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    completion = load_template("completion")
    bare = f"{completion.question(RECORD)}\n\n{prefill(RECORD)}"
    chat = messages(completion, RECORD)
    assert tokenizer.decode(prompt_ids(tokenizer, completion, chat, prefill(RECORD))) == bare
    tokenizer.chat_template = None
    asked = f"{ASKED.template.question(RECORD)}\n\n{prefill(RECORD)}"
    assert tokenizer.decode(prompt_ids(tokenizer, ASKED.template, ASKED.chat(RECORD), prefill(RECORD))) == asked


def a_bare_text_stands_behind_what_the_tokenizer_puts_first(tiny: Path) -> None:
    tokenizer, template = AutoTokenizer.from_pretrained(tiny), load_template("completion")
    bare = prompt_ids(tokenizer, template, messages(template, RECORD), "")
    around = TemplateProcessing(single="<pad> $A <eos>", special_tokens=[("<pad>", 0), ("<eos>", 1)])
    tokenizer.backend_tokenizer.post_processor = around
    assert tokenizer("a")["input_ids"][::2] == [0, 1]
    assert prompt_ids(tokenizer, template, messages(template, RECORD), "") == [0, *bare]


def a_chat_template_may_refuse_a_system_message(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    template = replace(ASKED.template, system="Be brief.")
    with pytest.raises(HarnessError, match="refuses the prompt template chat-function@1") as error:
        prompt_ids(tokenizer, template, messages(template, RECORD), "")
    assert error.value.why == "no system role (roles: system -> user)"


def each_row_stops_at_its_own_fence(tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    prompt = "```python\n"
    rows = torch.tensor(tokenizer([prompt + "abc```", prompt + "a``` b", prompt + "abcdef"])["input_ids"])
    how, last = Decoding(8, FENCE), rows[2, -1].item()
    stop = Ends(tokenizer, len(tokenizer(prompt)["input_ids"]), how, [last])
    assert stop(rows, None).tolist() == [True, False, False]  # transformers itself sees what ends a sequence
    assert set(stop.at) == {0, 2}
    assert Ends(tokenizer, rows.shape[1], how, [])(rows, None).tolist() == [False] * 3


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


def the_order_of_rows_depends_on_seed_and_epoch_alone(_tiny: Path) -> None:
    lengths = [3, 9, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]
    for known in (None, lengths):
        orders = []
        for noise in (1, 2):
            torch.manual_seed(noise)
            order = SeededOrder(len(lengths), 7, known, group=2)
            for epoch in (0, 1):
                order.set_epoch(epoch)
                orders.append(list(order))
                assert sorted(orders[-1]) == list(range(len(order)))
        assert orders[:2] == orders[2:]
        assert orders[0] != orders[1]
        assert orders[0] != list(SeededOrder(len(lengths), 8, known, group=2))
    assert lengths[next(iter(SeededOrder(len(lengths), 7, lengths, group=2)))] == 9  # the longest first


def a_kept_base_is_brought_back(tiny: Path) -> None:
    base = load_base(ModelSpec(str(tiny), "t", dtype="float32"), Quantization.NONE)
    ids = torch.arange(2, 30)[None]
    kept, before = KeptBase(base, str(tiny)), base.model(ids).logits
    names, use_cache = [name for name, _ in base.model.named_modules()], base.model.config.use_cache
    for copies in (True, False):
        model = get_peft_model(base.model, lora_config(TrialParams(r=4)))
        model.enable_input_require_grads()
        model.train()
        base.model.forward = functools.partial(base.model.forward)  # as TRL replaces it
        base.model.config.use_cache = not use_cache
        for parameter in model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter)
        assert adapted_bytes(model) == sum(
            layer.base_layer.weight.nbytes for layer in model.modules() if isinstance(layer, LoraLayer)
        )
        own_copies(model) if copies else kept.note_merge(model)
        model.merge_adapter()
        assert not torch.equal(base.model(ids).logits, before)
        assert kept.restore()
        assert [name for name, _ in base.model.named_modules()] == names
        assert base.model.config.use_cache is use_cache
        assert not base.model.training
        assert torch.equal(base.model(ids).logits, before)
    get_peft_model(base.model, lora_config(TrialParams(r=4, target_modules=("q_proj",))))
    base.model.model.layers[0].self_attn.q_proj.base_layer.weight.data[0, 0] += 1e-3
    assert not kept.restore()


def half_a_checkpoint_is_removed(tiny: Path) -> None:
    folder = tiny / "checkpoints"
    for name, state in (("rung-2", "{}"), ("checkpoint-10", "{}"), ("checkpoint-11", "{"), ("rung-12", None)):
        (folder / name).mkdir(parents=True)
        if state is not None:
            (folder / name / "trainer_state.json").write_text(state)
    found = [newest(folder, until) for until in (99, 10, 9, 1)]
    assert [one and one.path.name for one in found] == ["checkpoint-10", "checkpoint-10", "rung-2", None]
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-10", "rung-2"]
    assert newest(folder / "none", 9) is None
    keep(folder, 10)
    keep(folder, 10)  # a process that was killed behind it does it again
    assert [path.name for path in folder.iterdir()] == ["rung-10"]
    assert any_kept(folder)


def trainer_over(tiny: Path, loss_path: str = "auto", **placed: Any) -> CompletionTrainer:
    """Four steps over random tokens, half of them labelled; the adapters start where seed 5 puts them."""
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32, **placed)
    if placed:
        hide_from_redispatch(model, "cuda:0")  # a name only: PEFT takes "cpu" for offloaded
    params = TrialParams(r=4, learning_rate=1e-2, per_device_train_batch_size=2, max_steps=4, gradient_checkpointing=bool(placed))
    base = Base(model.eval(), AutoTokenizer.from_pretrained(tiny), torch.float32, Quantization.NONE, "cpu")
    spec = TrainSpec(params, (), "", save_steps=2, loss_path=loss_path)
    training = Training(spec, 7, tiny / f"checkpoints-{len(placed)}", EventWriter(tiny / "events"), Interruption())
    rows = [torch.randint(2, 200, (40,), generator=torch.Generator().manual_seed(i)).tolist() for i in range(8)]
    labels = [[IGNORED_LABEL] * (5 * i) + row[5 * i :] for i, row in enumerate(rows[:4])] * 2
    trainer = CompletionTrainer(
        model=model,
        args=sft_config(base, training, 4),
        train_dataset=Dataset.from_dict({"input_ids": rows, "labels": labels}),
        processing_class=base.tokenizer,
        peft_config=lora_config(params),
        loss_path=loss_path,
    )
    assert bool(settle_adapters(trainer.model, trainer.args.device)) == bool(placed)
    for name, parameter in adapters_of(trainer.model).items():
        parameter.data = 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
    return trainer


def learned(trainer: CompletionTrainer, **how: Any) -> dict[str, Any]:
    set_seed(7)  # where the adapters were made twice, more random numbers have been drawn
    trainer.train(**how)
    return adapters_of(trainer.model)


def adapters_of(model: Any) -> dict[str, Any]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def all_loss_paths_are_the_same_loss(tiny: Path) -> None:
    found = {}
    for path in ("auto", "fused", "logits", "completion"):
        trainer = trainer_over(tiny, path)
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
        for count in (None, torch.tensor(500)):
            trainer.model.zero_grad()
            loss = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=count)
            loss.backward()
            gradients = {name: parameter.grad for name, parameter in adapters_of(trainer.model).items()}
            torch.testing.assert_close((loss, gradients), found.setdefault(count is None, (loss, gradients)))
    assert found[True][0] > 1.0


def adapters_over_layers_that_wait_elsewhere_learn_the_same(tiny: Path) -> None:
    waiting = {"device_map": placement(str(tiny), None, 1, "cpu", "disk")}
    plain = learned(trainer_over(tiny))
    offloaded = trainer_over(tiny, **waiting)
    assert any(parameter.device.type == "meta" for parameter in offloaded.model.parameters())
    torch.testing.assert_close(learned(offloaded), plain, rtol=0, atol=0)
    last = str(tiny / "checkpoints-1" / "checkpoint-2")
    torch.testing.assert_close(learned(trainer_over(tiny, **waiting), resume_from_checkpoint=last), plain, rtol=0, atol=0)


def layers_wait_only_where_they_can(tiny: Path) -> None:
    spec = ModelSpec(str(tiny), "acme/tiny", device="cuda:0", offloaded_layers=1)
    check_offload(spec, "none")
    for wrong, quantization in ((spec, "nf4"), (replace(spec, device="cpu"), "none"), (replace(spec, device_map="auto"), "none")):
        with pytest.raises(HarnessError, match="1 layers cannot wait"):
            check_offload(wrong, quantization)
    everything = placement(str(tiny), None, 1, "cuda:0")
    assert everything["model.layers.1"] == "cpu"
    assert {everything[name] for name in everything if name != "model.layers.1"} == {"cuda:0"}
    assert {"model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"} < everything.keys()

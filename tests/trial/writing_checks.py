"""What writes suites, part by part: the cache, the draw, the engine. Run by test_child_parts.py."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, LlamaConfig

from harness.core.records import Record
from harness.core.workload import PROMPTS_OF_A_PASS, ROOM
from harness.files.record_files import write_records
from harness.files.template_files import load_template
from harness.trial import going
from harness.trial.drawing import Drawn, Nucleus
from harness.trial.engine import Continuation, Decoding, Ids, Seeds, TooManyRowsError
from harness.trial.examples import Wording
from harness.trial.generation import Writer
from harness.trial.going import STEPS
from harness.trial.reading import read_prompts
from harness.trial.roomy import roomy_cache
from harness.trial.sampling import write_samples
from harness.trial.spec import GeneratedSuite, GenerateSpec
from harness.trial.transformers_engine import TransformersEngine

CONFIG = LlamaConfig(hidden_size=8, num_attention_heads=2, num_key_value_heads=2, num_hidden_layers=2)
HOW = Decoding(8, "```", 1.0, 0.95)


class SmallDevice:
    """An engine with room for two rows."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Continuation]]:
        self.asked.append(sum(map(len, seeds)))
        if self.asked[-1] > 2:
            raise TooManyRowsError("too many")
        return [[Continuation([1], 0.0) for _ in own] for own in seeds]


def engine_of(tiny: Path) -> TransformersEngine:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    return TransformersEngine(model, AutoTokenizer.from_pretrained(tiny, padding_side="left"))


def ids_of(answers: Sequence[Sequence[Continuation]]) -> list[list[Ids]]:
    return [[row.ids for row in rows] for rows in answers]


def the_cache_holds_what_transformers_own_cache_holds(_tiny: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    caches = [roomy_cache(CONFIG), DynamicCache(config=CONFIG)]
    for length in [5, *[1] * (2 * ROOM + 3)]:
        for layer in (0, 1):
            keys, values = (torch.rand(2, 2, length, 4, generator=draw) for _ in range(2))
            ours, theirs = (cache.update(keys, values, layer) for cache in caches)
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert [cache.get_seq_length() for cache in caches] == [2 * ROOM + 8] * 2


def copies_of_a_cache_go_on_by_themselves(_tiny: Path) -> None:
    cache, ones = roomy_cache(CONFIG), torch.ones(1, 2, 3, 4)
    cache.update(ones, ones, 0)
    copied = copy.deepcopy(cache)
    copied.batch_repeat_interleave(3)
    copied.update(2 * torch.ones(3, 2, 1, 4), 2 * torch.ones(3, 2, 1, 4), 0)
    assert copied.layers[0].keys[:, 0, :, 0].tolist() == [[1, 1, 1, 2]] * 3
    assert cache.get_seq_length() == 3


def a_row_draws_the_same_in_any_batch(_tiny: Path) -> None:
    scores = torch.randn(4, 500, generator=torch.Generator().manual_seed(1)) * 3
    nucleus = Nucleus(0.8, 0.9)
    whole, alone = Drawn([None, 1, 2, 3], nucleus), Drawn([2], nucleus)
    first, second = (whole(None, scores).argmax(-1) for _ in range(2))
    assert first[0] == second[0] == scores[0].argmax()
    assert [int(alone(None, scores[2:3]).argmax()) for _ in range(2)] == [int(first[2]), int(second[2])]


def what_lies_outside_of_the_nucleus_is_never_drawn(_tiny: Path) -> None:
    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    draws = Drawn([7], Nucleus(1.0, 0.75))
    found = [int(draws(None, scores).argmax()) for _ in range(400)]
    assert set(found) == {0, 1}
    assert 0.55 < found.count(0) / len(found) < 0.7  # 0.5 of 0.8


def a_prompt_that_is_read_once_goes_on_as_one_that_is_read_for_every_row(tiny: Path) -> None:
    engine = engine_of(tiny)
    prompts = [list(engine.tokenizer(text)["input_ids"]) for text in ("def f(x):\n    return x", "def g():\n    pass")]
    together = ids_of(engine.write(prompts, [[None, 5, 6], [None, 7, 8]], HOW))
    assert together[0][0] == engine.write(prompts[:1], [[None]], HOW)[0][0].ids
    assert together[1][2] == engine.write(prompts[1:], [[8]], HOW)[0][0].ids
    assert together[0][1] != together[0][2]


def many_prompts_go_on_as_each_by_itself(tiny: Path) -> None:
    engine = engine_of(tiny)
    text = list(engine.tokenizer("def f(x, y):\n    return x + y * 2\n" * 4)["input_ids"])
    lengths = [7, 31, 2, 12, 1, 25, 3, 9, 18, 5, 30, 28, 6, 11, 22, 8, 4, 14, 16]
    prompts = [text[:length] for length in lengths]
    assert len(prompts) > PROMPTS_OF_A_PASS
    assert len(text) >= max(lengths)
    together = ids_of(engine.write(prompts, [[None, number] for number in range(len(prompts))], HOW))
    assert together == [ids_of(engine.write([one], [[None, number]], HOW))[0] for number, one in enumerate(prompts)]
    assert ids_of(engine.write(prompts, [[None]] * len(prompts), HOW)) == [rows[:1] for rows in together]
    assert len({tuple(row) for rows in together for row in rows}) > 1


def rows_that_have_ended_are_taken_out_and_the_others_go_on_as_alone(tiny: Path) -> None:
    engine = engine_of(tiny)
    text = list(engine.tokenizer("def f(x, y):\n    return x + y * 2\n")["input_ids"])
    prompts = [text[:length] for length in (9, 5, 12, 3, 10)]
    seeds = [[1, 2, 3]] * len(prompts)
    long = Decoding(4 * STEPS + 5, "e", 1.0, 0.95)
    alone = [engine.write([one], [[seed]], long)[0][0].ids for one, own in zip(prompts, seeds, strict=True) for seed in own]
    rows_seen = list[int]()
    hook = engine.model.register_forward_pre_hook(
        lambda _, args, given: rows_seen.append(len(given["input_ids"])), with_kwargs=True
    )
    together = [row for rows in engine.write(prompts, seeds, long) for row in rows]
    hook.remove()
    assert [row.ids[: len(own)] for row, own in zip(together, alone, strict=True)] == alone
    assert all(set(row.ids[len(own) :]) <= {engine.tokenizer.pad_token_id} for row, own in zip(together, alone, strict=True))
    assert rows_seen == [len(prompts), *(sum(len(own) > step // STEPS * STEPS for own in alone) for step in range(4 * STEPS + 5))]
    assert len(set(rows_seen[1:])) == 5
    by_length = sorted(together, key=lambda row: len(alone[together.index(row)]))
    assert [row.seconds for row in by_length] == sorted(row.seconds for row in together)


def a_deadline_ends_all_rows_wherever_they_are(tiny: Path) -> None:
    engine = engine_of(tiny)
    passes = list[int]()
    engine.model.register_forward_pre_hook(lambda _, args, given: passes.append(len(given["input_ids"])), with_kwargs=True)
    clock = SimpleNamespace(time=lambda: float(len(passes)), monotonic=time.monotonic)
    with mock.patch.object(going, "time", clock):
        (first,), (second,) = engine.write(
            [[5, 6, 7], [8, 9]], [[None], [None]], Decoding(10 * STEPS, "never written", until=STEPS + 5)
        )
    assert len(first.ids) == len(second.ids) == len(passes) == STEPS + 5
    assert first.seconds == second.seconds


def what_was_read_in_passes_is_what_one_pass_reads(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    tokens = torch.arange(5, 5 + 20 * 12).reshape(20, 12) % 50
    mask = (torch.arange(12) >= (torch.arange(20) % 11)[:, None]).long()
    inputs = {"input_ids": tokens, "attention_mask": mask}
    cache, held = read_prompts(model, inputs), mask[:, :-1].bool()
    positions = (mask[:, :-1].cumsum(-1) - 1).clamp(min=0)
    whole = model(tokens[:, :-1], attention_mask=mask[:, :-1], position_ids=positions, use_cache=True).past_key_values
    for ours, theirs in zip(cache.layers, whole.layers, strict=True):
        for name in ("keys", "values"):
            found, expected = (getattr(layer, name).transpose(1, 2)[held] for layer in (ours, theirs))
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def the_likeliest_token_is_taken_whatever_the_model_is_configured_to_do(tiny: Path) -> None:
    engine = engine_of(tiny)
    prompts = [list(engine.tokenizer("def f(x):\n    return x")["input_ids"])]
    (((*plain,),),) = ids_of(engine.write(prompts, [[None]], HOW))
    likeliest, length = list(prompts[0]), len(prompts[0])
    for _ in plain:
        likeliest.append(int(engine.model(input_ids=torch.tensor([likeliest])).logits[0, -1].argmax()))
    own = engine.model.generation_config
    own.repetition_penalty, own.no_repeat_ngram_size, own.num_beams, own.do_sample = 5.0, 1, 3, True
    own.suppress_tokens, own.min_new_tokens = [plain[0]], 8
    assert ids_of(engine.write(prompts, [[None]], HOW)) == [[plain]]
    assert plain == likeliest[length:]


def fewer_rows_are_tried_where_the_memory_is_too_little(tiny: Path) -> None:
    records = [Record(f"r{n}", "f", f"def f(x):\n    return {n}\n", (), None, "here", "unknown") for n in range(3)]
    write_records(tiny / "functions.jsonl", records)
    device, kept = SmallDevice(), list[GeneratedSuite]()
    writer = Writer(device, AutoTokenizer.from_pretrained(tiny, padding_side="left"), Wording(load_template("chat-function")))
    spec = GenerateSpec(str(tiny / "functions.jsonl"), batch_size=16, samples=4)
    write_samples(writer, spec, kept.extend, lambda done, total: None)
    assert sorted(suite.function_id for suite in kept) == [f"r{n}" for n in range(3) for _ in range(4)]
    assert max(device.asked) == 12
    assert set(device.asked[2:]) <= {4, 2}


def one_row_too_many_is_an_error(tiny: Path) -> None:
    class NoRoom(SmallDevice):
        def write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Continuation]]:
            raise TooManyRowsError("too many")

    write_records(tiny / "functions.jsonl", [Record("r", "f", "def f():\n    pass\n", (), None, "here", "unknown")])
    writer = Writer(NoRoom(), AutoTokenizer.from_pretrained(tiny, padding_side="left"), Wording(load_template("chat-function")))
    with pytest.raises(TooManyRowsError):
        write_samples(writer, GenerateSpec(str(tiny / "functions.jsonl"), samples=2), lambda _: None, lambda done, total: None)

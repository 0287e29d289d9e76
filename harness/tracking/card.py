"""The README of an exported adapter: a Hugging Face model card with the measured results and their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from harness.core.measured import Measured


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that the card says.

    Attributes:
        title: Heading, e.g. the registered model's name.
        base_model: Public id of the base model, never a local path.
        base_revision: Hub revision, or None.
        license: SPDX identifier of the adapter, e.g. ``apache-2.0``.
        datasets: Where the functions come from.
        test_functions: How many held-out functions were scored, n.
        tuned: Metric -> result of this adapter on them.
        untuned: Label (``untuned, zero-shot``) -> metric -> result on the same functions.
        settings: Effective hyper-parameters.
        prompt: A whole prompt as the adapter was trained on, before the chat template; empty leaves it out.
        prefill: How every answer begins: the caller writes it, in training and in use; empty leaves it out.
    """

    title: str
    base_model: str
    license: str
    datasets: tuple[str, ...]
    test_functions: int
    tuned: Mapping[str, Measured]
    untuned: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    base_revision: str | None = None
    prompt: str = ""
    prefill: str = ""


def model_card(facts: CardFacts) -> str:
    """The text of README.md, YAML front matter included."""
    front = yaml.safe_dump(_front_matter(facts), sort_keys=False, allow_unicode=True)
    sections = [_summary(facts), _results(facts), _settings(facts), _usage(facts), _limits(facts)]
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


def _front_matter(facts: CardFacts) -> dict[str, Any]:
    dataset = {"type": "held-out-functions", "name": f"held-out functions of {', '.join(facts.datasets)}"}
    metrics = [{"type": name, "name": name, "value": round(m.value, 4)} for name, m in facts.tuned.items()]
    result = {"task": {"type": "text-generation"}, "dataset": dataset, "metrics": metrics}
    return {
        "base_model": facts.base_model,
        "library_name": "peft",
        "license": facts.license,
        "pipeline_tag": "text-generation",
        "tags": ["lora", "peft", "code", "unit-tests", "pytest"],
        "datasets": list(facts.datasets),
        "metrics": list(facts.tuned),
        "model-index": [{"name": facts.title, "results": [result]}],
    }


def _summary(facts: CardFacts) -> str:
    return (
        f"# {facts.title}\n\nA LoRA adapter for `{facts.base_model}` that writes pytest unit tests for a Python function. "
        "Its hyper-parameters were searched by `harness`, and its score is what its tests did when they were run."
    )


def _results(facts: CardFacts) -> str:
    columns = {"this adapter": facts.tuned, **facts.untuned}
    head = f"| metric | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}"
    lines = [f"| {name} | {' | '.join(_cell(column.get(name)) for column in columns.values())} |" for name in facts.tuned]
    return (
        f"## Results\n\nMean over n = {facts.test_functions} held-out test functions, with the 95 % interval in brackets. "
        "Every column is scored on the same functions; a suite that is not valid counts 0.\n\n" + "\n".join([head, *lines])
    )


def _cell(measured: Measured | None) -> str:
    if measured is None:
        return "not measured"
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def _settings(facts: CardFacts) -> str:
    rows = [f"| `{name}` | `{value}` |" for name, value in facts.settings.items()]
    return "\n".join(["## Settings", "", "| setting | value |", "|---|---|", *rows])


def _usage(facts: CardFacts) -> str:
    revision = "" if facts.base_revision is None else f', revision="{facts.base_revision}"'
    code = [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f'base = AutoModelForCausalLM.from_pretrained("{facts.base_model}"{revision})',
        f'tokenizer = AutoTokenizer.from_pretrained("{facts.base_model}"{revision})',
        'model = PeftModel.from_pretrained(base, "PATH/OF/THIS/FOLDER")',
        "",
        f"prefill = {facts.prefill!r}  # how every answer begins; put your function's name there",
        'messages = [{"role": "user", "content": prompt}]',
        "text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        'inputs = tokenizer(text + prefill, add_special_tokens=False, return_tensors="pt")',
        "output = model.generate(**inputs, max_new_tokens=256, do_sample=False)",
        'written = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)',
        'print(written.split("```")[0])  # the closing fence ends the suite',
    ]
    example = ["", "A prompt as it was trained on:", "", "````text", facts.prompt.rstrip(), "````"] if facts.prompt else []
    return "\n".join(["## How to use", "", "````python", *code, "````", *example])


def _limits(facts: CardFacts) -> str:
    return "\n".join(_limit_lines(facts.test_functions))


def _limit_lines(count: int) -> Sequence[str]:
    return (
        "## Limits",
        "",
        f"- The sample is small: {count} functions. Read the intervals, not the means.",
        "- Part of the pass rate comes from copying examples out of docstrings: a function without any is harder than these.",
        "- A passing test is not yet a good test. Read coverage and mutation score beside the pass rate.",
        "- The functions are public, and the base model may have seen them. Other kinds of code were not measured.",
        "- Generated tests are code: run them in a sandbox.",
    )

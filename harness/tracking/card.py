"""The README of an exported adapter or merged model: a Hugging Face model card with the measured results and their limits.

Owns its words. The values are `harness.tracking.card_facts`', the program in it `harness.tracking.card_usage`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from harness.core.measured import Measured
from harness.tracking.card_facts import CardFacts, Failure, Needs
from harness.tracking.card_usage import usage

__all__ = ["CardFacts", "Failure", "Needs", "model_card"]

_MISSING = "not measured"


def model_card(facts: CardFacts, *, merged: bool = False) -> str:
    """The text of README.md, YAML front matter included.

    Args:
        facts: What it says.
        merged: The folder holds a whole model, the adapter's product added to the base's weights.
    """
    front = yaml.safe_dump(_front_matter(facts, merged=merged), sort_keys=False, allow_unicode=True)
    sections = [
        _summary(facts, merged=merged),
        _results(facts),
        usage(facts, merged=merged),
        _data(facts),
        _chosen(facts),
        _settings(facts),
        _needs(facts.needs),
        _limits(facts, merged=merged),
        _failures(facts),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _front_matter(facts: CardFacts, *, merged: bool) -> dict[str, Any]:
    dataset = {"type": "held-out-functions", "name": f"held-out functions of {', '.join(facts.datasets)}"}
    metrics = [{"type": name, "name": name, "value": round(m.value, 4)} for name, m in facts.tuned.items()]
    result = {"task": {"type": "text-generation"}, "dataset": dataset, "metrics": metrics}
    return {
        "base_model": facts.base_model,
        "base_model_relation": "finetune" if merged else "adapter",
        "library_name": "transformers" if merged else "peft",
        "license": facts.license,
        "pipeline_tag": "text-generation",
        "tags": ["lora", *([] if merged else ["peft"]), "code", "unit-tests", "pytest"],
        "datasets": list(facts.datasets),
        "metrics": list(facts.tuned),
        "model-index": [{"name": facts.title, "results": [result]}],
    }


def _summary(facts: CardFacts, *, merged: bool) -> str:
    what = (
        f"`{facts.base_model}` with a LoRA adapter merged into its weights"
        if merged
        else f"A LoRA adapter for `{facts.base_model}`"
    )
    return (
        f"# {facts.title}\n\n{what}: it writes pytest unit tests for a Python function whose source it is shown. "
        "Its hyper-parameters were searched by `harness`, and its score is what its tests did when they were run. "
        "It is for drafts of tests that a person reads; it is not for judging whether code is right."
    )


def _results(facts: CardFacts) -> str:
    columns = {"this adapter": facts.tuned, **facts.untuned}
    rows = {name: [_cell(column.get(name)) for column in columns.values()] for name in facts.tuned}
    heads = [*columns]
    if facts.of_ceiling:
        heads.append("share of the ceiling")
        rows = {name: [*cells, _share(facts.of_ceiling.get(name))] for name, cells in rows.items()}
    ceiling = " The ceiling is what the functions' own tests reach." if facts.of_ceiling else ""
    return (
        f"## Results\n\nMean over n = {facts.test_functions} held-out test functions, with the 95 % interval in brackets. "
        f"Every column is scored on the same functions; a suite that is not valid counts 0.{ceiling}\n\n"
        + _table(["metric", *heads], rows)
    )


def _table(heads: list[str], rows: Mapping[str, list[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join([name, *cells])} |" for name, cells in rows.items())])


def _cell(measured: Measured | None) -> str:
    if measured is None:
        return _MISSING
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _data(facts: CardFacts) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in facts.counts.items())
    return "\n".join(
        [
            "## Data",
            "",
            f"- Functions and their tests: {', '.join(facts.datasets)}, licence {facts.data_licence}.",
            *([f"- Functions by split: {counts}. Near copies of a function are all in the same split."] if counts else []),
            "- Only the train split was trained on; the test split was not looked at before this adapter was chosen.",
            f"- The base model's licence is {facts.license}.",
        ]
    )


def _chosen(facts: CardFacts) -> str:
    if not facts.chosen:
        return ""
    said = facts.chosen if isinstance(facts.chosen, str) else "\n".join(f"- {k}: {_plain(v)}" for k, v in facts.chosen.items())
    return f"## How it was chosen\n\n{said}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_plain, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _settings(facts: CardFacts) -> str:
    searched = {f"`{name}`": [f"`{_setting(facts, name)}`", words] for name, words in facts.space.items()}
    others = {f"`{name}`": [f"`{value}`"] for name, value in facts.settings.items() if name not in facts.space}
    search = ["Searched:", "", _table(["setting", "found", "search space"], searched), "", "The others:", ""] if searched else []
    return "\n".join(["## Settings", "", *search, _table(["setting", "value"], others)])


def _setting(facts: CardFacts, name: str) -> Any:
    return facts.settings.get(name, "default")


def _needs(needs: Needs | None) -> str:
    if needs is None:
        return ""
    took = f" in {needs.train_s:.0f} s" if needs.train_s else ""
    together = f", {needs.write_batch} together" if needs.write_batch else ""
    lines = [
        f"- Training took at most {_gib(needs.train_bytes)}{took}." if needs.train_bytes else "",
        f"- Writing suites with it took at most {_gib(needs.write_bytes)}{together}." if needs.write_bytes else "",
    ]
    return "\n".join(["## Memory and hardware", "", f"Measured on: {needs.device}.", "", *filter(None, lines)])


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"


def _limits(facts: CardFacts, *, merged: bool) -> str:
    quantized = str(facts.settings.get("quantization", "none"))
    over = "it was trained and measured over a base in"
    return "\n".join(
        [
            "## Limits",
            "",
            f"- The sample is small: {facts.test_functions} functions. Read the intervals, not the means.",
            "- Part of the pass rate comes from copying examples out of docstrings: a function without any is harder than these.",
            "- A passing test is not yet a good test. Read coverage and mutation score beside the pass rate.",
            "- The functions are public, and the base model may have seen them. Other kinds of code were not measured.",
            *([f"- {over} {quantized}; loaded otherwise it writes other tests."] if quantized != "none" and not merged else []),
            *([f"- {over} {quantized}, and merged into the unquantized one."] if quantized != "none" and merged else []),
            "- Generated tests are code: run them in a sandbox.",
        ]
    )


def _failures(facts: CardFacts) -> str:
    if facts.failed is None:
        return ""
    head = f"## Known failures\n\nOf {facts.test_functions} test functions {facts.failed} got a suite that is worth nothing."
    return "\n\n".join([head + (" Some of them:" if facts.failures else ""), *map(_failure, facts.failures)])


def _failure(failure: Failure) -> str:
    fence = "`" * max(4, 1 + max(map(len, re.findall("`+", failure.wrote)), default=0))
    detail = f": {failure.detail}" if failure.detail else ""
    return f"`{failure.function}`, {failure.verdict.replace('_', ' ')}{detail}\n\n{fence}text\n{failure.wrote.rstrip()}\n{fence}"

"""The part of a model card that is run: a program that loads the folder with plain libraries and writes one suite."""

from __future__ import annotations

from harness.tracking.card_facts import CardFacts

FOLDER = "PATH/OF/THIS/FOLDER"


def usage(facts: CardFacts, *, merged: bool) -> str:
    """The section, with the program in a fence that its own text cannot end.

    Args:
        facts: Of the card.
        merged: The folder holds a whole model, not an adapter.
    """
    program = "\n".join([*(_load_merged() if merged else _load_adapter(facts)), "", *_write(facts)])
    needs = "`transformers`" if merged else "`peft` and `transformers`"
    return "\n".join(["## How to use", "", f"With plain {needs}; `harness` is not needed.", "", "````python", program, "````"])


def _load_adapter(facts: CardFacts) -> list[str]:
    revision = "" if facts.base_revision is None else f', revision="{facts.base_revision}"'
    return [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f'base = AutoModelForCausalLM.from_pretrained("{facts.base_model}"{revision})',
        f'tokenizer = AutoTokenizer.from_pretrained("{facts.base_model}"{revision})',
        f'model = PeftModel.from_pretrained(base, "{FOLDER}")',
    ]


def _load_merged() -> list[str]:
    return [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f'model = AutoModelForCausalLM.from_pretrained("{FOLDER}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{FOLDER}")',
    ]


def _write(facts: CardFacts) -> list[str]:
    chat = facts.chat or ({"role": "user", "content": facts.prompt},)
    lines = ["messages = [  # as in training; put your own function into the last one"]
    for message in chat:
        lines += [f'    {{"role": "{message["role"]}", "content": {literal(message["content"])}}},']
    return [
        *lines,
        "]",
        f"prefill = {facts.prefill!r}  # how every answer begins; put your function's name there",
        *_text(facts.style),
        'inputs = tokenizer(text + prefill, add_special_tokens=False, return_tensors="pt").to(model.device)',
        "output = model.generate(**inputs, max_new_tokens=256, do_sample=False)",
        'written = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)',
        'suite = prefill.partition("\\n")[2] + written.split("```")[0]  # the closing fence ends the suite',
        "print(suite)",
    ]


def _text(style: str) -> list[str]:
    bare = 'text = "".join(message["content"] + "\\n\\n" for message in messages)'
    if style == "completion":
        return [bare]
    asked = "messages, tokenize=False, add_generation_prompt=True, enable_thinking=False"
    return [f"text = tokenizer.apply_chat_template({asked})"]


def literal(text: str) -> str:
    """Python source of a text: as it reads where a raw string can hold it, else escaped."""
    readable = all(character.isprintable() or character in "\n\t" for character in text)
    ends = text.endswith(("\\", "'"))
    plain = readable and "\n" in text and "'''" not in text and "````" not in text and not ends
    return f"r'''{text}'''" if plain else repr(text)

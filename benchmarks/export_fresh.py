"""Writes suites with what `harness export` made, in an environment that has only torch, transformers and peft.

Run by `benchmarks/export.py` as ``python -I export_fresh.py REQUEST``; nothing of harness can be imported here. REQUEST is a
JSON file: ``base`` (folder), ``adapter``, ``merged``, ``merged_float32`` (folders), ``prompts`` (``chat``, ``prefill``),
``max_new_tokens``, ``out``. Everything is computed in fp32, one suite at a time, as greedily as it goes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(request: dict[str, Any]) -> None:
    """Write the answers and the differences of the first logits."""
    assert "harness" not in sys.modules
    torch.manual_seed(0)
    found: dict[str, Any] = {"torch": torch.__version__}
    firsts: dict[str, list[Any]] = {}
    for form in ("adapter", "merged", "merged_float32"):
        model, tokenizer = load(request, form)
        texts = [text_of(tokenizer, prompt) for prompt in request["prompts"]]
        firsts[form] = [first_logits(model, tokenizer, text) for text in texts]
        if form != "merged_float32":  # the same sums as the adapter's: its logits say enough
            found[form] = [written(model, tokenizer, text, request["max_new_tokens"]) for text in texts]
        del model
    for form in ("merged", "merged_float32"):
        pairs = zip(firsts["adapter"], firsts[form], strict=True)
        found[f"{form}_logits"] = max(float((one - other).abs().max()) for one, other in pairs)
    Path(request["out"]).write_text(json.dumps(found), "utf-8")


def load(request: dict[str, Any], form: str) -> tuple[Any, Any]:
    """Model and tokenizer with plain libraries."""
    if form != "adapter":
        whole = AutoModelForCausalLM.from_pretrained(request[form], dtype=torch.float32)
        return whole.eval(), AutoTokenizer.from_pretrained(request[form])
    base = AutoModelForCausalLM.from_pretrained(request["base"], dtype=torch.float32)
    return PeftModel.from_pretrained(base, request["adapter"]).eval(), AutoTokenizer.from_pretrained(request["base"])


def text_of(tokenizer: Any, prompt: dict[str, Any]) -> str:
    """A prompt with the beginning of its answer, as the model card's program has it."""
    asked = tokenizer.apply_chat_template(prompt["chat"], tokenize=False, add_generation_prompt=True, enable_thinking=False)
    return str(asked + prompt["prefill"])


def first_logits(model: Any, tokenizer: Any, text: str) -> Any:
    """Logits of the first token that is written."""
    with torch.inference_mode():
        return model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits[0, -1]


def written(model: Any, tokenizer: Any, text: str, limit: int) -> dict[str, Any]:
    """What the model writes behind a text, and whether it came to its end."""
    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    fences = [token for piece, token in tokenizer.get_vocab().items() if "```" in tokenizer.convert_tokens_to_string([piece])]
    ends = [tokenizer.eos_token_id, *fences]
    with torch.inference_mode():
        output = model.generate(
            **inputs, max_new_tokens=limit, do_sample=False, eos_token_id=ends, pad_token_id=tokenizer.eos_token_id
        )
    new = output[0, inputs["input_ids"].shape[1] :].tolist()
    return {"text": tokenizer.decode(new, skip_special_tokens=True), "ended": new[-1] == tokenizer.eos_token_id}


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))

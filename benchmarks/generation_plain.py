"""Writes suites as anybody would with transformers alone: one `model.generate` call for each function, no harness around it.

Run by `benchmarks/generation.py` as ``python generation_plain.py FOLDER``, in place of ``python -m harness.trial FOLDER``, and
leaves the same files. The prompts and the cut of the answers are harness's own, the adapter is merged as in a trial, and
transformers is told where a suite ends: what differs is only how the model is run.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]

import torch  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from harness.core.prompts import FENCE  # noqa: E402
from harness.trial.examples import wording_of  # noqa: E402
from harness.trial.generation import Written, build_prompts, suite_of_row, write_suites  # noqa: E402
from harness.trial.readings import memory_peak  # noqa: E402
from harness.trial.spec import ChildEnding, TrialResult, TrialSpec  # noqa: E402
from harness.trial.trial_dir import TrialDir  # noqa: E402


def main(folder: TrialDir) -> None:
    """Write the suites, and what they took."""
    spec = folder.read_spec()
    model, tokenizer = loaded(spec), AutoTokenizer.from_pretrained(spec.model.path)
    suites, seconds = [], []
    for prompt in build_prompts(tokenizer, spec.generate, wording_of(spec)):
        begun = time.monotonic()
        row = continued(model, tokenizer, prompt.ids, spec.generate.max_new_tokens)
        seconds.append(time.monotonic() - begun)
        suites.append(suite_of_row(tokenizer, prompt.record, row))
    write_suites(folder.suites_file, suites)
    metrics = Written(suites, seconds, sum(seconds)).metrics() | memory_peak()
    folder.write_result(TrialResult(ChildEnding.COMPLETED, "written", metrics))


def loaded(spec: TrialSpec) -> Any:
    """The model, in evaluation mode."""
    model = AutoModelForCausalLM.from_pretrained(spec.model.path, dtype=getattr(torch, spec.model.dtype))
    if spec.adapter:
        model = PeftModel.from_pretrained(model, spec.adapter).merge_and_unload()
    return model.eval()


def continued(model: Any, tokenizer: Any, ids: list[int], limit: int) -> list[int]:
    """What is written behind a prompt."""
    asked = torch.tensor([ids])
    told = {"attention_mask": torch.ones_like(asked), "pad_token_id": tokenizer.pad_token_id or tokenizer.eos_token_id}
    written = model.generate(asked, **told, max_new_tokens=limit, do_sample=False, stop_strings=[FENCE], tokenizer=tokenizer)
    new: list[int] = written[0, len(ids) :].tolist()
    return new


if __name__ == "__main__":
    main(TrialDir(Path(sys.argv[1])))

"""Child side: turns a GGUF file into an ordinary bf16 model folder. ``python -m harness.trial.convert --gguf FILE --out DIR``.

Owns the conversion only; where the file comes from and where the folder is kept is `harness.data.quickstart`'s business.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(argv: Sequence[str]) -> int:
    """Convert as the arguments say; an exception ends the process with its traceback on stderr.

    Returns:
        0, the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m harness.trial.convert", description="GGUF file -> bf16 safetensors folder.")
    parser.add_argument("--gguf", type=Path, required=True, help="the GGUF file")
    parser.add_argument("--out", type=Path, required=True, help="an existing empty folder")
    parser.add_argument("--public-id", default="", help="hub id of the model the file was made from; kept in config and card")
    parser.add_argument("--licence", default="unknown", help="SPDX identifier of its licence")
    parser.add_argument("--parent", type=int, default=0, help="process id to die with; 0: none")
    args = parser.parse_args(argv)
    if args.parent:
        _die_with(args.parent)
    # Everything is on this disk: a look at the hub could only wait for a network.
    os.environ["HF_HUB_OFFLINE"] = "1"
    convert(args.gguf, args.out)
    _describe(args.out, args.public_id or args.gguf.stem, args.licence)
    return 0


def convert(gguf: Path, out: Path) -> None:
    """Write model, generation config, tokenizer and chat template of a GGUF file into `out`.

    transformers loads a GGUF file dequantised but refuses to save it ("not serializable"), so the weights move into a new
    model of the same config.

    Raises:
        OSError: if the file cannot be read or the folder not written.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    # assign: takes the loaded tensors over instead of copying half a gigabyte beside them
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    _require_special_tokens(tokenizer, config)
    # GGUF does not carry it, and transformers would write "no limit" as a number of 31 digits.
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(out)


def _require_special_tokens(tokenizer: Any, config: Any) -> None:
    """A tokenizer that ends its turns with another token than the model does generates without end."""
    ours = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    theirs = (config.bos_token_id, config.eos_token_id, config.pad_token_id)
    if ours != theirs or None in ours:
        raise ValueError(f"bos, eos and pad ids are {ours} in the tokenizer and {theirs} in the model's config")
    if tokenizer.chat_template is None or tokenizer.eos_token not in tokenizer.chat_template:
        raise ValueError(f"the chat template does not end a turn with {tokenizer.eos_token}")


def _describe(out: Path, name: str, licence: str) -> None:
    """Name the model in its config, and leave a card with its origin and licence."""
    path = out / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config.pop("_model_name_or_path", None)  # the GGUF file's title, which is no hub id
    config["_name_or_path"] = name
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    (out / "model.safetensors").chmod(0o644)  # safetensors writes 0600
    head = f"---\nlicense: {licence.lower()}\nbase_model: {name}\n---\n"
    card = f"{head}\n{name}, dequantised from a GGUF file to bfloat16.\n"
    (out / "README.md").write_text(card, "utf-8")


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies: nobody would want the folder then."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

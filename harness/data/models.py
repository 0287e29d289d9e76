"""Owns the step from a model's name in a sweep file to something the trial process can load. Imports no torch.

Three kinds of name: the embedded default, a local folder, a hub id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.core.errors import ExitCode, HarnessError
from harness.data.hub import fetch_config, fetch_optional
from harness.data.quickstart import LICENCE, PUBLIC_ID, QUICKSTART_NAME, quickstart_folder
from harness.files.places import expanded

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A causal model that exists and can be loaded.

    Attributes:
        path: Local folder (absolute), or a hub id.
        public_id: What to call it in an adapter or model card: a hub id where one is known, else the folder's name.
        revision: For a hub id the commit it stands at, so that every trial loads the same weights; else None.
        config: Its config.json.
        licence: As the model card names it, or None.
    """

    path: str
    public_id: str
    revision: str | None
    config: Mapping[str, Any]
    licence: str | None


def resolve_model(name: str, revision: str | None, root: Path, on_step: Callable[[str], None] | None = None) -> ResolvedModel:
    """Find a model and make it ready to load.

    Args:
        name: `QUICKSTART_NAME`, a local folder, or a hub id ``org/name``. A folder wins over a hub id of the same spelling.
        revision: Branch, tag or commit of a hub id; must be None for the others.
        root: The cache folder.
        on_step: Told, one line each, what takes time.

    Raises:
        HarnessError: ENVIRONMENT when it is missing, incomplete, not a causal model or out of reach; BAD_INPUT for a name
            that cannot be one, or a revision where there is none; STORAGE for the cache.
    """
    step = on_step or (lambda _: None)
    folder = expanded(name)
    is_local = name.startswith("quickstart:") or folder.is_dir()
    if is_local and revision is not None:
        fix = "leave `revision` out; only hub ids have one"
        raise HarnessError(f"{name} has no revisions", why=f"revision is {revision!r}", fix=fix)
    if name == QUICKSTART_NAME:
        converted = quickstart_folder(root, step)
        return ResolvedModel(str(converted), PUBLIC_ID, None, _read_config(converted / "config.json", name), LICENCE)
    if folder.is_dir():
        return _local(folder.absolute())
    if _HUB_ID.fullmatch(name) and not name.startswith("quickstart:"):
        step(f"looking {name} up on the Hugging Face Hub")
        return _hub(name, revision)
    raise _not_a_model(name)


def tokenizer_file(model: ResolvedModel) -> Path | None:
    """The model's tokenizer.json, fetched from the hub where it is not in a folder; None where there is none."""
    folder = Path(model.path)
    if folder.is_dir():
        file = folder / "tokenizer.json"
        return file if file.is_file() else None
    return fetch_optional(model.path, "tokenizer.json", model.revision)


def _local(folder: Path) -> ResolvedModel:
    """A folder that `save_pretrained` or a download has written."""
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise _incomplete(folder, "it holds an adapter (adapter_config.json), not a base model", "name the base model instead")
    if not (folder / "config.json").is_file():
        raise _incomplete(folder, "there is no config.json in it", "name a folder in transformers' format")
    config = _read_config(folder / "config.json", str(folder))
    if not any(True for pattern in ("*.safetensors", "pytorch_model*.bin") for _ in folder.glob(pattern)):
        raise _incomplete(folder, "there are no weights in it", "put model.safetensors (or its shards) beside config.json")
    if not any((folder / tokenizer).is_file() for tokenizer in _TOKENIZERS):
        raise _incomplete(folder, "there is no tokenizer in it", f"put one of {', '.join(_TOKENIZERS)} beside config.json")
    return ResolvedModel(str(folder), _public_id(config, folder), None, config, card_licence(folder / "README.md"))


def _hub(name: str, revision: str | None) -> ResolvedModel:
    file = fetch_config(name, revision)
    config = _read_config(file, name)
    commit = file.parent.name if _COMMIT.fullmatch(file.parent.name) else revision
    card = fetch_optional(name, "README.md", commit)
    return ResolvedModel(name, name, commit, config, card_licence(card) if card else None)


def _read_config(path: Path, name: str) -> dict[str, Any]:
    """config.json of a causal model."""
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _incomplete(path.parent, f"config.json cannot be read: {error}", "download it again") from error
    architectures = config.get("architectures") if isinstance(config, dict) else None
    named = [str(a) for a in architectures] if isinstance(architectures, list) else []
    if not any(_is_causal(architecture) for architecture in named):
        raise HarnessError(
            f"{name} is not a causal model",
            why=f"its config.json names the architecture {', '.join(named) or 'none'}",
            fix="name a text-generation model: its architecture ends in ForCausalLM",
            code=ExitCode.ENVIRONMENT,
        )
    return dict(config)


def _is_causal(architecture: str) -> bool:
    # GPT-2 is older than the naming scheme.
    return architecture.endswith("ForCausalLM") or architecture == "GPT2LMHeadModel"


def _public_id(config: Mapping[str, Any], folder: Path) -> str:
    """The hub id that the config remembers, else the folder's name: an adapter must not carry somebody's path."""
    remembered: Iterable[object] = (config.get("_name_or_path"), config.get("name_or_path"))
    ids = (value for value in remembered if isinstance(value, str) and _HUB_ID.fullmatch(value))
    return next(ids, folder.resolve().name)


def card_licence(card: Path) -> str | None:
    """The `license` of a model card's YAML head, or None; ``other`` gives way to `license_name`.

    Args:
        card: A README.md that may not exist.
    """
    try:
        head = re.match(r"\s*---\s*\n(.*?)\n---\s*(\n|$)", card.read_text("utf-8"), re.DOTALL)
        values = yaml.safe_load(head[1]) if head else None
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not isinstance(values, dict):
        return None
    licence = values.get("license")
    if licence == "other":
        licence = values.get("license_name") or licence
    return str(licence) if licence else None


def _incomplete(folder: Path, why: str, fix: str) -> HarnessError:
    return HarnessError(f"{folder} is not a usable model folder", why=why, fix=fix, code=ExitCode.ENVIRONMENT)


def _not_a_model(name: str) -> HarnessError:
    if name.startswith("quickstart:"):
        return HarnessError(f"unknown model {name}", why="only one model is embedded", fix=f"use {QUICKSTART_NAME}")
    looks_like_path = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1 or name.endswith("/")
    if looks_like_path:
        fix = "correct the path, or name a hub id such as org/name"
        return HarnessError(f"there is no model folder {name}", why="no such folder", fix=fix, code=ExitCode.ENVIRONMENT)
    fix = f"allowed: org/name, a folder, {QUICKSTART_NAME}"
    return HarnessError(f"{name!r} names no model", why="it is neither a folder nor a hub id", fix=fix)

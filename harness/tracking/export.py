"""Writes an adapter as a folder that anyone can load with plain PEFT. No torch: weights are copied, not read.

Owns the folder's content and the swap that makes it appear whole; `harness.files.adapter_files` owns the names in it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Lineage
from harness.files.adapter_files import (
    ADAPTER_CONFIG,
    LINEAGE_FILE,
    SWEEP_FILE,
    WEIGHTS_FILE,
    write_checksums,
)
from harness.files.places import cure, reason
from harness.tracking.card import CardFacts, model_card
from harness.trial.trial_dir import PROMPT_FILE

CARD_FILE = "README.md"
LICENCE_FILE = "LICENSE"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What else goes into the folder, so that it says where it comes from.

    Attributes:
        lineage: Written to harness.json.
        sweep: The resolved sweep file as JSON, written to config.json; empty where it is not known.
        licence: Text of the base model's licence file; empty names the licence alone.
    """

    lineage: Lineage
    sweep: str = ""
    licence: str = ""


def export_adapter(adapter_dir: Path, out_dir: Path, card: CardFacts, provenance: Provenance | None = None) -> Path:
    """Write weights, configuration, the prompt it was trained with, model card and checksums, all or nothing.

    The folder is built beside `out_dir` and then swapped in, so that `out_dir` is at any time absent, the old one, or
    the new one. What was in an old one is gone.

    Args:
        adapter_dir: Holds ``adapter_model.safetensors`` and ``adapter_config.json``.
        out_dir: Where to.
        card: `base_model` replaces the local path in the configuration.
        provenance: What it comes from; None leaves harness.json, config.json and the licence out.

    Returns:
        `out_dir`.

    Raises:
        HarnessError: the adapter is not there, or `out_dir` cannot be written.
    """
    for name in (WEIGHTS_FILE, ADAPTER_CONFIG):
        if not (adapter_dir / name).is_file():
            raise _missing(adapter_dir, name)

    def fill(building: Path) -> None:
        shutil.copyfile(adapter_dir / WEIGHTS_FILE, building / WEIGHTS_FILE)
        if (adapter_dir / PROMPT_FILE).is_file():
            shutil.copyfile(adapter_dir / PROMPT_FILE, building / PROMPT_FILE)
        (building / ADAPTER_CONFIG).write_text(_public_config(adapter_dir / ADAPTER_CONFIG, card), "utf-8")
        write_papers(building, card, provenance)

    return swapped_in(out_dir, fill)


def write_papers(folder: Path, card: CardFacts, provenance: Provenance | None, *, merged: bool = False) -> None:
    """Write what goes with the weights: model card, lineage, sweep file, licence, and last the checksums of everything."""
    (folder / CARD_FILE).write_text(model_card(card, merged=merged), "utf-8")
    if provenance is not None:
        record = {**provenance.lineage.to_dict(), "card": card.to_dict()}
        (folder / LINEAGE_FILE).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        (folder / LICENCE_FILE).write_text(provenance.licence or _licence(card), "utf-8")
    # A merged model has a config.json of its own: transformers' one.
    if provenance is not None and provenance.sweep and not merged:
        (folder / SWEEP_FILE).write_text(provenance.sweep, "utf-8")
    write_checksums(folder)


def swapped_in(out_dir: Path, fill: Callable[[Path], None]) -> Path:
    """Have a folder filled beside `out_dir` and put into its place in one step.

    Args:
        out_dir: Where it appears, whole.
        fill: Given an empty folder.

    Returns:
        `out_dir`.

    Raises:
        HarnessError: STORAGE when it cannot be written.
    """
    building = out_dir.with_name(f".{out_dir.name}.{os.getpid()}")
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        fill(building)
        _swap_in(building, out_dir)
    except OSError as error:
        raise HarnessError(
            f"the adapter cannot be exported to {out_dir}",
            why=reason(error),
            fix=cure(error, "name a folder that can be written"),
            code=ExitCode.STORAGE,
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return out_dir


def _missing(adapter_dir: Path, name: str) -> HarnessError:
    return HarnessError(
        f"{adapter_dir} is not a PEFT adapter",
        why=f"{name} is not there",
        fix="export the adapter/ folder of a trial that completed",
        code=ExitCode.NO_RESULT,
    )


def _public_config(path: Path, card: CardFacts) -> str:
    """PEFT writes the path it loaded the base from; on another machine that names nothing."""
    config = json.loads(path.read_text("utf-8"))
    config["base_model_name_or_path"] = card.base_model
    config["revision"] = card.base_revision
    return json.dumps(config, indent=2, sort_keys=True) + "\n"


def _licence(card: CardFacts) -> str:
    return (
        f"SPDX-License-Identifier: {card.license}\n\nThis is derived from {card.base_model}, whose card names that licence.\n"
        "Its text: https://spdx.org/licenses/\n"
    )


def _swap_in(built: Path, target: Path) -> None:
    if not target.exists():
        built.rename(target)
    elif not _exchange(built, target):
        # Some network file systems cannot exchange: then there is a moment without the folder, but never half a folder.
        aside = target.with_name(f".{target.name}.old.{os.getpid()}")
        target.rename(aside)
        built.rename(target)
        shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the file system cannot.

    Source: renameat2(2), Linux 3.15, glibc 2.28.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))

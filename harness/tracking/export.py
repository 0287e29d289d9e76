"""Writes an adapter as a folder that anyone can load with plain PEFT. No torch: weights are copied, not read."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.card import CardFacts, model_card
from harness.tracking.registry import ADAPTER_FILE
from harness.trial.trial_dir import PROMPT_FILE

CONFIG_FILE = "adapter_config.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def export_adapter(adapter_dir: Path, out_dir: Path, card: CardFacts) -> Path:
    """Write weights, configuration, the prompt it was trained with, and model card, all or nothing.

    The folder is built beside `out_dir` and then swapped in, so that `out_dir` is at any time absent, the old one, or
    the new one. What was in an old one is gone.

    Args:
        adapter_dir: Holds ``adapter_model.safetensors`` and ``adapter_config.json``.
        out_dir: Where to.
        card: `base_model` replaces the local path in the configuration.

    Returns:
        `out_dir`.

    Raises:
        HarnessError: the adapter is not there, or `out_dir` cannot be written.
    """
    for name in (ADAPTER_FILE, CONFIG_FILE):
        if not (adapter_dir / name).is_file():
            raise _missing(adapter_dir, name)
    building = out_dir.with_name(f".{out_dir.name}.{os.getpid()}")
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        shutil.copyfile(adapter_dir / ADAPTER_FILE, building / ADAPTER_FILE)
        if (adapter_dir / PROMPT_FILE).is_file():
            shutil.copyfile(adapter_dir / PROMPT_FILE, building / PROMPT_FILE)
        (building / CONFIG_FILE).write_text(_public_config(adapter_dir / CONFIG_FILE, card), "utf-8")
        (building / "README.md").write_text(model_card(card), "utf-8")
        _swap_in(building, out_dir)
    except OSError as error:
        raise HarnessError(
            f"the adapter cannot be exported to {out_dir}",
            why=str(error),
            fix="free some space, or name a folder that can be written",
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

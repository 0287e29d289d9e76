"""Owns the look at a finished adapter that the next step goes on from: there, whole, unchanged, and of what shape. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import StepResult
from harness.files.adapter_files import ADAPTER_CONFIG, WEIGHTS_FILE
from harness.tracking.registry import adapter_sha256


def checked_adapter(folder: Path, result: StepResult) -> dict[str, Any]:
    """Make sure that an adapter is the one that a step ended with.

    Args:
        folder: Where it lies now.
        result: What is remembered of the step.

    Returns:
        What its own config says of `harness.core.steps.ADAPTERS_OWN`.

    Raises:
        HarnessError: STORAGE when it is gone or damaged, CONFLICT when it is another one.
    """
    shape = read_adapter(folder)
    if adapter_sha256(folder) != result.adapter_sha256:
        raise HarnessError(
            f"the adapter in {folder} is not the one that the last step ended with",
            why=f"sha256 of {WEIGHTS_FILE} is {adapter_sha256(folder)[:12]}..., was {result.adapter_sha256[:12]}...",
            fix="restore it, or set data.start_from: scratch",
            code=ExitCode.CONFLICT,
        )
    return shape


def read_adapter(folder: Path) -> dict[str, Any]:
    """The shape of an adapter, after a look at the header of its weights.

    Raises:
        HarnessError: STORAGE when it is gone or damaged.
    """
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise _unusable(folder, f"there is no {WEIGHTS_FILE}")
    try:
        with safe_open(weights, framework="numpy") as opened:
            if not list(opened.keys()):
                raise _unusable(folder, f"{WEIGHTS_FILE} holds no weights")
        config: Mapping[str, Any] = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
        targets = config["target_modules"]
        return {
            "r": int(config["r"]),
            "lora_alpha": int(config["lora_alpha"]),
            "target_modules": targets if isinstance(targets, str) else sorted(targets),
            "use_rslora": bool(config.get("use_rslora", False)),
            "lora_dropout": float(config.get("lora_dropout", 0.0)),
        }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(folder, f"{type(error).__name__}: {error}") from error


def _unusable(folder: Path, why: str) -> HarnessError:
    return HarnessError(
        f"the adapter of the last step cannot be used: {folder}",
        why=why,
        fix="restore the folder from a backup (MLflow keeps a copy with the trial's run), or set data.start_from: scratch",
        code=ExitCode.STORAGE,
    )

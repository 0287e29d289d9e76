"""Adapters as files, and what has to be put right in them after TRL and PEFT made them.

Owns their place, number format and folder; which layers get one is `harness.trial.training`'s.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from peft import PeftModel, load_peft_weights, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError

from harness.core.errors import HarnessError
from harness.trial.examples import Wording
from harness.trial.trial_dir import PROMPT_FILE


def load_to_continue(base_model: Any, folder: str) -> Any:
    """A finished adapter over the base, ready to be trained further.

    Raises:
        HarnessError: if the folder holds no adapter that fits this base.
    """
    if not (Path(folder) / "adapter_config.json").is_file():  # PEFT would ask the hub for it
        raise _unusable(folder, "it has no adapter_config.json")
    try:
        return PeftModel.from_pretrained(base_model, folder, is_trainable=True)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _unusable(folder, f"{type(error).__name__}: {error}") from error
    except RuntimeError as error:
        if "size mismatch" not in str(error):  # memory may have run out
            raise
        raise _unusable(folder, f"it was made for another base model: {str(error).splitlines()[-1].strip()}") from error


def restore(model: Any, folder: str) -> None:
    """Put a loaded adapter's values back as they are in its file.

    TRL rounds them to bf16 over a quantized base, and over offloaded layers they were lost (`settle_adapters`, which has to
    come first).
    """
    set_peft_model_state_dict(model, load_peft_weights(folder, device="cpu"))


def save_adapter(model: Any, folder: Path, public_id: str, wording: Wording) -> Path:
    """Write weights and config, with the base's public id in place of a local path, and the prompt it was trained with.

    Returns:
        The safetensors file.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path = public_id
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    # save_embedding_layers="auto" would ask the hub whether the vocabulary grew.
    model.save_pretrained(str(temporary), safe_serialization=True, save_embedding_layers=False)
    (temporary / PROMPT_FILE).write_text(json.dumps(wording.to_dict(), indent=1) + "\n", "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    return folder / "adapter_model.safetensors"


def settle_adapters(model: Any, device: Any) -> int:
    """Give adapters over offloaded layers real memory and fresh values, and all of them fp32.

    PEFT moves an adapter to the device of the weight it sits on, and an offloaded weight is on ``meta`` between its
    runs, so the adapter's values are lost there (PEFT 0.21). TRL casts adapters over a quantized base to bf16, where
    small steps are rounded away (8 bits of mantissa).

    Args:
        model: A PEFT model with LoRA adapters, before its optimizer is made.
        device: Where training runs.

    Returns:
        How many layers had lost their values.
    """
    lost = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer) and _on_meta(layer)]
    for layer in lost:
        for name in layer.active_adapters:
            for part in layer.adapter_layer_names:
                held = getattr(layer, part)
                if name in held:
                    held[name] = held[name].to_empty(device=device)
            layer.reset_lora_parameters(name, init_lora_weights=True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return len(lost)


def _on_meta(layer: Any) -> bool:
    return any(p.device.type == "meta" for part in layer.adapter_layer_names for p in getattr(layer, part).parameters())


def _unusable(folder: str, why: str) -> HarnessError:
    return HarnessError(
        f"training cannot go on from the adapter {folder}", why=why, fix="name a folder saved by PEFT over the same base model"
    )

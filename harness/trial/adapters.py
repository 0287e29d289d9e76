"""What has to be put right in adapters after TRL and PEFT made them.

Owns their place and number format only; which layers get one is `harness.trial.training`'s.
"""

from __future__ import annotations

from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer


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

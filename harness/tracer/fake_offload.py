"""Decoder layers whose frozen weights wait in host memory and come to the device while they run.

Owns when those weights count. Which layers wait is the request's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn


def offload_last(model: Any, layers: int) -> None:
    """Let the last decoder layers fetch their frozen weights, module by module, on every forward.

    Until then the weights stay on the meta device, where they take nothing. What autograd saves of a fetched weight
    lives on until the backward, as it does on a GPU.

    Source: accelerate, hooks.py AlignDevicesHook, attached to every module that holds a weight itself.
    """
    for module in waiting(model, layers):
        module.forward = _fetching(module, module.forward)


def waiting(model: Any, layers: int) -> Iterator[nn.Module]:
    """The modules of the last decoder layers that hold frozen weights themselves."""
    last = list(model.get_base_model().base_model.layers)[-layers:] if layers else []
    for layer in last:
        for module in layer.modules():
            if any(not parameter.requires_grad for parameter in module.parameters(recurse=False)):
                yield module


def _fetching(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    def fetch_and_run(*args: Any, **kwargs: Any) -> Any:
        absent = dict(module.named_parameters(recurse=False))
        for name, parameter in absent.items():
            module._parameters[name] = nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype), requires_grad=False)
        try:
            return forward(*args, **kwargs)
        finally:
            module._parameters.update(absent)

    return fetch_and_run

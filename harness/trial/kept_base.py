"""The loaded base between two trials: how it was when it was loaded, and how to make it so again.

Owns the snapshot, and what may be done to the base's weights meanwhile: an adapter is merged into copies (`own_copies`), or
into the loaded weights themselves, which is said before (`KeptBase.note_merge`). Loading is `harness.trial.base`'s.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open

from harness.trial.base import Base

_CONTAINERS = (dict, list, set)
_BITSANDBYTES = ("QuantState", "MatmulLtState")
"""Objects of bitsandbytes that hold a part of a quantized weight and are changed in place."""

_PIECE = 1 << 20


class KeptBase:
    """A base and its state when it was loaded.

    Restored are the tree of modules (so every adapter goes), their hooks, flags and replaced methods, parameters with what
    bitsandbytes ties to them, and both configs. Weights that were written to are read again from their files. In the end
    `restore` compares the bits of all weights with those of the beginning.

    Args:
        base: Freshly loaded.
        path: Where from: a folder with safetensors files, or anything else.

    Attributes:
        base: It.
        written: Ids of the parameters that were written to since the last `restore`.
    """

    def __init__(self, base: Base, path: str) -> None:
        self.base = base
        self.written: set[int] = set()
        self._folder = Path(path)
        model = base.model
        self._undo = [_remember(module) for module in model.modules()]
        self._undo += [_remember_parameter(parameter) for parameter in model.parameters()]
        self._undo += [_remember_config(config) for config in (model.config, model.generation_config) if config]
        self._bits = _bits(model)

    def restore(self) -> bool:
        """Make the base what it was; False where its weights have been written to, which cannot be undone."""
        for undo in self._undo:
            undo()
        if self.written:
            self._read_again()
        return _bits(self.base.model) == self._bits

    def note_merge(self, model: Any) -> None:
        """Say that an adapter is about to be merged into the loaded weights themselves."""
        self.written = {id(weight) for weight in _adapted_weights(model)}

    def _read_again(self) -> None:
        """Take the written weights from the model's own files; where a file's names are others, `restore` will see it."""
        parameters = {name: p for name, p in self.base.model.named_parameters() if id(p) in self.written}
        self.written = set()
        for file in self._folder.glob("*.safetensors"):
            with safe_open(file, "pt") as stored:
                for name in parameters.keys() & set(stored.keys()):
                    parameters[name].data.copy_(stored.get_tensor(name))


def own_copies(model: Any) -> None:
    """Give every adapted layer a copy of its weight, to merge the adapter into; the loaded one stays as it is.

    Costs as much memory as those weights take, until the model is gone.
    """
    for weight in _adapted_weights(model):
        weight.data = weight.data.clone()


def adapted_bytes(model: Any) -> int:
    """What `own_copies` would take."""
    return sum(weight.nbytes for weight in _adapted_weights(model))


def _adapted_weights(model: Any) -> Iterator[Any]:
    return (layer.get_base_layer().weight for layer in model.modules() if isinstance(layer, BaseTunerLayer))


@dataclass(frozen=True, slots=True)
class _Attributes:
    """The attributes of an object; containers are copied one level deep."""

    owner: Any
    values: dict[str, Any]

    def __call__(self) -> None:
        held = vars(self.owner)
        held.clear()
        held.update({name: _copied(value) for name, value in self.values.items()})


def _copied(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, _CONTAINERS) else value


def _remember(owner: Any) -> Callable[[], None]:
    """Undo every later change to an object's attributes, and to those of bitsandbytes' objects among them."""
    whole = _Attributes(owner, {name: _copied(value) for name, value in vars(owner).items()})
    parts: list[Callable[[], None]] = [whole]
    parts += [_remember(value) for value in whole.values.values() if type(value).__name__ in _BITSANDBYTES]

    def undo() -> None:
        for part in parts:
            part()

    return undo


def _remember_parameter(parameter: Any) -> Callable[[], None]:
    data, requires_grad, attributes = parameter.data, parameter.requires_grad, _remember(parameter)

    def undo() -> None:
        parameter.grad = None
        parameter.data = data
        parameter.requires_grad_(requires_grad)
        attributes()

    return undo


def _remember_config(config: Any) -> Callable[[], None]:
    values = copy.deepcopy(vars(config))

    def undo() -> None:
        vars(config).clear()
        vars(config).update(copy.deepcopy(values))

    return undo


def _bits(model: Any) -> list[int]:
    """A sum over the bits of every parameter and buffer: equal weights have equal sums, a merged one has another."""
    return [_bit_sum(tensor) for tensor in (*model.parameters(), *model.buffers())]


def _bit_sum(tensor: Any) -> int:
    flat = tensor.detach().contiguous().flatten().view(torch.uint8)
    words = flat.view(torch.int32) if flat.numel() % 4 == 0 else flat
    # In pieces: torch widens its whole input on a CPU.
    return int(sum(piece.sum(dtype=torch.int64) for piece in words.split(_PIECE)))

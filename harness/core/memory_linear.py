"""Linear layers with quantized weights and LoRA adapters on a tape of tensor sizes.

Owns what PEFT and bitsandbytes allocate around one matrix: casts, adapters' products, dequantized weights. The order of
a block is `harness.core.memory_block`'s.
Source: peft 0.21, tuners/lora/layer.py and bnb.py; bitsandbytes 0.50, autograd/_functions.py, backends/cuda/ops.py.
"""

from __future__ import annotations

from harness.core.memory_device import DeviceProfile
from harness.core.memory_tape import Scratch, Tape
from harness.core.model_shape import Linear, ModelShape
from harness.core.params import Quantization
from harness.core.workload import Workload

_KERNEL_TOKENS = 4
"""Up to here every GPU multiplies with 4-bit weights as they are; above it depends on the GPU."""


class LinearTape:
    """A tape with the sizes that its operations need.

    Args:
        shape: The model.
        workload: The trial's settings.
        device: The device.
        autocast: The fp32 adapters multiply in the compute type.
        adapted: The adapters run; merged ones do not.
    """

    def __init__(
        self, shape: ModelShape, workload: Workload, device: DeviceProfile, *, autocast: bool, adapted: bool = True
    ) -> None:
        params = workload.params
        self.tape = Tape()
        self.shape = shape
        self.batch, self.length = params.per_device_train_batch_size, params.max_length
        self.tokens = workload.tokens
        self.compute = device.compute_bytes
        self.cuda = device.kind == "cuda"
        self.autocast = autocast
        self.eager = workload.attn_implementation == "eager"
        self._r = params.r
        self._dropout = params.lora_dropout > 0
        self._quantization = params.quantization
        self._double_quant = workload.double_quant
        self._targets = {layer.name for layer in shape.targets(params.target_modules)} if adapted else set()
        self._layers = {layer.name: layer for layer in shape.linears}

    def width(self, features: int) -> int:
        """Bytes of a tensor with so many values a token, in the compute type."""
        return self.tokens * features * self.compute

    def cast(self, x: int, size: int, wanted: int) -> int:
        """Another type, if it is another."""
        return x if size == wanted else self.tape.op(wanted, (x,))

    def linear(self, name: str, x: int) -> int:
        """A layer with its adapter, if it has one."""
        layer = self._layers[name]
        result = self._base(layer, x)
        if name in self._targets:
            result = self._adapted(layer, x, result)
            self.tape.hold(x, result)  # the caller's argument, whatever the callee casts it to
        return result

    def _base(self, layer: Linear, x: int) -> int:
        size = self.width(layer.out_features)
        if self._quantization is Quantization.NONE:
            return self.tape.op(size, (x,))
        if self._quantization is Quantization.INT8:
            return self._int8(layer, x, size)
        whole, scales = layer.weights * self.compute, layer.weights // 16
        if not self.cuda:
            return self.tape.op(size, (x,), scratch=Scratch(whole, whole))
        ahead = whole + 2 * scales if self._double_quant else whole
        return self.tape.op(size, (x,), scratch=Scratch(ahead if self.tokens > _KERNEL_TOKENS else 0, whole))

    def _int8(self, layer: Linear, x: int, size: int) -> int:
        """The input stays as an attribute of the node, out of sight of gradient checkpointing."""
        self.tape.keep(x)
        whole = layer.weights * self.compute
        if not self.cuda:
            return self.tape.op(size, (x,), scratch=Scratch(whole, whole))
        rows, out = self.tokens * layer.in_features, self.tokens * layer.out_features
        quantizing = 6 * rows - size
        multiplying = 3 * rows + 6 * out
        return self.tape.op(size, (x,), scratch=Scratch(max(quantizing, multiplying, 0), whole))

    def _adapted(self, layer: Linear, x: int, result: int) -> int:
        """The sum of `result` and B(A(dropout(x))) * scaling."""
        tape, width = self.tape, 2 if self.autocast else 4
        into, out = self.tokens * layer.in_features, self.tokens * layer.out_features
        plain = self._quantization is not Quantization.NONE and self.autocast and self.cuda
        size = into * (self.compute if plain else 4)
        held = dropped = x if plain else self.cast(x, into * self.compute, size)
        if self._dropout:
            dropped = tape.op(size, (held,), own=into if self.cuda else size)
        read = self.cast(dropped, size, into * width)
        first, second = (self._weight(features * self._r) for features in (layer.in_features, layer.out_features))
        low = tape.op(self.tokens * self._r * width, (read, first), (read, first))
        tape.hold(dropped, low)
        high = tape.op(out * width, (low, second), (low, second))
        scaled = tape.op(out * width, (high,))
        tape.hold(held, scaled)
        return self._sum(result, scaled, out, width)

    def _weight(self, values: int) -> int:
        """An adapter's matrix in the type of its product; autocast makes a copy."""
        param = self.tape.param(values * 4)
        return self.tape.op(values * 2, (param,)) if self.autocast else param

    def _sum(self, result: int, scaled: int, out: int, width: int) -> int:
        if width == self.compute:
            return self.tape.add(result, scaled)
        if self._quantization is not Quantization.NONE:
            return self.tape.add(result, self.cast(scaled, out * width, out * self.compute))
        wide = self.tape.add(self.cast(result, out * self.compute, out * width), scaled)
        return self.cast(wide, out * width, out * self.compute)

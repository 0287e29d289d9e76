"""One decoder block as a tape of tensor sizes: the operations of transformers, PEFT and bitsandbytes in their order.

Owns what a block allocates, saves and frees while it trains. The tape's rules are `harness.core.memory_tape`'s, linear
layers with adapters `harness.core.memory_linear`'s.
Source: transformers 5.23, models/*/modeling_*.py, integrations/sdpa_attention.py; checked against traces of the models.
"""

from __future__ import annotations

from harness.core.memory_linear import LinearTape
from harness.core.memory_tape import Scratch

_ROUNDED_TOKENS = 128


class BlockTape(LinearTape):
    """Writes one block."""

    def block(self, masked: bool) -> None:
        """The whole block; the tape's first tensor is its input, the last its output.

        Args:
            masked: Attention gets a mask.
        """
        shape, family = self.shape, self.shape.family
        entered = x = self.tape.tensor(self.width(shape.hidden_size))
        normed = self.norm(x, shape.hidden_size)
        attended = self._attention(normed, masked)
        if family.norms == 1:
            self.tape.add(self.tape.add(attended, self._mlp(normed)), x)
            return
        if family.norms == 4:
            attended = self.norm(attended, shape.hidden_size)
        x = self.tape.add(x, attended)
        product = self._mlp(self.norm(x, shape.hidden_size))
        if family.norms == 4:
            product = self.norm(product, shape.hidden_size)
        self.tape.hold(entered, self.tape.add(x, product))  # the model's own name for it

    def norm(self, x: int, features: int, groups: int = 1) -> int:
        """A norm over the last `features` values; `groups` of them a token (heads)."""
        tape, size = self.tape, self.width(features * groups)
        if self.shape.family.layer_norm:
            return tape.op(size, (x,), (x,), own=2 * self.width(groups))
        wide, row = self.tokens * 4 * features * groups, self.tokens * 4 * groups
        x32 = self.cast(x, size, wide)
        mean = tape.op(row, (tape.op(wide, (x32,), (x32,), scratch=Scratch(back=2 * wide)),))
        root = tape.saving_itself(row, (tape.op(row, (mean,)),), back=2 * row)
        scaled = tape.op(wide, (x32, root), (x32, root), scratch=Scratch(back=wide))
        if self.shape.family.unit_offset:
            return self.cast(tape.op(wide, (scaled,)), wide, size)
        return tape.op(size, (self.cast(scaled, wide, size),))

    def _attention(self, x: int, masked: bool) -> int:
        shape = self.shape
        query, key, value = self._projections(x)
        query = self._rotate(self._head_norm(query, shape.num_attention_heads), shape.num_attention_heads)
        key = self._rotate(self._head_norm(key, shape.num_key_value_heads), shape.num_key_value_heads)
        mixed = self._eager(query, key, value) if self.eager else self._fused(query, key, value, masked)
        return self.linear(shape.family.output_name, mixed)

    def _projections(self, x: int) -> tuple[int, int, int]:
        shape = self.shape
        if not shape.family.fused:
            return self.linear("q_proj", x), self.linear("k_proj", x), self.linear("v_proj", x)
        q, kv = self.width(shape.query_size), self.width(shape.key_size)
        query, key, value = self.tape.slices(self.linear("qkv_proj", x), (q, kv, kv))
        return query, key, value

    def _head_norm(self, x: int, heads: int) -> int:
        return self.norm(x, self.shape.head_dim, heads) if self.shape.has_qk_norm else x

    def _rotate(self, x: int, heads: int) -> int:
        """Source: apply_rotary_pos_emb; the turned halves are padded with zeros on their way back."""
        tape, shape = self.tape, self.shape
        size, part = self.width(heads * shape.head_dim), self.width(heads * shape.rotary_dim)
        if part != size:
            turned, rest = tape.slices(x, (part, size - part))
            return tape.op(size, (self._turn(turned, part), rest))
        return self._turn(x, size)

    def _turn(self, x: int, size: int) -> int:
        tape = self.tape
        cosine = tape.op(size, (x,))
        first, second = tape.slices(x, (size // 2, size - size // 2))
        joined = tape.op(size, (tape.op(size - size // 2, (second,)), first))
        return tape.add(cosine, tape.op(size, (joined,)))

    def _fused(self, query: int, key: int, value: int, masked: bool) -> int:
        """Source: flash_api.cpp mha_fwd and mha_bwd; a mask is turned into numbers by each layer, and repeats keys and values."""
        tape, shape = self.tape, self.shape
        q, kv = self.width(shape.query_size), self.width(shape.key_size)
        rows = self.batch * shape.num_attention_heads
        own, expanded = rows * self.length * 4, 2 * q if q != kv else 0
        if masked:
            if shape.num_key_value_heads not in (1, shape.num_attention_heads):  # a single head is repeated as a view
                key, value = tape.op(q, (key,)), tape.op(q, (value,))
            own, expanded = own + self.batch * self.length**2 * self.compute, 0
        back = self._flash_scratch(rows) + expanded if self.cuda else 0
        return tape.saving_itself(q, (query, key, value), (query, key, value), own=own, back=back)

    def _flash_scratch(self, rows: int) -> int:
        width = self.shape.head_dim
        multiple = 32 if width <= 128 else 64
        rounded = -(-self.length // _ROUNDED_TOKENS) * _ROUNDED_TOKENS
        return rows * rounded * 4 * (1 + -(-width // multiple) * multiple)

    def _eager(self, query: int, key: int, value: int) -> int:
        """Source: eager_attention_forward: scores in the compute type, softmax in fp32."""
        tape, shape = self.tape, self.shape
        q, scores = self.width(shape.query_size), self.batch * shape.num_attention_heads * self.length**2
        if q != self.width(shape.key_size):
            key, value = tape.op(q, (key,)), tape.op(q, (value,))
        elif shape.family.fused and self.batch > 1:
            value = tape.op(q, (value,))  # a part of the joint projection cannot be multiplied batch by batch as it lies
        small, wide = self.compute * scores, 4 * scores
        raw = tape.op(small, (tape.op(small, (query, key), (query, key)),))
        shifted = tape.op(small, (raw,))
        soft = self.cast(tape.saving_itself(wide, (self.cast(shifted, small, wide),)), wide, small)
        mixed = tape.op(q, (soft, value), (soft, value))
        return tape.op(q, (mixed,))

    def _mlp(self, x: int) -> int:
        tape, family, size = self.tape, self.shape.family, self.width(self.shape.intermediate_size)
        if not family.gate:
            return self.linear("fc2", self._gelu_new(self.linear("fc1", x), size))
        if family.fused:
            gate, up = tape.views(self.linear("gate_up_proj", x), (size, size))
            active = tape.op(size, (gate,), (gate,))
        else:
            gate = self.linear("gate_proj", x)
            active = tape.op(size, (gate,), (gate,))
            up = self.linear("up_proj", x)
        down = self.linear("down_proj", tape.op(size, (active, up), (active, up)))
        tape.hold(x, down)
        return down

    def _gelu_new(self, x: int, size: int) -> int:
        """Source: NewGELUActivation, written out in single operations."""
        tape = self.tape
        half = tape.op(size, (x,))
        inner = tape.op(size, (tape.add(x, tape.op(size, (tape.op(size, (x,), (x,), scratch=Scratch(back=2 * size)),))),))
        one = tape.op(size, (tape.saving_itself(size, (inner,)),))
        return tape.op(size, (half, one), (half, one))

"""The tracer against real trainings with the trial's own trainer, and against what is known of a GPU's memory."""

from __future__ import annotations

import pytest
from traced_cases import CASES, ON_CUDA, SIZES, WRITTEN

from harness.tracer.request import Traced

SCALARS = 16 * 512
"""A real training has a few single numbers alive that the tracer leaves out: loss, norm, token counts."""


@pytest.mark.parametrize("name", CASES)
def test_fake_tensors_peak_where_real_ones_do(name: str, traced: dict[str, Traced], real_peaks: dict[str, int]) -> None:
    assert 0 <= real_peaks[name] - traced[name].peak_bytes <= SCALARS


@pytest.mark.parametrize("name", [*CASES, *WRITTEN, *ON_CUDA])
def test_the_terms_add_up_to_the_peak_of_the_highest_phase(name: str, traced: dict[str, Traced]) -> None:
    answer = traced[name]
    assert (
        sum(size for _, size in answer.terms) == answer.peak_bytes == max(answer.phases.values()) == answer.phases[answer.phase]
    )


def test_the_same_work_has_the_same_peak(traced: dict[str, Traced]) -> None:
    assert traced["plain"].phases == traced["plain again"].phases
    assert traced["plain"].terms == traced["plain again"].terms


def test_a_padded_batch_repeats_keys_and_values_and_keeps_a_mask_per_layer(traced: dict[str, Traced]) -> None:
    tokens, layers = 2 * 256, SIZES["num_hidden_layers"]
    repeated = 2 * tokens * 2 * (64 - 32)
    mask = 2 * 256 * 256 * 2
    more = dict(traced["padded"].terms)["activations"] - dict(traced["plain"].terms)["activations"]
    assert more == layers * (repeated + mask)
    assert traced["one row cannot be padded"].phases == traced["one row"].phases


def test_whole_logits_are_three_fp32_copies_of_them(traced: dict[str, Traced]) -> None:
    copies = 3 * 4 * 2 * 256 * SIZES["vocab_size"]
    logits = dict(traced["logits"].terms)
    assert logits["the rest"] + logits["activations"] >= copies
    # The tile of the fused head is as wide as TRL makes it, however few words there are.
    assert traced["plain"].peak_bytes > 2 * (2 * 255) * 32768


def test_cuda_s_dropout_keeps_one_byte_a_value(traced: dict[str, Traced]) -> None:
    inputs = (
        SIZES["num_hidden_layers"] * (3 * 64 + 64 + 2 * 64 + 160) - 3 * 64
    )  # nothing flows back through the first layer's queries, keys, values
    more = dict(traced["dropout"].terms)["activations"] - dict(traced["plain"].terms)["activations"]
    assert more == 2 * 256 * inputs


def test_weights_that_wait_in_host_memory_do_not_count(traced: dict[str, Traced]) -> None:
    here, waiting = dict(traced["checkpointed"].terms), dict(traced["offloaded"].terms)
    assert waiting["linear weights"] * 2 == here["linear weights"]


def test_writing_holds_keys_and_values_of_every_position(traced: dict[str, Traced]) -> None:
    cache = SIZES["num_hidden_layers"] * 2 * 8 * (512 + 256 - 1) * 32 * 2
    static = sum(dict(traced["writing"].terms)[name] for name in ("linear weights", "embeddings and norms", "adapters"))
    assert traced["writing"].phases["writing"] >= static + cache


@pytest.mark.parametrize("name", WRITTEN)
def test_writing_is_traced_a_little_above_what_a_real_one_holds(
    name: str, traced: dict[str, Traced], real_peaks: dict[str, int]
) -> None:
    told = traced[name].phases["writing"] - dict(traced[name].terms)["adapters"]
    assert 1.0 <= told / real_peaks[name] <= 1.4


def test_rotary_scalings_that_look_at_positions_are_traced(traced: dict[str, Traced]) -> None:
    assert traced["long rotary scaling"].peak_bytes > 0

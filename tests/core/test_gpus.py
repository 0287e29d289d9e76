from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.gpus import CARDS, Gpu, find_gpu, known_gpu

MIB = 1 << 20


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("RTX 3050 4GB", "RTX 3050 4GB"),
        ("rtx3050-4gb", "RTX 3050 4GB"),
        ("NVIDIA GeForce RTX 3050 Laptop GPU", "RTX 3050 4GB"),
        ("a10g", "A10G 24GB"),
        ("h100", "H100 80GB"),
        ("NVIDIA H100 80GB HBM3", "H100 80GB"),
        ("t4", "T4 16GB"),
        ("Tesla T4", "T4 16GB"),
        ("4090", "RTX 4090 24GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("A100", "A100 40GB"),
        ("rtx_a6000", "RTX A6000 48GB"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada 48GB"),
        ("NVIDIA H200", "H200 141GB"),
    ],
)
def test_names_are_read_in_many_ways(written: str, name: str) -> None:
    assert find_gpu(written).name == name


@given(st.sampled_from(CARDS), st.sampled_from([str.lower, str.upper, str.title]), st.sampled_from(["", " ", "-", "_"]))
def test_capitals_and_blanks_do_not_matter(card: Gpu, spell: object, gap: str) -> None:
    assert callable(spell)
    assert find_gpu(spell(card.name).replace(" ", gap)) is card


@pytest.mark.parametrize("written", ["RTX 3051", "mi300x", "gtx", "", "4GiB", "🂡"])
def test_an_unknown_name_tells_the_nearest(written: str) -> None:
    assert known_gpu(written) is None
    with pytest.raises(ValueError, match=r"nearest: [A-Z]"):
        find_gpu(written)


def test_a_slip_finds_the_card_that_was_meant() -> None:
    with pytest.raises(ValueError, match=r"nearest:.*RTX 4090 24GB"):
        find_gpu("rtx 4900")


def test_no_two_cards_share_a_spelling() -> None:
    names = [written for card in CARDS for written in (card.name, *card.aliases)]
    assert len({find_gpu(name).name for name in names}) == len(CARDS)
    assert all(find_gpu(written) is card for card in CARDS for written in (card.name, *card.aliases))


def test_a_name_without_a_size_is_the_smallest_card_of_that_name() -> None:
    for name in ("A100", "V100", "RTX 3050"):
        same = [card for card in CARDS if card.name.startswith(f"{name} ")]
        assert len(same) == 2
        assert find_gpu(name) is min(same, key=lambda card: card.total_bytes)


# What NVML called the total before R510, when the reserve was left out of it.
@pytest.mark.parametrize(("name", "usable_mib"), [("T4", 15109), ("A10G", 22731), ("A100 40GB", 40536), ("A100 80GB", 81251)])
def test_usable_memory_is_what_old_drivers_reported(name: str, usable_mib: int) -> None:
    assert find_gpu(name).usable_bytes == pytest.approx(usable_mib * MIB, abs=12 * MIB)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_figures_are_plausible(card: Gpu) -> None:
    size = int(card.name.rpartition(" ")[2].removesuffix("GB"))
    assert 0.92 * size < card.total_bytes / 2**30 <= 1.01 * size
    assert 0.95 * card.total_bytes < card.usable_bytes < card.total_bytes
    assert card.has_bf16 == (card.compute_capability[0] >= 8)
    # FLOPs per byte at which the roofline bends: between Ampere's small cards and Ada's large ones.
    assert 40 < card.tensor_tflops * 1e3 / card.bandwidth_gb_s < 450

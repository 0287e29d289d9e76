"""What common GPUs have: memory as NVML reports it, compute capability, throughput, bandwidth. A table and its lookup.

Owns the figures and the reading of names. What the machine at hand really has free is a probe's answer
(`harness.guard`); what a sweep makes of it is a budget (`harness.core.admission`).

Sources: totals are what nvidia-smi and NVML print with drivers from R510 on (modal-labs/modal-client #2797 lists H100, A100,
A10, L40S, L4 and T4; the others from public nvidia-smi listings of that card). Throughput and bandwidth are nominal values as
NVIDIA's data sheets print them, not looked up one by one: dense 16-bit tensor cores with fp32 accumulation, the slower form
where a card comes in several. They decide nothing but the expected times, which are given with a range.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

_MIB = 1 << 20
_RESERVE_BYTES = 160 * _MIB
_RESERVE_PER_MILLE = 6.3
_NOISE = re.compile(r"nvidia|geforce|tesla|quadro|graphics|generation|edition|gpu|[^a-z0-9]")
_MIN_CAPABILITY_BF16 = (8, 0)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card.

    Attributes:
        name: Short name with its memory where several sizes exist.
        total_bytes: NVML's `total`.
        compute_capability: (major, minor).
        tensor_tflops: Dense 16-bit tensor throughput with fp32 accumulation, TFLOP/s: bf16 from compute capability 8 on,
            fp16 below, where `dtype: auto` trains in fp16.
        bandwidth_gb_s: Memory bandwidth, GB/s (10^9 bytes).
        aliases: Other ways to write it; the driver's own name among them.
    """

    name: str
    total_bytes: int
    compute_capability: tuple[int, int]
    tensor_tflops: float
    bandwidth_gb_s: float
    aliases: tuple[str, ...] = ()

    @property
    def has_bf16(self) -> bool:
        """Whether it multiplies bf16 in hardware."""
        return self.compute_capability >= _MIN_CAPABILITY_BF16

    @property
    def usable_bytes(self) -> int:
        """What an idle card has free: the total less the driver's own reserve.

        Source: drivers before R510 left the reserve out of the total. The difference between both totals is 251 MiB of
        15360 (T4), 297 of 23028 (A10G), 424 of 40960 and 669 of 81920 (A100): within 10 MiB of 160 MiB + 0.63 %.
        """
        return self.total_bytes - _RESERVE_BYTES - int(self.total_bytes * _RESERVE_PER_MILLE / 1000)


def _gpu(name: str, total_mib: int, capability: tuple[int, int], speed: tuple[float, float], *aliases: str) -> Gpu:
    return Gpu(name, total_mib * _MIB, capability, *speed, aliases)


CARDS: tuple[Gpu, ...] = (
    _gpu("RTX 2060 6GB", 6144, (7, 5), (25.8, 336), "RTX 2060"),
    _gpu("RTX 2080 Ti 11GB", 11264, (7, 5), (53.8, 616), "RTX 2080 Ti"),
    _gpu("T4 16GB", 15360, (7, 5), (65, 320), "T4"),
    _gpu("V100 16GB", 16384, (7, 0), (112, 900), "V100", "V100-SXM2-16GB", "V100-PCIE-16GB"),
    _gpu("V100 32GB", 32768, (7, 0), (112, 900), "V100-SXM2-32GB", "V100-PCIE-32GB", "V100-SXM3-32GB"),
    _gpu("RTX 3050 4GB", 4096, (8, 6), (12, 192), "RTX 3050 Laptop", "RTX 3050 4GB Laptop", "RTX 3050"),
    _gpu("RTX 3050 8GB", 8192, (8, 6), (18.2, 224)),
    _gpu("RTX 3060 Laptop 6GB", 6144, (8, 6), (21.9, 336), "RTX 3060 Laptop", "RTX 3060 6GB"),
    _gpu("RTX 3060 12GB", 12288, (8, 6), (25.5, 360), "RTX 3060"),
    _gpu("RTX 3070 8GB", 8192, (8, 6), (40.6, 448), "RTX 3070"),
    _gpu("RTX 3080 10GB", 10240, (8, 6), (59.5, 760), "RTX 3080"),
    _gpu("RTX 3090 24GB", 24576, (8, 6), (71, 936), "RTX 3090"),
    _gpu("RTX A4000 16GB", 16376, (8, 6), (76.7, 448), "RTX A4000", "A4000"),
    _gpu("RTX A5000 24GB", 24564, (8, 6), (111.1, 768), "RTX A5000", "A5000"),
    _gpu("RTX A6000 48GB", 49140, (8, 6), (154.8, 768), "RTX A6000", "A6000"),
    _gpu("A10 24GB", 23028, (8, 6), (125, 600), "A10"),
    _gpu("A10G 24GB", 23028, (8, 6), (70, 600), "A10G"),
    _gpu("A30 24GB", 24576, (8, 0), (165, 933), "A30"),
    _gpu("A40 48GB", 46068, (8, 6), (149.7, 696), "A40"),
    _gpu("A100 40GB", 40960, (8, 0), (312, 1555), "A100", "A100-SXM4-40GB", "A100-PCIE-40GB"),
    _gpu("A100 80GB", 81920, (8, 0), (312, 1935), "A100-SXM4-80GB", "A100 80GB PCIe"),
    _gpu("RTX 4060 8GB", 8188, (8, 9), (30.2, 272), "RTX 4060", "RTX 4060 Laptop"),
    _gpu("RTX 4060 Ti 16GB", 16380, (8, 9), (44.1, 288)),
    _gpu("RTX 4070 12GB", 12282, (8, 9), (58.3, 504), "RTX 4070"),
    _gpu("RTX 4080 16GB", 16376, (8, 9), (97.5, 717), "RTX 4080"),
    _gpu("RTX 4090 24GB", 24564, (8, 9), (165.2, 1008), "RTX 4090"),
    _gpu("RTX 6000 Ada 48GB", 49140, (8, 9), (364.2, 960), "RTX 6000 Ada"),
    _gpu("L4 24GB", 23034, (8, 9), (121, 300), "L4"),
    _gpu("L40 48GB", 46068, (8, 9), (181, 864), "L40"),
    _gpu("L40S 48GB", 46068, (8, 9), (362, 864), "L40S"),
    _gpu("H100 80GB", 81559, (9, 0), (756, 2000), "H100", "H100 80GB HBM3", "H100 PCIe", "H100 SXM"),
    _gpu("H100 NVL 94GB", 95830, (9, 0), (835, 3900), "H100 NVL"),
    _gpu("H200 141GB", 143771, (9, 0), (835, 4800), "H200", "H200 NVL", "H200 SXM"),
    _gpu("RTX 5080 16GB", 16303, (12, 0), (112.6, 960), "RTX 5080"),
    _gpu("RTX 5090 32GB", 32607, (12, 0), (209.5, 1792), "RTX 5090"),
    _gpu("RTX PRO 6000 Blackwell 96GB", 97887, (12, 0), (503.8, 1597), "RTX PRO 6000", "RTX PRO 6000 Blackwell Server"),
    _gpu("B200 180GB", 183359, (10, 0), (2250, 7700), "B200"),
)
"""A name without a size is the smallest card of that name, so that a plan errs on the safe side."""


def find_gpu(name: str) -> Gpu:
    """The card of a name; maker, blanks, dashes and capitals do not matter: ``RTX 3050 4GB``, ``rtx3050-4gb``, ``a10g``.

    Raises:
        ValueError: for a name that is not in the table, with the nearest ones.
    """
    cards = _by_key()
    key = _key(name)
    found = cards.get(key) or cards.get(f"rtx{key}")
    if found is not None:
        return found
    near = difflib.get_close_matches(key, cards, n=6, cutoff=0.5)
    names = list(dict.fromkeys(cards[k].name for k in near))[:3] or ["RTX 3050 4GB", "A10G 24GB", "A100 80GB"]
    msg = f"no GPU {name!r} in the table; nearest: {', '.join(names)}"
    raise ValueError(msg)


def known_gpu(name: str) -> Gpu | None:
    """As `find_gpu`; None for a name that is not in the table."""
    cards = _by_key()
    return cards.get(_key(name))


def _by_key() -> dict[str, Gpu]:
    return {_key(written): card for card in CARDS for written in (card.name, *card.aliases)}


def _key(name: str) -> str:
    return _NOISE.sub("", name.lower())

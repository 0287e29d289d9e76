"""Owns the split into train, validation, selection and test: by a stable hash, so that no function ever changes sides. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from harness.core.errors import HarnessError

SPLITS = ("train", "validation", "selection", "test")
NEAR_DUPLICATES = 0.7
"""Default similarity from which two functions share a split, that of The Stack (Kocetkov et al. 2022); see `shingles.K`."""


def assign(
    named: Sequence[tuple[str, str]], cluster: Sequence[int], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[int]]:
    """The split of each function, and its place in it.

    A function without near copies goes where its clone digest falls, and so depends on nothing but itself; a cluster of
    several goes where a hash of the smallest of theirs falls (the smallest itself is small: all would go to train). Inside a
    split the hash gives the order: a smaller limit takes a prefix of what a larger one takes.

    Args:
        named: Id and `clone_digest` of each function; ids are unique.
        cluster: Its cluster number.
        shares: Split name -> share of the functions, 0-1; they sum to 1.
        seed: 0 takes the digests as they are; another one salts them.

    Returns:
        Indices into `named`, in order of the salted digest, for all of `SPLITS`.

    Raises:
        HarnessError: for an unknown split name, a share outside 0-1, or shares that do not sum to 1.
    """
    _require_shares(shares)
    members: dict[int, set[str]] = {}
    for (_, digest), number in zip(named, cluster, strict=True):
        members.setdefault(number, set()).add(digest)
    sides = {number: _side(_salted(_of_cluster(digests), seed), shares) for number, digests in members.items()}
    keys = [(_salted(digest, seed), name) for name, digest in named]
    parts: dict[str, list[int]] = {name: [] for name in SPLITS}
    for index in sorted(range(len(named)), key=keys.__getitem__):
        parts[sides[cluster[index]]].append(index)
    return parts


def _of_cluster(digests: set[str]) -> str:
    smallest = min(digests)
    return smallest if len(digests) == 1 else hashlib.sha256(smallest.encode()).hexdigest()


def _salted(digest: str, seed: int) -> str:
    return digest if seed == 0 else hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def _side(digest: str, shares: Mapping[str, float]) -> str:
    """The split whose interval of 0-1 the hash falls into; the intervals lie in the order of `SPLITS`."""
    position = int(digest[:13], 16) / 16**13  # 52 bits: exact in a float, and always below 1
    edge = 0.0
    for name in SPLITS:
        edge += shares.get(name, 0.0)
        if position < edge:
            return name
    return [name for name in SPLITS if shares.get(name, 0.0) > 0][-1]  # the sum may miss 1 by a rounding


def _require_shares(shares: Mapping[str, float]) -> None:
    _require_names(shares, "shares")
    for name, share in shares.items():
        if not 0 <= share <= 1:  # false for NaN too
            raise HarnessError(f"the share of {name} is {share}", why="a share is a fraction", fix="allowed: 0 to 1")
    total = math.fsum(shares.values())
    if abs(total - 1) > 1e-6:
        listed = " + ".join(f"{name} {share:g}" for name, share in shares.items()) or "none"
        raise HarnessError("the shares of the splits do not sum to 1", why=f"{listed} = {total:g}", fix="make them sum to 1")


def require_limits(limits: Mapping[str, int | None]) -> None:
    """Raises HarnessError for an unknown split name or a negative limit."""
    _require_names(limits, "limits")
    for name, limit in limits.items():
        if limit is not None and limit < 0:
            fix = "allowed: 0 and up, or none"
            raise HarnessError(f"the limit of {name} is {limit}", why="no split holds fewer than 0", fix=fix)


def _require_names(values: Mapping[str, object], what: str) -> None:
    unknown = sorted(set(values) - set(SPLITS))
    if unknown:
        found = f"unknown split in the {what}: {', '.join(unknown)}"
        raise HarnessError(found, why=f"allowed: {', '.join(SPLITS)}", fix="rename or remove it")

"""Owns the comparison of two adapters' weights as numbers, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


def largest_difference(one: Path, other: Path) -> float | None:
    """Largest absolute difference between two weights of the same place.

    Args:
        one: A safetensors file of floats that numpy knows (no bfloat16).
        other: Another.

    Returns:
        None where they do not hold the same tensors, or cannot be read so.
    """
    try:
        with safe_open(one, framework="numpy") as left, safe_open(other, framework="numpy") as right:
            if {*left.keys()} != {*right.keys()}:
                return None
            return max(float(np.abs(left.get_tensor(n) - right.get_tensor(n)).max()) for n in left.keys())  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError):
        return None

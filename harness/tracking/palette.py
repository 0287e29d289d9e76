"""Colours and words that the still and the interactive plots share.

The colours are those of Okabe and Ito, which people with any colour vision can tell apart; shape says the same once more.
Source: Okabe and Ito (2008), "Color Universal Design".
"""

from __future__ import annotations

from typing import Final

from harness.core.pareto import Objective

FRONT: Final = "#0072B2"
DOMINATED: Final = "#8C8C8C"
KNEE: Final = "#E69F00"
BASELINES: Final = ("#D55E00", "#CC79A7", "#009E73", "#000000")
SCALE: Final = "cividis"  # even in lightness for any colour vision; matplotlib and plotly both have it

_BETTER = {"maximize": "higher is better", "minimize": "lower is better"}


def axis_title(objective: Objective) -> str:
    """``pass_rate (higher is better)``."""
    return f"{objective.name} ({_BETTER[objective.direction]})"

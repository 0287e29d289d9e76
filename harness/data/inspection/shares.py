"""Owns how the shares of the splits are written on a command line: ``80/5/5/10``. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.core.errors import HarnessError
from harness.data.splitting.splits import SPLITS

DEFAULT = "80/5/5/10"
_ROUNDING = 1e-6


def parse_shares(text: str) -> tuple[Mapping[str, float], str]:
    """Shares, and what is to be said about them; empty when there is nothing to say.

    Args:
        text: Percents with slashes between them: train/validation/selection/test, or train/validation/test, whose validation
            is halved into validation and selection.

    Raises:
        HarnessError: for anything else.
    """
    why, percents = _read(text)
    if why:
        fix = f"four percents that sum to 100, such as {DEFAULT} (train/validation/selection/test), or three, such as 80/10/10"
        raise HarnessError(f"--splits {text!r:.80} gives no shares", why=why, fix=fix)
    note = ""
    if len(percents) == 3:
        train, validation, test = percents
        percents = [train, validation / 2, validation / 2, test]
        written = "/".join(f"{percent:g}" for percent in percents)
        note = f"{text} became {written}: half of validation is kept for choosing among the best (selection)"
    return {name: percent / 100 for name, percent in zip(SPLITS, percents, strict=True)}, note


def _read(text: str) -> tuple[str, list[float]]:
    """What keeps the text from being shares (empty for nothing), and the percents."""
    parts = text.split("/")
    if len(parts) not in (3, 4):
        return f"three or four percents are needed, with slashes between them; there are {len(parts)}", []
    percents = [_percent(part) for part in parts]
    wrong = [part for part, percent in zip(parts, percents, strict=True) if not 0 <= percent <= 100]
    if wrong:
        return f"{wrong[0]!r:.40} is no number from 0 to 100", []
    if abs(sum(percents) - 100) > _ROUNDING:
        return f"they sum to {sum(percents):.10g}, not to 100", []
    return "", percents


def _percent(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

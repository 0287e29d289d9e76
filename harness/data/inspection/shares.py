"""Owns how the shares of the splits are written on a command line: ``80/5/5/10``. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.errors import HarnessError
from harness.data.splitting.splits import SPLITS

DEFAULT = "80/5/5/10"


def parse_shares(text: str) -> tuple[Mapping[str, float], str]:
    """Shares, and what is to be said about them; empty when there is nothing to say.

    Args:
        text: Percents with slashes between them: train/validation/selection/test, or train/validation/test, whose validation
            is halved into validation and selection.

    Raises:
        HarnessError: for anything else.
    """
    try:
        percents = [float(part) for part in text.split("/")]
    except ValueError:
        percents = []
    if len(percents) not in (3, 4) or not all(0 <= percent <= 100 for percent in percents) or abs(sum(percents) - 100) > 1e-6:
        fix = f"four percents that sum to 100, such as {DEFAULT} (train/validation/selection/test), or three, such as 80/10/10"
        raise HarnessError(f"--splits {text!r} gives no shares", why="three or four percents are needed", fix=fix)
    note = ""
    if len(percents) == 3:
        train, validation, test = percents
        percents = [train, validation / 2, validation / 2, test]
        written = "/".join(f"{percent:g}" for percent in percents)
        note = f"{text} became {written}: half of validation is kept for choosing among the best (selection)"
    return {name: percent / 100 for name, percent in zip(SPLITS, percents, strict=True)}, note

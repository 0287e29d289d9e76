"""Resumable states of a training as folders: which is whole, which is the newest, which is kept for a rung.

``checkpoint-N`` is transformers' and rotates; ``rung-N`` is one that a pause left, the newest of them kept out of the
rotation. N is the optimizer step. What stands in a checkpoint beside transformers' own state is `harness.trial.pausing`'s.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROTATING, KEPT = "checkpoint-", "rung-"
_STATE_FILE = "trainer_state.json"
"""Written last by transformers."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        path: Its folder.
        step: Optimizer steps done.
        state: trainer_state.json.
    """

    path: Path
    step: int
    state: Mapping[str, Any]

    def callback(self, name: str) -> Mapping[str, Any]:
        """What a callback had noted, by its class name; empty where it is not known."""
        noted = self.state.get("stateful_callbacks", {}).get(name, {})
        attributes: Mapping[str, Any] = noted.get("attributes", {})
        return attributes


def newest(folder: Path, until: int) -> Checkpoint | None:
    """The newest whole checkpoint at or before a step; half-written ones are removed."""
    found = []
    for path in [*folder.glob(f"{ROTATING}*"), *folder.glob(f"{KEPT}*")]:
        state = _read(path)
        if state is None:
            shutil.rmtree(path)
        else:
            found.append(Checkpoint(path, int(path.name.rpartition("-")[2]), state))
    return max((one for one in found if one.step <= until), key=lambda one: one.step, default=None)


def any_kept(folder: Path) -> bool:
    """Whether a pause has left a checkpoint."""
    return any(folder.glob(f"{KEPT}*"))


def keep(folder: Path, step: int) -> None:
    """Take the checkpoint of a step out of the rotation, and let the one that was kept before go."""
    rotating, kept = folder / f"{ROTATING}{step}", folder / f"{KEPT}{step}"
    if rotating.exists():
        shutil.rmtree(kept, ignore_errors=True)
        rotating.replace(kept)
    if kept.exists():
        for older in folder.glob(f"{KEPT}*"):
            if older != kept:
                shutil.rmtree(older)


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        state: Mapping[str, Any] = json.loads((path / _STATE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return state

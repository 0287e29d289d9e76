"""Settings to begin a study with: the best of an earlier one, or a file of settings that are known to be good.

Owns which and in what order, and that they lie within the space; queueing them is the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import BaseDistribution

from harness.core.errors import HarnessError
from harness.core.halving import Halving, standing
from harness.core.params import PARAM_NAMES
from harness.core.pareto import Direction
from harness.core.rungs import RungScore
from harness.study.history import Past
from harness.study.places import nearest
from harness.study.rung_model import lessons

FILE_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_KEY = "settings"


def warm_start_proposals(
    earlier: Sequence[Past], directions: Sequence[Direction], space: Mapping[str, BaseDistribution], count: int
) -> list[dict[str, Any]]:
    """The best settings of an earlier study, best first, as proposals of this one.

    Finished trials by non-dominated rank, within a rank by the volume that a trial alone adds; where there are fewer than asked
    for, what stands best at a rung.

    Args:
        earlier: The earlier study's trials.
        directions: Of its objectives.
        space: Searched parameter -> its distribution in this study.
        count: At most so many.
    """
    finished = [lesson for lesson in lessons(earlier, directions, "ignore") if lesson.values is not None and lesson.feasible]
    reached = [lesson for lesson in lessons(earlier, directions) if lesson.values is not None and lesson.feasible]
    candidates: list[Mapping[str, Any]] = []
    for group in (finished, reached):
        scores = [RungScore(i, 0, lesson.values) for i, lesson in enumerate(group) if lesson.values is not None]
        candidates += [group[i].params for i in standing(scores, directions, Halving()).ranked]
    return settings_within(candidates, space, count)


def settings_within(
    candidates: Iterable[Mapping[str, Any]], space: Mapping[str, BaseDistribution], count: int
) -> list[dict[str, Any]]:
    """Settings as proposals: what is not searched is left out, what lies outside a range is moved to its end, none comes twice.

    Args:
        candidates: Best first.
        space: Searched parameter -> its distribution.
        count: At most so many.
    """
    found: list[dict[str, Any]] = []
    for candidate in candidates:
        moved = {name: nearest(space[name], value) for name, value in candidate.items() if name in space}
        proposal = {name: value for name, value in moved.items() if value is not None}
        if proposal and proposal not in found and len(found) < count:
            found.append(proposal)
    return found


def read_known_good(path: Path) -> list[dict[str, Any]]:
    """The settings of a file: YAML or JSON, ``settings:`` and a list of mappings of parameter names to values, best first.

    Raises:
        HarnessError: if it cannot be read, is no such list, or names a parameter that does not exist.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _unusable(path, next(iter(str(error).splitlines()), "")) from error
    rows = data.get(_KEY) if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row for row in rows):
        raise _unusable(path, f"there is no list of settings under {_KEY!r}")
    unknown = sorted({str(name) for row in rows for name in row} - set(PARAM_NAMES))
    if unknown:
        raise _unusable(path, f"no such parameter: {', '.join(unknown)}")
    return rows


def _unusable(path: Path, why: str) -> HarnessError:
    example = "settings:\n  - {r: 16, learning_rate: 2.0e-4}"
    return HarnessError(f"{path} holds no settings to begin with", why=why, fix=f"write it as\n{example}")

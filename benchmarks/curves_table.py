"""The file of learning curves: a header, then one line of JSON per configuration and rung.

Owns reading, appending and taking up again. Torch-free: whoever replays the table imports this.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.core.pareto import Direction, front
from harness.trial.trial_dir import write_atomic

FORMAT = "harness-curves/1"
Line = dict[str, Any]
_MAY_DIFFER = ("date",)


def read_table(path: Path) -> tuple[Line | None, list[Line]]:
    """Header and rung lines; a half-written last line is left out. None and nothing where there is no file."""
    if not path.exists():
        return None, []
    text = path.read_text("utf-8")
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return (lines[0], lines[1:]) if lines else (None, [])


def take_up(path: Path, header: Mapping[str, Any], rungs: int) -> set[int]:
    """Begin the file, or go on with it: configurations that have not all their rungs are taken out.

    Returns:
        Indices of the configurations that are done.

    Raises:
        HarnessError: CONFLICT when the file was recorded otherwise: other settings, data or versions.
    """
    found, lines = read_table(path)
    if found is not None:
        differing = [name for name in header if name not in _MAY_DIFFER and found.get(name) != header[name]]
        if differing:
            raise HarnessError(
                f"{path} was recorded otherwise",
                why=f"these differ: {', '.join(differing)}",
                fix="name another file with --out, or remove it",
                code=ExitCode.CONFLICT,
            )
    counts: dict[int, int] = {}
    for line in lines:
        counts[line["config"]] = counts.get(line["config"], 0) + 1
    done = {index for index, count in counts.items() if count == rungs}
    kept = [found or dict(header), *(line for line in lines if line["config"] in done)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, "".join(_text(line) for line in kept))
    return done


def append(path: Path, lines: Sequence[Line]) -> None:
    """Add lines; they are on the disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(map(_text, lines)))
        file.flush()
        os.fsync(file.fileno())


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n"


def summary(header: Line, lines: Sequence[Line], objectives: Sequence[tuple[str, Direction]]) -> dict[str, Any]:
    """One mapping about the whole table.

    Args:
        header: The first line.
        lines: All others.
        objectives: Metric and direction of each objective of the front.
    """
    last = max(header["rung_steps"])
    full = [line for line in lines if line["steps"] == last and not line["diverged"]]
    values = [[line["metrics"][name] for name, _ in objectives] for line in full]
    best = front(values, [direction for _, direction in objectives]) if values else []
    stages = _summed(lines, "seconds")
    cpu = sum(_summed(lines, "cpu_seconds").values())
    count = len({line["config"] for line in lines})
    return {
        "configurations": count,
        "rungs": len(header["rung_steps"]),
        "functions": len(header["functions"]),
        "diverged": len({line["config"] for line in lines if line["diverged"]}),
        "device": header["device"],
        "seconds": round(sum(stages.values()), 1),
        "cpu_seconds": round(cpu, 1),
        "cpu_seconds_per_configuration": round(cpu / count, 1) if count else None,
        "seconds_by_stage": {stage: round(seconds, 1) for stage, seconds in stages.items()},
        "front": [
            {"config": full[i]["config"], "params": full[i]["params"]}
            | {name: value for (name, _), value in zip(objectives, values[i], strict=True)}
            for i in best
        ],
    }


def _summed(lines: Sequence[Line], name: str) -> dict[str, float]:
    """Stage -> seconds over all lines."""
    stages: dict[str, float] = {}
    for line in lines:
        for stage, seconds in line[name].items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    return stages

"""From a person's sweep file to that of one step: a study of its own, and what going on from an adapter changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.core.steps import Continuation, Step, continuation, next_rate


def step_config(
    config: SweepConfig, study: str, before: Step | None, start: tuple[Path, Mapping[str, Any]] | None
) -> tuple[SweepConfig, tuple[str, ...], float]:
    """The sweep file as a step has it.

    Args:
        config: The person's file.
        study: The step's study.
        before: The step before it.
        start: Folder and shape of the adapter it goes on from; None starts from scratch.

    Returns:
        The file; what was changed, one line each; and the step's learning rates as a share of the file's.
    """
    values = config.model_dump(mode="json")
    values["study"]["name"] = study
    if start is None or before is None or before.result is None:
        return _validated(values), (), 1.0
    space = {name: axis for name, axis in values["space"].items() if axis is not None}
    rate = next_rate(before.rate)
    file = Continuation(space, values["training"], tuple(values["study"]["enqueue"]), ())
    made = continuation(file, start[1], float(before.result.settings["learning_rate"]), rate)
    values["space"], values["training"] = dict(made.space), dict(made.training)
    values["study"]["enqueue"] = list(made.enqueue)
    return _validated(values), made.notes, rate


def _validated(values: Mapping[str, Any]) -> SweepConfig:
    return SweepConfig.model_validate_json(json.dumps(values))

"""A process that records configurations one after the other; one recorder, opened when it is first needed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from curves_problem import Configuration
from curves_table import Line

from harness.trial.process import die_with_parent, hush

if TYPE_CHECKING:
    from curves_recipe import Recipe


_OPENED: list[Recipe] = []
"""At most one. A pool hands nothing from its initializer to the tasks."""


def open_worker(threads: int) -> None:
    """Called once in the process, before any work: it ends with its parent, and opens what it will need."""
    die_with_parent()
    hush()
    import torch  # only now: it reads the environment when it is imported
    from curves_recipe import Recipe

    torch.set_num_threads(threads)
    _OPENED.append(Recipe.open(threads))


def header(workers: int) -> Line:
    """The first line of the table."""
    return _OPENED[0].header(workers)


def lines_of(configuration: Configuration, scratch: str) -> list[Line]:
    """Every rung of a configuration; its adapters are in `scratch` meanwhile."""
    from curves_recording import recorded

    folder = Path(scratch) / str(configuration.index)
    folder.mkdir()
    try:
        return list(recorded(_OPENED[0], configuration, folder))
    finally:
        shutil.rmtree(folder)

"""Preflight's look at data: sources that open, or the next batch, the hold-out and the adapter of the last step.

Nothing is executed and nothing is remembered; what is prepared on the way stays in the cache, where the sweep finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check, CheckState
from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import study_name
from harness.data.batches.reading import sources_of
from harness.data.batches.step_data import prepare_step
from harness.data.prepared.prepare import PreparedData
from harness.data.sources.registry import open_source
from harness.data.sources.rows import SourceOptions
from harness.files.cache import default_cache_root
from harness.files.places import expanded
from harness.sweep.asked_data import asked_data, prepare_ask
from harness.sweep.check_found import failed, good, look
from harness.sweep.steps_settings import step_config
from harness.sweep.steps_standing import Standing, checked_holdout, next_batch, standing, start_of, step_ask

_NEAR_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class SeenData:
    """What the look at the data came to.

    Attributes:
        checks: In order.
        config: The sweep file as the sweep would have it: over batches that of the next step.
    """

    checks: tuple[Check, ...]
    config: SweepConfig


def seen_data(config: SweepConfig, stem: str, environ: Mapping[str, str]) -> SeenData:
    """Look at the data of a sweep file.

    Args:
        config: The sweep file.
        stem: Its name without suffix.
        environ: Says where the cache is.
    """
    cache = default_cache_root(environ)
    if config.data.batches is None:
        options = prepare_ask(config).options
        opened = [look(f"data: {name}", partial(_opened, name, options)) for name in config.data.sources]
        if all(check.state is CheckState.OK for check in opened) and all(map(_is_near, config.data.sources)):
            opened.append(look("data", partial(_prepared, config, cache)))
        return SeenData(tuple(opened), config)
    try:
        at = standing(config, stem)
    except HarnessError as error:
        return SeenData((failed("batches", error),), config)
    return _seen_step(config, at, cache)


def _opened(name: str, options: SourceOptions) -> Check:
    source = open_source(name, options)
    if source.layout == "unknown":
        raise HarnessError(
            f"{name} needs a mapping",
            why="which column is what is not clear",
            fix=f"`harness data inspect {name}` proposes one",
            code=ExitCode.NEEDS_MAPPING,
        )
    return good(f"data: {name}", f"opens, layout {source.layout}, licence {source.licence}")


def _is_near(name: str) -> bool:
    """Whether a source can be read through within seconds: nothing from the network, no tests to run, no large file."""
    kind, _, rest = name.partition(":")
    if kind in ("hf", "package", "repo"):
        return False
    place = expanded(rest.partition("#")[0])
    return not place.is_file() or place.stat().st_size <= _NEAR_BYTES


def _prepared(config: SweepConfig, cache: Path) -> Check:
    """The data read, checked and split, as the sweep will find them in the cache."""
    said: list[str] = []
    data = asked_data(config, cache, said.append)
    return good("data", "; ".join([", ".join(f"{count} {name}" for name, count in data.counts.items()), *said]))


def _seen_step(config: SweepConfig, at: Standing, cache: Path) -> SeenData:
    checks = [look("next batch", lambda: _next_batch(config, at))]
    try:
        holdout = checked_holdout(config, at, cache)
        pinned = "as it was pinned" if at.state else "will be pinned by the first step"
        counts = ", ".join(f"{count} {name}" for name, count in holdout.counts.items() if name != "train")
        checks.append(good("hold-out", f"{counts}; {pinned}"))
        if checks[0].state is CheckState.OK:
            checks.append(look("training data", lambda: _training_data(config, at, holdout, cache)))
    except HarnessError as error:
        checks.append(failed("hold-out", error))
    found, as_step = _start(config, at)
    return SeenData((*checks, found), as_step)


def _next_batch(config: SweepConfig, at: Standing) -> Check:
    at.folder.require_free()
    batch, options = next_batch(at), prepare_ask(config).options
    for name in sources_of(batch):
        _opened(name, options)
    later = len(at.batches) - at.number - 1
    files = f"{len(batch.files)} file{'s' * (len(batch.files) > 1)}"
    waiting = f"; {later} more waiting" if later else ""
    return good("next batch", f"step {at.number} of {at.name}: {batch.path}, {files}{waiting}")


def _training_data(config: SweepConfig, at: Standing, holdout: PreparedData, cache: Path) -> Check:
    made = prepare_step(step_ask(config, at, holdout), cache)
    return good("training data", "; ".join([f"{made.data.counts['train']} functions, {made.new} of them new", *made.notes]))


def _start(config: SweepConfig, at: Standing) -> tuple[Check, SweepConfig]:
    """The adapter that the step goes on from, and the file as that makes it."""
    name, study = "latest adapter", study_name(at.name, at.number)
    try:
        start = start_of(config, at)
    except HarnessError as error:
        return failed(name, error), config
    as_step, notes, _ = step_config(config, study, at.before, start)
    if start is None:
        return good(name, "none is needed: this step starts from scratch"), as_step
    trial = at.before.result.trial if at.before and at.before.result else None
    return good(name, f"of step {at.number - 1}, trial {trial}, whole and unchanged; {'; '.join(notes)}"), as_step

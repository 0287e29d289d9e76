"""Where incremental training stands: batches, memory, hold-out and the adapter to go on from. Looks; remembers nothing.

Shared by the step itself and by `harness preflight`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from harness.config.sections import as_sources
from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import COMPARED, Step, StepsState, batch_name, changed_sections, next_number
from harness.data.batches.holdout import HoldoutAsk, prepare_holdout, require_same
from harness.data.batches.scan import Batch, require_unchanged, scan_batches
from harness.data.batches.step_data import StepAsk
from harness.data.prepared.prepare import PreparedData
from harness.files.places import expanded
from harness.sweep.asked_data import prepare_ask
from harness.sweep.paths import Paths
from harness.sweep.steps_adapter import checked_adapter
from harness.sweep.steps_state import StepsFolder

CURE = "start anew with another study.name"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where incremental training stands: what has been remembered, and which batches there are.

    Attributes:
        name: What the steps' studies are named after.
        folder: Where the steps are remembered.
        state: What is remembered; None before the first step.
        place: The folder of batches.
        batches: Every batch there is.
        number: The step to do.
    """

    name: str
    folder: StepsFolder
    state: StepsState | None
    place: Path
    batches: tuple[Batch, ...]
    number: int

    @property
    def before(self) -> Step | None:
        """The last finished step."""
        return self.state.finished[-1] if self.state and self.state.finished else None


def standing(config: SweepConfig, stem: str) -> Standing:
    """Look at batches and memory; changes nothing.

    Raises:
        HarnessError: BAD_INPUT for batches that cannot be used, CONFLICT when one has changed since it was trained on.
    """
    name = config.study.name or stem
    folder = StepsFolder.of(Paths.of(config), name)
    state, place = folder.read(), expanded(config.data.batches or ".")
    batches = scan_batches(place)
    require_unchanged(place, batches, state.batches if state else (), CURE)
    return Standing(name, folder, state, place, batches, next_number(state))


def next_batch(at: Standing) -> Batch:
    """The batch that the step to do is about.

    Raises:
        HarnessError: BAD_INPUT when it is not there yet.
    """
    if at.number < len(at.batches):
        return at.batches[at.number]
    done = f"steps 0 to {at.number - 1} are done" if at.number > 1 else "step 0 is done"
    expected = batch_name(at.number)
    fix = f"put the next examples there as {expected}.jsonl, {expected}.parquet or a folder {expected}"
    raise HarnessError(f"no new batch: {expected} is expected in {at.place}", why=done, fix=fix)


def start_of(config: SweepConfig, at: Standing) -> tuple[Path, dict[str, object]] | None:
    """Folder and shape of the adapter to go on from; None where a step starts from scratch.

    Raises:
        HarnessError: STORAGE or CONFLICT, as `checked_adapter`; CONFLICT when the base model is another one.
    """
    if config.data.start_from == "scratch" or at.before is None or at.before.result is None:
        return None
    if "model" in changed_sections(at.before, sections_of(config)):
        raise HarnessError(
            "the adapter of the last step belongs to another base model",
            why="the section `model` is not what it was",
            fix=f"restore it, set data.start_from: scratch, or {CURE}",
            code=ExitCode.CONFLICT,
        )
    folder = Paths.of(config).folder / at.before.result.adapter
    # PEFT writes every layer out where the settings say all-linear; the settings are what estimates and people read.
    named = {"target_modules": at.before.result.settings["target_modules"]}
    return folder, {**checked_adapter(folder, at.before.result), **named}


def checked_holdout(config: SweepConfig, at: Standing, cache: Path) -> PreparedData:
    """The hold-out, which is what it was when it was first used.

    Raises:
        HarnessError: CONFLICT when it has changed.
    """
    holdout = prepare_holdout(HoldoutAsk(as_sources(config.data.holdout), at.batches[0], prepare_ask(config)), cache)
    if at.state is not None:
        require_same(at.state.holdout, holdout, CURE)
    return holdout


def step_ask(config: SweepConfig, at: Standing, holdout: PreparedData) -> StepAsk:
    """The data of the step to do, as the sweep file asks for them."""
    data, batches = config.data, at.batches[: at.number + 1]
    return StepAsk(batches, holdout, data.near_duplicates, data.limits.train, data.merge, prepare_ask(config).options)


def sections_of(config: SweepConfig) -> dict[str, str]:
    """Section -> sha256, of those that scores depend on; how many processes judge is not among them."""
    values = config.model_dump(mode="json")
    for indifferent in ("workers", "sandbox", "unsafe"):
        values["evaluation"].pop(indifferent)
    return {name: hashlib.sha256(json.dumps(values[name], sort_keys=True).encode()).hexdigest() for name in COMPARED}

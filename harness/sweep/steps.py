"""One step of incremental training: what it is made of before the sweep, and what is remembered of it afterwards.

Owns the order of things. The rules are `harness.core.steps`', the batches `harness.data.batches`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError
from harness.core.steps import Step, StepsState, batch_name, changed_sections, study_name
from harness.data.batches.holdout import pinned
from harness.data.batches.scan import require_unchanged, scan_batches
from harness.data.batches.step_data import StepData, prepare_step
from harness.data.prepared.prepare import PreparedData
from harness.files.cache import default_cache_root
from harness.files.places import expanded
from harness.study.store import load_ledger, open_storage
from harness.sweep.paths import Paths
from harness.sweep.steps_settings import step_config
from harness.sweep.steps_standing import CURE, Standing, checked_holdout, next_batch, sections_of, standing, start_of, step_ask
from harness.sweep.steps_state import StepsFolder
from harness.sweep.workplace import Given, Session, check_platform


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that is about to be done.

    Attributes:
        config: The sweep file as this step has it.
        given: What its sweep works with.
        folder: Where the steps are remembered.
        number: 0, 1, ...
    """

    config: SweepConfig
    given: Given
    folder: StepsFolder
    number: int


def open_step(config: SweepConfig, stem: str, session: Session) -> OpenStep:
    """Prepare the next step, or take up the one that was interrupted. What it will use is remembered before it is used.

    Args:
        config: The sweep file; it has `data.batches`.
        stem: The file's name without suffix.
        session: Screen and environment; gives the lock back at the end.

    Raises:
        HarnessError: as `standing` and `next_batch`; CONFLICT when the hold-out has changed or another process does a step;
            STORAGE when the adapter to go on from is gone.
    """
    check_platform()
    lock = StepsFolder.of(Paths.of(config), config.study.name or stem).locked()
    session.stack.callback(lock.release)
    at, cache = standing(config, stem), default_cache_root(session.environ)
    next_batch(at)
    start = start_of(config, at)
    holdout = checked_holdout(config, at, cache)
    made = prepare_step(step_ask(config, at, holdout), cache)
    state = at.state or StepsState(at.name, pinned(holdout))
    continued, notes, rate = step_config(config, study_name(at.name, at.number), at.before, start)
    step = Step(
        number=at.number,
        study=study_name(at.name, at.number),
        manifest=made.data.manifest_digest,
        trained_on=made.data.counts["train"],
        new=made.new,
        start_from="adapter" if start else "scratch",
        rate=rate,
        sections=sections_of(config),
    )
    at.folder.write(state.started(step, tuple(batch.seen() for batch in at.batches[: at.number + 1])))
    for line in (_headline(step, at), *made.notes, *notes, *_comparability(step, at)):
        session.view.message(line)
    return OpenStep(continued, _given(step, made, start[0] if start else None, holdout), at.folder, at.number)


def reopen_step(study: str, paths: Paths, session: Session) -> Given | None:
    """The data of a step that has been done; None for the study of an ordinary sweep.

    Raises:
        HarnessError: CONFLICT when batches or hold-out are not what they were.
    """
    config = load_ledger(open_storage(paths.study_url), study).config()
    if config.data.batches is None:
        return None
    name, _, number = study.rpartition("-step-")
    folder, cache = StepsFolder.of(paths, name), default_cache_root(session.environ)
    state = folder.read()
    if state is None or not number.isdecimal() or int(number) >= len(state.steps):
        why = f"{folder.state_file} does not know it"
        raise HarnessError(f"{study} cannot be opened as a step over batches", why=why, fix="restore that file from a backup")
    place = expanded(config.data.batches)
    at = Standing(name, folder, state, place, scan_batches(place), int(number))
    require_unchanged(place, at.batches, state.batches, CURE)
    holdout = checked_holdout(config, at, cache)
    made = prepare_step(step_ask(config, at, holdout), cache)
    return _given(state.steps[at.number], made, None, holdout)


def _given(step: Step, made: StepData, start: Path | None, holdout: PreparedData) -> Given:
    tags = {
        "step": str(step.number),
        "steps_of": step.study.rpartition("-step-")[0],
        "batches": f"{batch_name(0)} to {batch_name(step.number)}" if step.number else batch_name(0),
        "data_manifest": made.data.manifest_digest,
        "holdout": pinned(holdout).digest,
        "start_from": step.start_from,
    }
    return Given(made.data, start, tags)


def _headline(step: Step, at: Standing) -> str:
    batches = f"{batch_name(0)} to {batch_name(step.number)}" if step.number else batch_name(0)
    come = f", {step.new} of them new" if step.number else ""
    result = at.before.result if at.before else None
    start = f"goes on from the adapter of step {step.number - 1}, trial {result.trial}" if result else ""
    how = start if step.start_from == "adapter" else "starts from scratch"
    later = len(at.batches) - step.number - 1
    more = f"; {later} more {'batch waits' if later == 1 else 'batches wait'}" if later else ""
    return f"step {step.number} of {at.name}: {batches}, {step.trained_on} functions to train on{come}; {how}{more}"


def _comparability(step: Step, at: Standing) -> tuple[str, ...]:
    changed = changed_sections(at.before, step.sections) if at.before else ()
    if not changed:
        return ()
    return (f"scores of this step cannot be compared with those before it: {', '.join(changed)} changed",)

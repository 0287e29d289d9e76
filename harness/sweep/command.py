"""What `harness sweep`, `harness pareto` and `harness promote` do, from a typed call to an exit code."""

from __future__ import annotations

import sys
import time

from harness.config.sweep_config import SweepConfig
from harness.console.front import FrontPage
from harness.console.promotion import Promotion
from harness.console.report import render_front
from harness.console.view import SweepSummary
from harness.core.errors import ExitCode
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.contest import require_promotable
from harness.sweep.front_view import Looking, front_notes
from harness.sweep.loop import Finished, run_sweep
from harness.sweep.model_lock import rolling_back
from harness.sweep.paths import Paths
from harness.sweep.promote import Asked, promote
from harness.sweep.simulate import SimulateAsked, run_simulation
from harness.sweep.steps import open_step, reopen_step
from harness.sweep.steps_close import close_step
from harness.sweep.summary import Results
from harness.sweep.tracked import reopen_tracking
from harness.sweep.workplace import Session, Workplace, open_workplace, reopen_workplace
from harness.tracking.champions import roll_back
from harness.tracking.registry import require_model_name
from harness.tracking.store import Store, answering


def sweep_command(config: SweepConfig, stem: str, session: Session) -> ExitCode:
    """Run a sweep to its end, promoting when the file asks for it; over batches, that of the next step.

    Raises:
        HarnessError: as `open_step`, `open_workplace` and `run_sweep`; what stood in the way of the promotion, after the results
            are shown.
    """
    started = time.monotonic()
    step = open_step(config, stem, session) if config.data.batches is not None else None
    work = open_workplace(step.config, stem, session, step.given) if step else open_workplace(config, stem, session)
    finished = run_sweep(work)
    if step is not None and finished.complete:
        close_step(work, step, finished.results)
    if not finished.complete:
        session.view.message("interrupted: the same command takes the sweep up again where it stopped")
    _show(work, finished.results, finished.promotion, time.monotonic() - started)
    if finished.not_promoted is not None:
        raise finished.not_promoted
    return _code(finished)


def simulate_command(config: SweepConfig, stem: str, session: Session, asked: SimulateAsked) -> ExitCode:
    """Run the same sweep on learning curves and a card that is not there.

    Raises:
        HarnessError: as `run_simulation`.
    """
    started = time.monotonic()
    work, finished = run_simulation(config, stem, session, asked)
    if not finished.complete:
        session.view.message("interrupted: the same command takes the simulation up again where it stopped")
    _show(work, finished.results, finished.promotion, time.monotonic() - started)
    return _code(finished)


def _code(finished: Finished) -> ExitCode:
    if not finished.complete:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if finished.results.on_front else ExitCode.NO_RESULT


def _show(work: Workplace, results: Results, promotion: Promotion | None, duration_s: float) -> None:
    folder = work.config.tracking.folder
    ui = "harness ui" if folder == "mlruns" else f"harness ui --folder {folder}"
    work.view.sweep_ended(SweepSummary(results.rows(), results.objectives, duration_s, ui, promotion))


def pareto_command(study: str, paths: Paths, looking: Looking, *, as_json: bool) -> ExitCode:
    """Print the front of a study.

    Raises:
        HarnessError: BAD_INPUT for an unknown study, NO_RESULT when nothing has completed.
    """
    paths.require_study_store()
    opened = open_storage(paths.study_url)
    with translated(paths.study_url):
        ledger = load_ledger(opened, study)
        config = ledger.config()
        results = Results.read(ledger, config)
        require_promotable(results, None)
        notes = front_notes(ledger, config, results, looking)
    render_front(FrontPage(study, results.rows(), results.objectives, notes), sys.stdout, as_json=as_json)
    return ExitCode.OK


def promote_command(study: str, asked: Asked, paths: Paths, session: Session, tracking_uri: str | None = None) -> ExitCode:
    """Promote the best trial of a study, or the one that was named, if it beats the champion.

    Args:
        study: The study's name.
        asked: Which trial, and whether by force.
        paths: Where the study is kept.
        session: Screen, stop signal, environment.
        tracking_uri: The MLflow store; None is the one that the study was created with.

    Returns:
        NOT_BETTER where the champion stays.

    Raises:
        HarnessError: unknown study or trial, nothing completed, or as `open_workplace`.
    """
    started = time.monotonic()
    paths.require_study_store()
    work = reopen_workplace(study, paths, session, reopen_step(study, paths, session), tracking_uri)
    results = Results.read(work.ledger, work.config)
    require_promotable(results, asked.number)
    close = reopen_tracking(work)
    try:
        promotion = promote(work, results, asked)
    finally:
        close()
    if promotion is None:
        return ExitCode.INTERRUPTED
    _show(work, results, promotion, time.monotonic() - started)
    return ExitCode.OK if promotion.promoted else ExitCode.NOT_BETTER


def rollback_command(name: str, paths: Paths) -> ExitCode:
    """Make the champion before the present one the champion again.

    Raises:
        HarnessError: NO_RESULT where there is no champion, or none before it; CONFLICT while something is promoted to the name.
    """
    store = Store.existing(paths.tracking_uri)
    with answering(paths.tracking_uri), rolling_back(paths, require_model_name(name)):
        was, now = roll_back(store, name)
    sys.stdout.write(f"{name}: version {now.number} is champion again; version {was.number} was\n")
    return ExitCode.OK

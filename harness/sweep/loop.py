"""The sweep: baselines, then trials until the file's limits are reached or the user stops it, then the promotion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.console.promotion import Promotion
from harness.core.errors import HarnessError
from harness.core.outcome import Ending, Outcome
from harness.sweep.baseline import measure_baselines
from harness.sweep.board import Board
from harness.sweep.conductor import Conductor
from harness.sweep.crew import Crew
from harness.sweep.crew_local import LocalCrew
from harness.sweep.devices import open_devices
from harness.sweep.preflight import check_smallest_fits, header
from harness.sweep.promote import Asked, promote
from harness.sweep.proposals import open_proposer
from harness.sweep.recovery import take_up
from harness.sweep.rung_files import RungFiles
from harness.sweep.summary import Results
from harness.sweep.tracked import finish_tracking, start_tracking
from harness.sweep.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Finished:
    """How the loop ended.

    Attributes:
        complete: All trials done or the time spent, and promoted when asked for; False when the user interrupted.
        results: What the study has shown.
        promotion: How the promotion went, when the file asks for one.
        not_promoted: What stood in its way: the sweep is whole without it, and `harness promote` goes on.
    """

    complete: bool
    results: Results
    promotion: Promotion | None
    not_promoted: HarnessError | None = None


Hire = Callable[[Workplace], Crew]


def run_sweep(work: Workplace, hire: Hire | None = None) -> Finished:
    """Carry a sweep to its end; what was stored stays valid whichever way it ends.

    Args:
        work: The sweep.
        hire: Makes a crew in place of this machine's trial processes: a simulated one, which measures no untuned base and
            promotes nothing.

    Raises:
        HarnessError: nothing can work: no memory for the smallest configuration, no base model, a broken scorer,
            or the same infrastructure failure three times in a row.
    """
    check_smallest_fits(work)
    start_tracking(work)
    work.view.sweep_started(header(work))
    try:
        complete = (hire is not None or measure_baselines(work)) and _trials(work, hire or open_crew)
        results = Results.read(work.ledger, work.config)
    except HarnessError as error:
        work.tracker.close_orphans()
        finish_tracking(work, Outcome(Ending.FAILED, f"{error.what}: {error.why}"))
        raise
    promotion, problem = _promotion(work, results) if complete and hire is None else (None, None)
    complete = complete and not work.stop.requested
    ending = Ending.COMPLETED if complete else Ending.INTERRUPTED
    guarded = work.materials.gate.reliability(results.trials)
    work.view.message(f"memory guard: {guarded.sentence()}")
    reason = "all trials done" if complete else "interrupted by the user"
    finish_tracking(work, Outcome(ending, reason, guarded.as_metrics()))
    if complete:
        work.ledger.note("finished", value=True)
    return Finished(complete, results, promotion, problem)


def _promotion(work: Workplace, results: Results) -> tuple[Promotion | None, HarnessError | None]:
    """Promote by the rule when the file asks for it and there is something to choose from; else why it could not be done."""
    if not work.config.tracking.promote or results.knee is None:
        return None, None
    try:
        return promote(work, results, Asked()), None
    except HarnessError as error:
        work.tracker.close_orphans()
        return None, error


def _trials(work: Workplace, hire: Hire) -> bool:
    """Carry out the trials of the study.

    Returns:
        False when the user interrupted.
    """
    board = Board(work, open_proposer(work))
    crew = hire(work)
    try:
        take_up(work, board)
        return Conductor(work, crew, board).run()
    finally:
        crew.close()
        board.close()


def open_crew(work: Workplace) -> Crew:
    """Trial processes of this machine.

    Raises:
        HarnessError: a GPU cannot be used.
    """
    data = work.materials.data
    folder = work.paths.trials / work.ledger.name
    files = RungFiles.write(folder, data.files["validation"], work.config.halving.schedule(), data.digests["validation"])
    return LocalCrew(work, open_devices(work), files)

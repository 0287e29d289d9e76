"""What is kept of a finished step: its adapter for the next one, its scores for the picture and the run of all steps."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.metrics import EXECUTION_METRICS
from harness.core.steps import StepResult
from harness.core.steps_points import kept_metrics, points
from harness.study.ledger import Told
from harness.sweep.steps import OpenStep
from harness.sweep.summary import Results
from harness.sweep.workplace import Workplace
from harness.tracking.registry import adapter_sha256

BASE = "base zero-shot"


def close_step(work: Workplace, step: OpenStep, results: Results) -> None:
    """Remember what the step came to, then show it; what is shown can be made again from what is remembered.

    A step without one completed trial stays open: with more trials the same command goes on with it.

    Raises:
        HarnessError: STORAGE when nothing can be written, NO_RESULT when the chosen adapter is gone already.
    """
    from harness.tracking.steps_run import StepsRun, log_steps  # only now: what draws takes a second to import

    chosen = None if results.knee is None else results.trial(results.knee)
    if chosen is None:
        work.view.message(f"step {step.number} has no completed trial yet: raise study.n_trials and run the same command again")
        return
    state = step.folder.read()
    if state is None:
        why, fix = "its folder was removed while the step was under way", "restore it, then run the same command"
        raise HarnessError(f"{step.folder.state_file} is gone", why=why, fix=fix)
    state = state.ended(step.number, _result(work, chosen, results))
    step.folder.write(state)
    run = StepsRun(state.name, state.tracking_run, work.tags)
    run_id = log_steps(work.store, run, points(state), step.folder.plot_file)
    step.folder.write(state.tracked(run_id))
    work.view.message(
        f"step {step.number} is done; scores of all steps: {step.folder.plot_file}, MLflow run 'steps of {state.name}'"
    )


def _result(work: Workplace, told: Told, results: Results) -> StepResult:
    adapter = work.paths.trial_dir(work.ledger.name, f"trial {told.number}").adapter_dir
    settings = work.config.base_params().merged(told.proposal)
    return StepResult(
        trial=told.number,
        adapter=_portable(adapter, work.paths.folder),
        adapter_sha256=adapter_sha256(adapter),
        settings={**settings.to_dict(), "lora_alpha": settings.scaling_alpha},
        metrics=kept_metrics(told.metrics, EXECUTION_METRICS),
        base=kept_metrics(results.baselines.get(BASE, {}), EXECUTION_METRICS),
        run_id=told.run_id,
    )


def _portable(adapter: Path, folder: Path) -> str:
    """Relative to `tracking.folder`, which may be moved as a whole."""
    return str(adapter.relative_to(folder)) if adapter.is_relative_to(folder) else str(adapter)

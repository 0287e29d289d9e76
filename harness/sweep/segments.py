"""Segments made: a proposal's way through the memory guard to its MLflow run, and the next piece of a trial under way."""

from __future__ import annotations

from typing import Any

from harness.console.view import TrialLine
from harness.core.admission import Reject
from harness.core.fallback import calmer
from harness.core.outcome import Ending, Outcome
from harness.core.params import TrialParams
from harness.core.rungs import Rungs
from harness.core.workload import Workload
from harness.study.ledger import Asked, OpenTrial
from harness.study.trial_record import ADMISSION, CALMED, RUN_ID
from harness.sweep.crew import Segment
from harness.sweep.gate import Judged
from harness.sweep.workplace import Workplace


def label_of(number: int) -> str:
    """What a trial is called on the screen, in MLflow, and (with a hyphen) in its folder's name."""
    return f"trial {number}"


def admit(work: Workplace, asked: Asked) -> Judged:
    """Put a proposal before the memory guard; the decision is written down, and so is its MLflow run."""
    params = work.config.base_params().merged(asked.proposal)
    judged = work.materials.gate.judge(params)
    work.ledger.attach(asked.number, ADMISSION, judged.to_dict(work.materials.budget))
    open_run(work, asked, judged)
    return judged


def open_run(work: Workplace, asked: Asked, judged: Judged, begun: str | None = None) -> str:
    """Make a trial's MLflow run: its parameters are those it runs with, what was proposed otherwise stands beside them.

    Args:
        work: The sweep.
        asked: The proposal.
        judged: Its way through the guard.
        begun: A run of it that was made and not written down before its maker died.
    """
    proposed = work.config.base_params().merged(asked.proposal)
    tags = {"trial": str(asked.number), "seed": str(seed_of(work, asked)), "device": work.materials.probe.device_name}
    if judged.steps:
        tags["adapted"] = "; ".join(judged.steps)
    params = changed_params(judged.workload, proposed)
    run_id = work.tracker.start_run(label_of(asked.number), params=params, tags=tags, begun=begun)
    work.ledger.attach(asked.number, RUN_ID, run_id)
    return run_id


def seed_of(work: Workplace, asked: Asked) -> int:
    """Seed of a trial: the study's, another one for a replicate."""
    return work.config.study.seed + asked.replicate


def refusal(judged: Judged) -> Outcome | None:
    """How a proposal ends that the guard does not let start; None for one that may."""
    if not isinstance(judged.verdict, Reject):
        return None
    return Outcome(Ending.PRUNED_MEMORY, judged.verdict.reason, memory_constraint=judged.verdict.constraint)


def segment_to(work: Workplace, opened: OpenTrial, rung: int, rungs: Rungs) -> Segment:
    """The piece of work that carries a trial to a rung.

    Args:
        work: The sweep.
        opened: The trial; admitted, with its MLflow run.
        rung: Where to.
        rungs: All rungs.
    """
    asked, judged = opened.asked, work.materials.gate.restore(opened.admission or {})
    # What has been learned since it was admitted may predict more than any device has: it gets one to itself.
    beyond = judged.corrected is not None and judged.corrected.total_bytes > work.materials.budget.bytes
    return Segment(
        asked.number,
        label_of(asked.number),
        rung,
        rungs[rung],
        judged,
        seed_of(work, asked),
        opened.run_id or "",
        rung == rungs.last,
        dict(opened.metrics),
        exclusive=beyond or opened.attempt > 0,
    )


def announce(work: Workplace, asked: Asked, judged: Judged) -> None:
    """Show that a trial begins."""
    peak = judged.corrected.total_bytes if judged.corrected else None
    label = label_of(asked.number)
    work.view.trial_started(TrialLine(label, asked.proposal, peak))
    if judged.steps:
        work.view.message(f"{label} is adapted to fit: {', '.join(judged.steps)}")


def calmed_down(work: Workplace, opened: OpenTrial) -> str | None:
    """After a divergence: write calmer settings down for the trial's new start.

    Returns:
        What was changed, in words; None where nothing is left to calm, and the trial stays diverged.
    """
    judged = work.materials.gate.restore(opened.admission or {})
    step = calmer(judged.workload.params, opened.calmed + 1)
    if step is None:
        return None
    params, words = step
    kept = dict(opened.admission or {})
    kept["effective"] = {**kept["effective"], "params": params.to_dict()}
    kept[CALMED] = opened.calmed + 1
    # First, so that nobody ever goes on from them with other settings.
    work.paths.trial_dir(work.ledger.name, label_of(opened.asked.number)).remove_checkpoints()
    work.ledger.attach(opened.asked.number, ADMISSION, kept)
    work.tracker.tag_run(opened.run_id or "", {"calmed": f"{opened.calmed + 1}: {words}"})
    return words


def run_params(workload: Workload) -> dict[str, Any]:
    """Effective settings as MLflow parameters."""
    params = workload.params
    around = {"loss_path": workload.loss_path.value, "offloaded_layers": workload.offloaded_layers}
    return {**params.to_dict(), "lora_alpha": params.scaling_alpha, **around}


def changed_params(workload: Workload, proposed: TrialParams) -> dict[str, Any]:
    """Effective settings, and under ``proposed_NAME`` those that were proposed otherwise."""
    effective = run_params(workload)
    changed = {f"proposed_{name}": value for name, value in proposed.to_dict().items() if effective[name] != value}
    return {**effective, **changed}

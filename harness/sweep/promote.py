"""From the front to a registered adapter: scored on held-out test functions, registered, exported ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.console.view import Promoted, TrialLine
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending
from harness.study.ledger import Told
from harness.sweep.baseline import baseline_key, measure_base
from harness.sweep.one_run import carry_out
from harness.sweep.publish import publish
from harness.sweep.specs import adapter_spec
from harness.sweep.summary import Results
from harness.sweep.workplace import Workplace


def choose(results: Results, number: int | None) -> Told:
    """The trial to promote: the one asked for, else the knee of the front.

    Raises:
        HarnessError: NO_RESULT when nothing has completed, BAD_INPUT when `number` is not a completed trial.
    """
    wanted = results.knee if number is None else number
    if wanted is None:
        raise HarnessError(
            "this study has no front yet",
            why=f"none of its {len(results.trials)} trials has completed",
            fix="run the sweep further; `harness ui` shows why trials ended",
            code=ExitCode.NO_RESULT,
        )
    told = results.trial(wanted)
    if told is None or told.ending is not Ending.COMPLETED:
        completed = ", ".join(str(t.number) for t in results.trials if t.ending is Ending.COMPLETED) or "none"
        why = f"it ended as {told.ending.value}: {told.reason}" if told else "there is no such trial"
        raise HarnessError(f"trial {wanted} cannot be promoted", why=why, fix=f"completed trials: {completed}")
    return told


def promote(work: Workplace, told: Told) -> Promoted | None:
    """Score an adapter and the untuned base on the test functions, register the adapter, move the alias, export.

    Returns:
        What was promoted; None when the user interrupted.

    Raises:
        HarnessError: the adapter's files are gone, its process failed, or the registry cannot be written.
    """
    adapter = work.paths.trial_dir(work.ledger.name, f"trial {told.number}").adapter_dir
    if not (adapter / "adapter_model.safetensors").exists():
        raise HarnessError(
            f"the adapter of trial {told.number} is gone",
            why=f"{adapter} holds no adapter_model.safetensors",
            fix="promote another trial with --trial, or run the sweep again",
            code=ExitCode.STORAGE,
        )
    untuned = _untuned(work)
    tuned = _tuned(work, told, adapter) if untuned is not None else None
    if tuned is None or untuned is None:
        return None
    return publish(work, told, tuned, untuned)


def _untuned(work: Workplace) -> dict[str, Any] | None:
    """The zero-shot base on the test functions, measured once for all studies with the same settings and versions."""
    known = work.ledger.noted("base_on_test")
    if known:
        return dict(known)
    elsewhere = work.ledger.noted_elsewhere("baseline_key", baseline_key(work), "base_on_test")
    if elsewhere:
        return dict(elsewhere[1])
    metrics = measure_base(work, "base on test", 0, "test")
    if metrics is not None:
        work.ledger.note("base_on_test", metrics)
    return metrics


def _tuned(work: Workplace, told: Told, adapter: Path) -> dict[str, Any] | None:
    label = f"trial {told.number} on test"
    params = work.config.base_params().merged(told.proposal)
    work.view.trial_started(TrialLine(label, told.proposal, kind="baseline"))
    tags = {"kind": "promotion", "trial": str(told.number), "split": "test", "device": work.materials.probe.device_name}
    run_id = work.tracker.start_run(label, params=params.to_dict(), tags=tags)
    outcome = carry_out(work, adapter_spec(work, label, adapter, params), run_id, "test")
    if outcome.ending is Ending.INTERRUPTED:
        return None
    if outcome.ending is not Ending.COMPLETED:
        raise HarnessError(
            f"trial {told.number} could not be scored on the test functions",
            why=outcome.reason,
            fix=f"read {work.paths.trial_dir(work.ledger.name, label).log_file}; the alias was not moved",
            code=ExitCode.ENVIRONMENT,
        )
    return {**outcome.metrics}

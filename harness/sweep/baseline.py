"""The untuned base, zero-shot and one-shot: runs of their own and facts of the study, never Optuna trials.

A COMPLETE trial without parameters would empty the search space that TPE and GP look at (measured: they then sample
independently, silently).
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation import SCORER_VERSION
from harness import __version__
from harness.console.view import TrialLine
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.files.adapter_files import weights_stamp
from harness.files.template_files import load_template
from harness.sweep.one_run import carry_out
from harness.sweep.specs import baseline_spec
from harness.sweep.workplace import Workplace
from harness.tracking.tracker import KIND_BASELINE
from harness.trial.examples import worked_examples

_DECIDING = ("torch", "transformers", "tokenizers", "bitsandbytes", "mutmut", "pytest", "coverage")
BASELINES = (("base zero-shot", 0), ("base one-shot", 1))


def measure_baselines(work: Workplace) -> bool:
    """Measure what has not been measured yet in this study.

    Returns:
        False when the user interrupted.

    Raises:
        HarnessError: ENVIRONMENT when the untuned base cannot be run at all: no trial could.
    """
    _take_over(work)
    try:
        return _measure_missing(work)
    finally:
        work.beside.recycle()  # trials need its memory


def _measure_missing(work: Workplace) -> bool:
    for label, shots in BASELINES:
        if label in baselines(work):
            continue
        metrics = measure_base(work, label, shots, "validation")
        if metrics is None:
            return False
        work.ledger.note("baselines", {**baselines(work), label: metrics})
    return True


def _take_over(work: Workplace) -> None:
    """Take the baselines of an earlier study with the same settings and versions: the base has not changed since."""
    key = baseline_key(work)
    work.ledger.note("baseline_key", key)
    if baselines(work):
        return
    found = work.ledger.noted_elsewhere("baseline_key", key, "baselines")
    if found is None:
        return
    study, known = found
    for label, metrics in known.items():
        tags = {"kind": KIND_BASELINE, "split": "validation", "measured_in": study}
        run_id = work.tracker.start_run(label, params={"split": "validation"}, tags=tags)
        work.tracker.finish_run(run_id, Outcome(Ending.COMPLETED, f"measured in study {study}", metrics))
    work.ledger.note("baselines", known)
    work.view.message(f"untuned baselines: as measured in study {study} (same settings, same versions)")


def baseline_key(work: Workplace) -> str:
    """sha256 over all that decides what the untuned base scores: prompts, functions, model, device, versions.

    Nothing of the training: the steps of an incremental sweep share one base, as long as the worked example is the same.
    """
    versions = {name: version(name) for name in _DECIDING}
    config, data = work.config, work.materials.data
    asked = [section.model_dump(mode="json") for section in (config.model, config.generation, config.evaluation)]
    shown = [record.to_dict() for record in worked_examples(data.train_files, data.exclude_file)]
    decides = [
        [asked, config.study.seed, load_template(config.training.prompt_template).digest, shown],
        {name: digest for name, digest in data.digests.items() if name != "train"},
        [work.materials.model.public_id, work.materials.model.revision, weights_stamp(Path(work.materials.model.path))],
        [work.materials.probe.kind, work.materials.probe.device_name],
        [versions, sys.version, __version__, SCORER_VERSION],
    ]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def measure_base(work: Workplace, label: str, shots: int, split: str) -> dict[str, float] | None:
    """Measure the untuned base once.

    Returns:
        Its metrics; None when the user interrupted.

    Raises:
        HarnessError: ENVIRONMENT when it cannot be run, NO_MEMORY when it outgrew the budget.
    """
    work.view.trial_started(TrialLine(label, {}, kind="baseline"))
    tags = {"kind": KIND_BASELINE, "shots": str(shots), "split": split, "device": work.materials.probe.device_name}
    run_id = work.tracker.start_run(label, params={"shots": shots, "split": split}, tags=tags)
    outcome = carry_out(work, baseline_spec(work, label, shots, split), run_id, split)
    if outcome.ending is Ending.INTERRUPTED:
        return None
    if outcome.ending is not Ending.COMPLETED:
        log = work.paths.trial_dir(work.ledger.name, label).log_file
        memory = outcome.ending is Ending.PRUNED_MEMORY
        raise HarnessError(
            "the untuned base model could not be measured",
            why=outcome.reason,
            fix="raise guard.budget or take a smaller model" if memory else f"read {log}",
            code=ExitCode.NO_MEMORY if memory else ExitCode.ENVIRONMENT,
        )
    return dict(outcome.metrics)


def baselines(work: Workplace) -> dict[str, Any]:
    """Label -> metrics of what has been measured."""
    return dict(work.ledger.noted("baselines") or {})

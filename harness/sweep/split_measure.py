"""A finished adapter or the untuned base on the functions of a split: written for, run, and kept: nothing is measured twice.

Owns which figures of a scoring are compared function by function, and what makes two measurements the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation import SCORER_VERSION, Verdict
from harness.console.view import TrialLine
from harness.core.errors import ExitCode, HarnessError
from harness.core.gain import Measure
from harness.core.metrics import EXECUTION_METRICS
from harness.core.outcome import Ending
from harness.files.adapter_files import WEIGHTS_FILE, weights_stamp
from harness.sweep.one_run import carry_out
from harness.sweep.workplace import Workplace
from harness.tracking.registry import adapter_sha256
from harness.trial.examples import worked_examples
from harness.trial.spec import TrialSpec
from harness.trial.trial_dir import TrialDir, write_atomic

MEASURED_FILE = "measured.json"
_DECIDING = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes", "mutmut", "pytest", "coverage")
_WITHOUT = "_without_copied"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        spec: Its process; its name is the label on the screen and the folder's name.
        split: The functions.
        params: Settings worth showing.
        tags: Of its MLflow run.
        refusal: What a failed measurement leaves undone, for the error.
    """

    spec: TrialSpec
    split: str
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    refusal: str = "nothing was promoted"


def measured_before(work: Workplace, subject: Subject) -> Measure | None:
    """What the same process with the same functions, settings and versions was found to be worth, in any study kept here."""
    key = _key(work, subject)
    for file in sorted(work.paths.trials.glob(f"*/*-on-{subject.split}/{MEASURED_FILE}")):
        try:
            read = json.loads(file.read_text("utf-8"))
            if read["key"] == key:
                return Measure(read["metrics"], read["functions"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half-removed or from another version: measured again
    return None


def measure(work: Workplace, subject: Subject) -> Measure | None:
    """Have suites written for a split and run them, or take what was found before; its name ends in ``on SPLIT``.

    Returns:
        None when the user interrupted.

    Raises:
        HarnessError: the adapter's files are gone, or its process failed.
    """
    _require_adapter(subject.spec)
    before = measured_before(work, subject)
    if before is not None:
        return before
    spec, label = subject.spec, subject.spec.name
    work.view.trial_started(TrialLine(label, subject.params, kind="baseline"))
    tags = {"split": subject.split, "device": work.materials.probe.device_name, **subject.tags}
    run_id = work.tracker.start_run(label, params={"split": subject.split, **subject.params}, tags=tags)
    outcome = carry_out(work, spec, run_id, subject.split)
    if outcome.ending is Ending.INTERRUPTED:
        return None
    folder = work.paths.trial_dir(work.ledger.name, label)
    if outcome.ending is not Ending.COMPLETED:
        raise HarnessError(
            f"{label} could not be measured",
            why=outcome.reason,
            fix=f"read {folder.log_file}; {subject.refusal}",
            code=ExitCode.NO_MEMORY if outcome.ending is Ending.PRUNED_MEMORY else ExitCode.ENVIRONMENT,
        )
    found = Measure(dict(outcome.metrics), read_functions(folder))
    write_atomic(folder.path / MEASURED_FILE, json.dumps({"key": _key(work, subject), **asdict(found)}))
    return found


def read_functions(folder: TrialDir) -> dict[str, dict[str, float | None]]:
    """Function -> metric -> its figure, from scores.json; functions that could not be used are left out."""
    scores = json.loads(folder.scores_file.read_text("utf-8"))["scores"]
    return {one["function_id"]: _figures(one) for one in scores if one["verdict"] != Verdict.FUNCTION_BROKEN.value}


def _figures(score: Mapping[str, Any]) -> dict[str, float | None]:
    own = {**score["figures"], "valid_rate": float(score["verdict"] == Verdict.VALID.value)}
    without = {f"{name}{_WITHOUT}": value for name, value in score["without_copied"].items()}
    return {name: value for name, value in {**own, **without}.items() if name in EXECUTION_METRICS}


def _require_adapter(spec: TrialSpec) -> None:
    if spec.adapter is not None and not (Path(spec.adapter) / WEIGHTS_FILE).is_file():
        raise HarnessError(
            f"the adapter of {spec.name.partition(' on ')[0]} is gone",
            why=f"{spec.adapter} holds no {WEIGHTS_FILE}",
            fix="promote another trial with --trial, or run the sweep again",
            code=ExitCode.STORAGE,
        )


def _key(work: Workplace, subject: Subject) -> str:
    """sha256 over all that decides what is written and how it is judged; no path and no name, but the files of a local base."""
    spec = subject.spec
    weights = adapter_sha256(Path(spec.adapter)) if spec.adapter else ""
    asked = asdict(replace(spec.generate, functions_file="", example_files=(), exclude_file=None))
    model = asdict(replace(spec.model, path="", memory_fraction=None))
    shown = [] if spec.adapter else [one.to_dict() for one in worked_examples(map(Path, spec.generate.example_files))]
    versions = {name: version(name) for name in _DECIDING}
    decides = [
        [
            weights,
            model,
            weights_stamp(Path(spec.model.path)),
            asked,
            shown,
            spec.seed if asked["do_sample"] else 0,
            work.materials.data.digests[subject.split],
        ],
        [work.config.evaluation.model_dump(mode="json", exclude={"workers"}), SCORER_VERSION],
        [versions, sys.version, work.materials.probe.kind, work.materials.probe.device_name],
    ]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

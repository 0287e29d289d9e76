"""The values of a model card, read out of a sweep: its trial, its data, and the suites that were worth nothing.

Owns that reading. The words are `harness.tracking.card`'s.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.report.content import one_line, visible
from harness.config.fields import Choices
from harness.core.measured import Measured
from harness.core.params import TrialParams
from harness.core.prompts import prefill, question
from harness.files.processor import processor_name
from harness.files.record_files import read_records
from harness.files.template_files import load_template
from harness.study.ledger import Told
from harness.sweep.lineage import Parts
from harness.sweep.summary import figure
from harness.tracking.card_facts import CardFacts, Failure, Needs
from harness.trial.examples import open_wording
from harness.trial.spec import read_suites
from harness.trial.trial_dir import TrialDir

REPORTED = ("valid_rate", "pass_rate", "line_coverage", "branch_coverage", "mutation_score")
"""Metrics that a card and `harness show` name."""

FAILURES = 3
"""Known failures that a card shows."""

_WROTE_LINES = 25
_UNKNOWN_LICENCE = "other"
_CEILING = "_of_ceiling"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured on the test functions.

    Attributes:
        tuned: Metrics of the adapter.
        untuned: Label -> metrics of the untuned base on the same functions.
        chosen: How the adapter was chosen, as `CardFacts.chosen`.
        label: Of the process that wrote the suites for the test functions; its folder holds them.
    """

    tuned: Mapping[str, Any]
    untuned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chosen: Mapping[str, Any] | str = ""
    label: str = ""


def card_facts(parts: Parts, told: Told, found: Findings) -> CardFacts:
    """Everything that the card of a trial's adapter says.

    Args:
        parts: Of its sweep.
        told: The trial.
        found: On the test functions.
    """
    model, data = parts.model, parts.data
    params = _effective(parts, told)
    template = load_template(params.prompt_template)
    example = read_records(data.files["test"])[0]
    wording = open_wording(template.to_dict(), tuple(map(str, data.train_files)), _path(data.exclude_file))
    scored = parts.paths.trial_dir(parts.study, found.label) if found.label else None
    failures, failed = _failures(scored)
    return CardFacts(
        title=parts.config.tracking.registered_model or parts.study,
        base_model=model.public_id,
        license=(model.licence or _UNKNOWN_LICENCE).lower(),
        datasets=(data.origin,),
        test_functions=data.counts["test"],
        tuned=figures(found.tuned),
        untuned={label: figures(metrics) for label, metrics in found.untuned.items()},
        settings={**params.to_dict(), "lora_alpha": params.scaling_alpha, "prompt_template": template.identity},
        base_revision=model.revision,
        prompt=question(template, example),
        prefill=prefill(example),
        data_licence=data.licence,
        counts=dict(data.counts),
        of_ceiling={name: found.tuned[name + _CEILING] for name in REPORTED if name + _CEILING in found.tuned},
        space={name: _range(name, axis) for name, axis in parts.config.space.axes().items()},
        chosen=found.chosen,
        failures=failures,
        failed=failed,
        needs=_needs(parts, told, found),
        chat=tuple(wording.chat(example)),
        style=template.style,
    )


def figures(metrics: Mapping[str, Any]) -> dict[str, Measured]:
    """The reported metrics that were measured, with their intervals."""
    shown = {name: figure(metrics, name) for name in REPORTED}
    return {name: measured for name, measured in shown.items() if measured is not None}


def _effective(parts: Parts, told: Told) -> TrialParams:
    """What the trial ran with: the guard may have made it smaller than it was proposed."""
    admission = told.admission or {}
    effective = admission.get("effective", {}).get("params")
    return TrialParams.from_dict(effective) if effective else parts.config.base_params().merged(told.proposal)


def _range(name: str, axis: Any) -> str:
    if isinstance(axis, Choices):
        shown = (Path(str(choice)).name if name == "prompt_template" else str(choice) for choice in axis.choices)
        return "one of " + ", ".join(shown)
    log = ", logarithmic" if getattr(axis, "log", False) else ""
    step = f" in steps of {axis.step:g}" if getattr(axis, "step", None) not in (None, 1) else ""
    return f"{axis.low:g} to {axis.high:g}{step}{log}"


def _needs(parts: Parts, told: Told, found: Findings) -> Needs:
    result = parts.folder(told.number).read_result()
    facts = result.facts if result else {}
    on_cpu = facts.get("device_name") == platform.machine()  # all that torch has to say of a CPU
    written = found.tuned.get("peak_bytes")
    return Needs(
        device=f"{processor_name()}, {facts.get('threads', '?')} threads" if on_cpu else facts.get("device_name", "unknown"),
        train_bytes=_whole(told.metrics.get("peak_bytes")),
        write_bytes=_whole(written),
        write_batch=parts.config.generation.batch_size if written else None,
        train_s=told.metrics.get("train_runtime_s"),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _failures(folder: TrialDir | None) -> tuple[tuple[Failure, ...], int | None]:
    """Suites that were worth nothing, one of each kind first, and how many there are; None where nobody kept them."""
    try:
        if folder is None:
            return (), None
        scores = json.loads(folder.scores_file.read_text("utf-8"))["scores"]
        wrote = {suite.function_id: suite.raw for suite in read_suites(folder.suites_file)}
        bad = [score for score in scores if score["verdict"] != "valid"]
    except (OSError, ValueError, KeyError, TypeError):
        return (), None
    firsts = {score["verdict"]: score for score in reversed(bad)}.values()
    shown = [*firsts, *(score for score in bad if score not in firsts)][:FAILURES]
    return tuple(_failure(score, wrote) for score in shown), len(bad)


def _failure(score: Mapping[str, Any], wrote: Mapping[str, str]) -> Failure:
    name = str(score["function_id"])
    lines = visible(wrote.get(name, "")).splitlines()
    more = [f"... {len(lines) - _WROTE_LINES} more lines"] if len(lines) > _WROTE_LINES else []
    detail = one_line(str(score.get("detail", "")))
    return Failure(name, str(score["verdict"]), detail, "\n".join([*lines[:_WROTE_LINES], *more]))


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)

"""A measured adapter made public on this machine: registry version, alias, and a PEFT folder anyone can load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.console.json_view import as_json
from harness.console.promotion import Promotion
from harness.core.measured import Measured
from harness.core.prompts import prefill, question
from harness.files.record_files import read_records
from harness.files.template_files import load_template
from harness.study.ledger import Told
from harness.sweep.reigning import WRITER, writer_tag
from harness.sweep.summary import figure
from harness.sweep.workplace import Workplace
from harness.tracking.card import CardFacts
from harness.tracking.champions import CHAMPION, crown
from harness.tracking.export import export_adapter
from harness.tracking.registry import Candidate, adapter_sha256, register

REPORTED = ("valid_rate", "pass_rate", "line_coverage", "branch_coverage", "mutation_score")
_UNKNOWN_LICENCE = "other"


def publish(work: Workplace, trial: Told, told: Promotion, measured: Mapping[str, Mapping[str, float]]) -> Promotion:
    """Export the adapter of a trial, register it, and move the alias.

    Args:
        work: The sweep.
        trial: The chosen one.
        told: How it was chosen and what it has shown.
        measured: ``tuned`` and ``untuned``: metrics on the test functions.

    Returns:
        The same with where it is now.
    """
    adapter = work.paths.trial_dir(work.ledger.name, told.chosen).adapter_dir
    out = work.paths.adapters / told.name / f"{work.ledger.name}-trial-{trial.number}"
    folder = export_adapter(adapter, out, _card(work, trial, measured))
    reported = {key: value for key, value in measured["tuned"].items() if key.startswith(REPORTED)}
    version = register(work.store, told.name, Candidate(folder, trial.run_id or "", reported, _tags(work, trial, told, folder)))
    crown(work.store, told.name, version.number)
    if trial.run_id:
        work.tracker.tag_run(trial.run_id, {"promoted_as": f"{told.name}/{version.number}"})
    return replace(told, version=str(version.number), alias=CHAMPION, folder=str(folder))


def _tags(work: Workplace, trial: Told, told: Promotion, folder: Path) -> dict[str, str]:
    params = work.config.base_params().merged(trial.proposal)
    return {
        "study": work.ledger.name,
        "trial": str(trial.number),
        "base_model": work.materials.model.public_id,
        "quantization": params.quantization.value,
        WRITER: writer_tag(work, params.quantization),
        "test_digest": work.materials.data.digests["test"],
        "test_functions": str(told.functions),
        "folder": str(folder),
        "chosen_by": told.rule,
        "compared_with": told.opponent,
        "gain": told.reason,
        "forced": str(told.forced).lower(),
    }


def note(work: Workplace, trial: Told, told: Promotion) -> None:
    """Keep with the study and its run how a promotion went, whichever way."""
    record = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **as_json(told)}
    work.ledger.note("promotion", record)
    work.tracker.log_json(work.tracker.sweep_run, "promotion.json", record)
    if told.promoted and told.folder and told.version:
        kept = {"trial": trial.number, "name": told.name, "version": int(told.version), "folder": told.folder}
        work.ledger.note("promoted", {**kept, "adapter_sha256": adapter_sha256(Path(told.folder))})
    ended = f"{told.name}/{told.version}" if told.promoted else f"refused: {told.reason}"
    work.tracker.tag_run(work.tracker.sweep_run, {"promotion": ended})


def _card(work: Workplace, told: Told, measured: Mapping[str, Mapping[str, float]]) -> CardFacts:
    model, data = work.materials.model, work.materials.data
    params = work.config.base_params().merged(told.proposal)
    example = read_records(data.files["test"])[0]
    return CardFacts(
        title=work.config.tracking.registered_model or work.ledger.name,
        base_model=model.public_id,
        license=(model.licence or _UNKNOWN_LICENCE).lower(),
        datasets=(data.origin,),
        test_functions=data.counts["test"],
        tuned=_figures(measured["tuned"]),
        untuned={"untuned, zero-shot": _figures(measured["untuned"])},
        settings={**params.to_dict(), "lora_alpha": params.scaling_alpha},
        base_revision=model.revision,
        prompt=question(load_template(params.prompt_template), example),
        prefill=prefill(example),
    )


def _figures(metrics: Mapping[str, Any]) -> dict[str, Measured]:
    shown = {name: figure(metrics, name) for name in REPORTED}
    return {name: measured for name, measured in shown.items() if measured is not None}

"""A measured adapter made public on this machine: registry version, alias, and a PEFT folder anyone can load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.console.view import Promoted
from harness.core.measured import Measured
from harness.core.prompts import prefill, question
from harness.files.record_files import read_records
from harness.files.template_files import load_template
from harness.study.ledger import Told
from harness.sweep.summary import figure
from harness.sweep.workplace import Workplace
from harness.tracking.card import CardFacts
from harness.tracking.export import export_adapter
from harness.tracking.registry import CHAMPION, Candidate, adapter_sha256, register_champion

REPORTED = ("valid_rate", "pass_rate", "line_coverage", "branch_coverage", "mutation_score")
_UNKNOWN_LICENCE = "other"


def publish(work: Workplace, told: Told, tuned: Mapping[str, float], untuned: Mapping[str, float]) -> Promoted:
    """Export the adapter of a trial, register it, and move the alias.

    Args:
        work: The sweep.
        told: The chosen trial.
        tuned: Its metrics on the test functions.
        untuned: The zero-shot base's on the same functions.
    """
    name = work.config.tracking.registered_model or work.ledger.name
    adapter = work.paths.trial_dir(work.ledger.name, f"trial {told.number}").adapter_dir
    out = work.paths.adapters / name / f"{work.ledger.name}-trial-{told.number}"
    folder = export_adapter(adapter, out, _card(work, told, {"tuned": tuned, "untuned": untuned}))
    tags = {
        "study": work.ledger.name,
        "trial": str(told.number),
        "base_model": work.materials.model.public_id,
        "test_digest": work.materials.data.digests["test"],
        "folder": str(folder),
    }
    reported = {key: value for key, value in tuned.items() if key.startswith(REPORTED)}
    version = register_champion(work.store, name, Candidate(folder, told.run_id or "", reported, tags))
    sha256 = adapter_sha256(folder)
    record = {"trial": told.number, "name": name, "version": version.number, "folder": str(folder), "adapter_sha256": sha256}
    work.ledger.note("promoted", record)
    return Promoted(
        name,
        str(version.number),
        CHAMPION,
        str(folder),
        {key: figure(tuned, key) for key in REPORTED},
        {key: figure(untuned, key) for key in REPORTED},
        work.materials.data.counts["test"],
    )


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

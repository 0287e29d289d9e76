"""What a study is made of, noted with it when it begins: a report must not need the data, the model or the device again."""

from __future__ import annotations

from typing import Any

from harness.sweep.workplace import Workplace
from harness.tracking.provenance import provenance_tags

ABOUT = "about"
"""The study's attribute."""


def note_about(work: Workplace) -> None:
    """Keep the facts, unless an earlier start of the sweep has done so."""
    if work.ledger.noted(ABOUT) is None:
        work.ledger.note(ABOUT, about(work))


def about(work: Workplace) -> dict[str, Any]:
    """Model, data with counts and digests, device, versions; JSON-ready."""
    model, data, materials = work.materials.model, work.materials.data, work.materials
    splits = {name: {"functions": data.counts[name], "sha256": data.digests.get(name, "")} for name in data.counts}
    made_with = {name: value for name, value in provenance_tags(work.paths.folder.parent).items() if _tells(name)}
    return {
        "model": {"name": model.public_id, "revision": model.revision, "licence": model.licence},
        "data": {"origin": data.origin, "sha256": data.digest, "manifest": data.manifest_digest, "splits": splits},
        "device": {"name": materials.probe.device_name, "kind": materials.probe.kind, "budget_bytes": materials.budget.bytes},
        "made_with": {**made_with, **work.tags},
    }


def _tells(name: str) -> bool:
    return name.startswith(("version.", "hardware.", "mlflow.source.git."))

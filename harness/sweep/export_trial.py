"""The adapter of a trial as a folder that says what it is and where it comes from; and links between all that name it.

Owns what a promotion calls: `export_trial` before the adapter is registered, `name_each_other` after it.
"""

from __future__ import annotations

from pathlib import Path

from harness.data.hub import fetch_optional
from harness.data.models import ResolvedModel
from harness.study.ledger import Told
from harness.sweep.card_facts import REPORTED, Findings, card_facts
from harness.sweep.lineage import Parts, trial_lineage
from harness.sweep.workplace import Workplace
from harness.tracking.export import Provenance, export_adapter
from harness.tracking.store import Store
from harness.tracking.versions import Asked, Registry, link_back

_LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")


def export_trial(work: Workplace, told: Told, out: Path, found: Findings) -> Path:
    """Write the adapter of a completed trial with its lineage and model card, all or nothing.

    Args:
        work: The sweep.
        told: The trial.
        out: Where to; an older folder there is replaced.
        found: What was measured on the test functions, and how the adapter was chosen.

    Raises:
        HarnessError: the trial's folder is not whole, or `out` cannot be written.
    """
    return export_parts(Parts.of(work), told, out, found)


def name_each_other(store: Store, name: str, number: int) -> None:
    """Have the run and the logged model of a version that was just registered name it; repeating it changes nothing."""
    link_back(store.client, Registry(store.tracking_uri).find(Asked(name, None, number)))


def export_parts(parts: Parts, told: Told, out: Path, found: Findings) -> Path:
    """The same for a sweep that need not be open."""
    reported = {name: value for name, value in found.tuned.items() if name.startswith(REPORTED)}
    provenance = Provenance(trial_lineage(parts, told, reported), parts.sweep_text(), licence_text(parts.model))
    return export_adapter(parts.folder(told.number).adapter_dir, out, card_facts(parts, told, found), provenance)


def licence_text(model: ResolvedModel) -> str:
    """The base model's own licence file; empty where it has none within reach."""
    folder = Path(model.path)
    if folder.is_dir():
        found = next((folder / name for name in _LICENCE_FILES if (folder / name).is_file()), None)
    else:
        found = fetch_optional(model.path, _LICENCE_FILES[0], model.revision)
    return "" if found is None else found.read_text("utf-8", "replace")

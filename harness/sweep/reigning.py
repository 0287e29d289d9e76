"""What a candidate has to beat: the champion of the registered model, or the untuned base where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.core.params import Quantization
from harness.data.models import resolve_model
from harness.files.cache import default_cache_root
from harness.sweep.located import Located, fetch
from harness.sweep.specs import adapter_spec, baseline_spec
from harness.sweep.split_measure import Subject
from harness.sweep.workplace import Workplace
from harness.tracking.champions import champion
from harness.tracking.registered import Registered
from harness.tracking.versions import Asked, Registry
from harness.trial.spec import ModelSpec

SPLIT = "test"


@dataclass(frozen=True, slots=True)
class Opponent:
    """Who is to be beaten.

    Attributes:
        label: ``champion version 2`` or ``untuned base``.
        subject: How it is measured on the test functions.
        version: Of the champion; None for the base.
        itself: The candidate's weights are the champion's.
    """

    label: str
    subject: Subject
    version: Registered | None = None
    itself: bool = False


def opponent(work: Workplace, name: str) -> Opponent:
    """The champion, else the untuned base.

    Raises:
        HarnessError: STORAGE when the champion's files are damaged or gone, or as `resolve_model` for its base.
    """
    version = champion(work.store, name)
    if version is None:
        return Opponent("untuned base", untuned(work))
    return Opponent(f"champion version {version.number}", _champion(work, version), version)


def untuned(work: Workplace) -> Subject:
    """The zero-shot base on the test functions."""
    return Subject(baseline_spec(work, "base on test", 0, SPLIT), SPLIT, {}, {"kind": "baseline", "shots": "0"})


def _champion(work: Workplace, version: Registered) -> Subject:
    located = fetch(Registry(work.store.tracking_uri), Asked(version.name, None, version.number), work.environ)
    lineage = located.lineage
    quantization = lineage.settings["quantization"] if lineage else version.tags.get("quantization", "none")
    params = replace(work.config.base_params(), quantization=Quantization(quantization))
    spec = adapter_spec(work, f"champion {version.number} on {SPLIT}", located.folder, params, SPLIT)
    spec = replace(spec, model=_base(work, located, spec.model))
    tags = {"kind": "promotion", "version": f"{version.name}/{version.number}"}
    shown: dict[str, Any] = {"quantization": params.quantization.value}
    return Subject(spec, SPLIT, shown, tags, refusal="the alias was not moved; --force promotes in spite of it")


def _base(work: Workplace, located: Located, model: ModelSpec) -> ModelSpec:
    """What the champion was trained over, where that is another base than the sweep's."""
    lineage, asked = located.lineage, work.config.model
    if lineage is None or (lineage.base.name, lineage.base.revision) == (asked.name, asked.revision):
        return model
    if lineage.base.public_id == model.public_id and lineage.base.revision == model.revision:
        return model
    cache = default_cache_root(work.environ)
    found = resolve_model(lineage.base.name, lineage.base.revision, cache, on_step=work.view.message)
    return replace(model, path=found.path, public_id=found.public_id, revision=found.revision)

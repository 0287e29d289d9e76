"""What a candidate has to beat: the champion of the registered model, or the untuned base where there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.core.params import Quantization
from harness.data.models import resolve_model
from harness.files.cache import default_cache_root
from harness.sweep.specs import adapter_spec, baseline_spec
from harness.sweep.split_measure import Subject
from harness.sweep.workplace import Workplace
from harness.tracking.champions import champion
from harness.tracking.registry import Version
from harness.tracking.version_files import files_of

SPLIT = "test"
WRITER = "writer"
"""Tag of a version: what its adapter is loaded over, as JSON: ``base``, ``revision``, ``quantization``."""


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
    version: Version | None = None
    itself: bool = False


def opponent(work: Workplace, name: str) -> Opponent:
    """The champion, else the untuned base.

    Raises:
        HarnessError: STORAGE when the champion's files are gone, or as `resolve_model` for its base.
    """
    version = champion(work.store, name)
    if version is None:
        return Opponent("untuned base", untuned(work))
    return Opponent(f"champion version {version.number}", _champion(work, version), version)


def untuned(work: Workplace) -> Subject:
    """The zero-shot base on the test functions."""
    return Subject(baseline_spec(work, "base on test", 0, SPLIT), SPLIT, {}, {"kind": "baseline", "shots": "0"})


def writer_tag(work: Workplace, quantization: Quantization) -> str:
    """What a version says about what its adapter is loaded over."""
    asked = work.config.model
    return json.dumps({"base": asked.name, "revision": asked.revision, "quantization": quantization.value}, sort_keys=True)


def _champion(work: Workplace, version: Version) -> Subject:
    writer = json.loads(version.tags.get(WRITER, "{}"))
    params = replace(work.config.base_params(), quantization=Quantization(writer.get("quantization", "none")))
    folder = files_of(work.store, version)
    spec = adapter_spec(work, f"champion {version.number} on {SPLIT}", folder, params, SPLIT)
    base = writer.get("base", work.config.model.name)
    if (base, writer.get("revision", work.config.model.revision)) != (work.config.model.name, work.config.model.revision):
        found = resolve_model(base, writer.get("revision"), default_cache_root(work.environ), on_step=work.view.message)
        model = replace(spec.model, path=found.path, public_id=found.public_id, revision=found.revision)
        spec = replace(spec, model=model)
    shown: Mapping[str, Any] = {"quantization": params.quantization.value}
    tags = {"kind": "promotion", "version": f"{version.name}/{version.number}"}
    return Subject(spec, SPLIT, shown, tags, refusal="the alias was not moved; --force promotes without a comparison")

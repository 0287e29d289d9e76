"""What a candidate has to beat: the champion of the registered model, or the untuned base where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.core.params import Quantization
from harness.data.models import ResolvedModel, resolve_model
from harness.files.cache import default_cache_root
from harness.sweep.lineage import other_weights
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
        unmeasured: Why the champion cannot be measured, so that the base stands in its place; empty where it can.
    """

    label: str
    subject: Subject
    version: Registered | None = None
    itself: bool = False
    unmeasured: str = ""


def opponent(work: Workplace, name: str, *, force: bool = False) -> Opponent:
    """The champion, else the untuned base.

    Args:
        work: The sweep.
        name: Registered model.
        force: A champion that cannot be measured does not stand in the way.

    Raises:
        HarnessError: STORAGE when the champion's files are damaged or gone, or as `resolve_model` for its base.
    """
    version = champion(work.store, name)
    if version is None:
        return Opponent("untuned base", untuned(work))
    try:
        return Opponent(f"champion version {version.number}", _champion(work, version), version)
    except HarnessError as error:
        return without_champion(work, version, error, force=force)


def without_champion(work: Workplace, version: Registered, error: HarnessError, *, force: bool) -> Opponent:
    """The base in the place of a champion that cannot be measured.

    Raises:
        HarnessError: that it cannot, and what can be done about it; not by force.
    """
    if force:
        return Opponent("untuned base", untuned(work), version, unmeasured=f"{error.what}: {error.why}")
    raise HarnessError(
        f"champion version {version.number} of {version.name} cannot be compared with",
        why=f"{error.what}: {error.why}",
        fix=f"{error.fix}; or take it back (`harness rollback {version.name}`), or promote without a comparison: --force",
        code=error.code,
    ) from error


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
    return Subject(spec, SPLIT, shown, tags, refusal="the alias was not moved")


def _base(work: Workplace, located: Located, model: ModelSpec) -> ModelSpec:
    """What the champion was trained over, where that is another base than the sweep's."""
    if located.lineage is None:
        return model
    base, asked = located.lineage.base, work.config.model
    named = (base.name, base.revision) == (asked.name, asked.revision)
    if (named or (base.public_id, base.revision) == (model.public_id, model.revision)) and not other_weights(
        base, work.materials.model
    ):
        return model
    found = resolve_model(base.name, base.revision, default_cache_root(work.environ), on_step=work.view.message)
    if why := other_weights(base, found):
        raise _another(found, why)
    return replace(model, path=found.path, public_id=found.public_id, revision=found.revision)


def _another(found: ResolvedModel, why: str) -> HarnessError:
    return HarnessError(
        f"{found.path} is not the base model that the champion was trained on",
        why=why,
        fix="put the base back where it was",
        code=ExitCode.CONFLICT,
    )

"""Where the adapter of a trial comes from: read together out of the study, the trial's folder, the data and the base model.

Owns that reading, for a sweep that is open (`Parts.of`) and for one that ended long ago (`reopened`). The record is
`harness.core.lineage`'s, its file `harness.files.adapter_files`'.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import __version__
from harness.config.sections import Tracking
from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import BaseModel, DataUsed, Lineage, Machine, PromptUsed
from harness.data.models import ResolvedModel, resolve_model
from harness.data.prepared.prepare import PreparedData
from harness.files.adapter_files import WEIGHTS_FILE, sha256_of, weights_digest
from harness.files.cache import default_cache_root
from harness.files.processor import processor_name
from harness.study.ledger import Told
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.asked_data import asked_data
from harness.sweep.paths import Paths
from harness.sweep.workplace import Workplace
from harness.trial.spec import TrainSpec, TrialSpec
from harness.trial.trial_dir import TrialDir

PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "tokenizers")
"""What decides the numbers of a training, beside `harness` and Python."""

_LOADING = ("quantization", "dtype", "device", "device_map", "double_quant", "attn_implementation", "offloaded_layers")
_NOT_TRAINING = (
    "params",
    "train_files",
    "validation_file",
    "exclude_file",
    "template",
    "token_cache",
    "start_adapter",
    "until",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a lineage is read out of.

    Attributes:
        config: The sweep file.
        study: Name of the study.
        paths: Where everything is kept.
        data: Its splits.
        model: The base.
    """

    config: SweepConfig
    study: str
    paths: Paths
    data: PreparedData
    model: ResolvedModel

    @classmethod
    def of(cls, work: Workplace) -> Parts:
        """Those of an open sweep."""
        return cls(work.config, work.ledger.name, work.paths, work.materials.data, work.materials.model)

    def folder(self, number: int) -> TrialDir:
        """The folder of a trial."""
        return self.paths.trial_dir(self.study, f"trial {number}")

    def sweep_text(self) -> str:
        """The resolved sweep file as it is laid beside an adapter: without the places where this sweep kept its things."""
        tracking = Tracking(experiment=self.config.tracking.experiment, registered_model=self.config.tracking.registered_model)
        study = self.config.study.model_copy(update={"storage": None, "name": self.study})
        return self.config.model_copy(update={"study": study, "tracking": tracking}).to_json() + "\n"


@dataclass(frozen=True, slots=True)
class Reopened:
    """A trial of a sweep that is not open.

    Attributes:
        parts: Of the sweep.
        told: The trial.
        untuned: Metrics of the zero-shot base on the test functions; empty where they were not measured.
    """

    parts: Parts
    told: Told
    untuned: Mapping[str, Any]


def reopened(study: str, number: int, paths: Paths, environ: Mapping[str, str]) -> Reopened:
    """A trial of a sweep that is not open; only reads.

    Raises:
        HarnessError: no such study or trial, its trials are steps over batches, or data or base model are gone.
    """
    paths.require_study_store()
    storage = open_storage(paths.study_url)
    with translated(paths.study_url):
        ledger = load_ledger(storage, study)
        told = next((one for one in ledger.told() if one.number == number), None)
        config, untuned = ledger.config(), ledger.noted("base_on_test")
    if told is None:
        fix = f"`harness pareto {study}` names those that have"
        raise HarnessError(f"study {study!r} has no trial {number} that ended", why="it is not in the study", fix=fix)
    if config.data.batches is not None:
        why = "its training data are batches that were put together for that step"
        fix = "promote it with this version of harness: the lineage is then written beside the adapter"
        raise HarnessError(f"the lineage of {study} cannot be put together again", why=why, fix=fix, code=ExitCode.CONFLICT)
    cache = default_cache_root(environ)
    data = asked_data(config, cache, lambda _: None)
    model = resolve_model(config.model.name, config.model.revision, cache)
    return Reopened(Parts(config, study, paths, data, model), told, untuned or {})


def trial_lineage(parts: Parts, told: Told, test: Mapping[str, float]) -> Lineage:
    """Where the adapter of a completed trial comes from.

    Args:
        parts: Of its sweep.
        told: The trial.
        test: What the adapter reached on the test functions; empty where it was not measured.

    Raises:
        HarnessError: STORAGE when the trial's folder does not hold what is needed.
    """
    folder = parts.folder(told.number)
    spec, facts = _trained(folder)
    train = spec.train
    assert train is not None  # noqa: S101 -- `_trained` has looked
    return Lineage(
        study=parts.study,
        trial=told.number,
        run_id=told.run_id,
        experiment=parts.config.tracking.experiment,
        base=base_used(parts.config.model.name, parts.model),
        data=data_used(parts.data),
        prompt=_prompt(facts),
        settings=train.params.to_dict(),
        loading={name: getattr(spec.model, name) for name in _LOADING},
        training=_training(train),
        seed=spec.seed,
        adapter_sha256=sha256_of(folder.adapter_dir / WEIGHTS_FILE),
        versions=_versions(facts),
        machine=Machine(
            spec.model.device, facts.get("device_name", ""), processor_name(), int(facts.get("threads", spec.threads))
        ),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        started_from=_start(train.start_adapter),
        test={name: float(value) for name, value in test.items()},
    )


def base_used(name: str, model: ResolvedModel) -> BaseModel:
    """The base model, its weights looked at where they lie in a folder."""
    path = Path(model.path)
    digest = weights_digest(path) if path.is_dir() else None
    return BaseModel(name, model.public_id, model.revision, model.licence, digest)


def other_weights(base: BaseModel, model: ResolvedModel) -> str | None:
    """Why a model is not the base that was recorded, in words; None where it is, or where one of both has no digest."""
    now = base_used(base.name, model).sha256
    if not base.sha256 or not now or base.sha256 == now:
        return None
    return f"sha256 of its weights is {now[:16]}..., was {base.sha256[:16]}..."


def data_used(data: PreparedData) -> DataUsed:
    """The splits."""
    return DataUsed(data.origin, data.licence, data.manifest_digest, dict(data.digests), dict(data.counts))


def _trained(folder: TrialDir) -> tuple[TrialSpec, Mapping[str, str]]:
    """What the trial's process was told, and what it said of itself."""
    try:
        spec, result = folder.read_spec(), folder.read_result()
        missing = None if (folder.adapter_dir / WEIGHTS_FILE).is_file() else f"{folder.adapter_dir} holds no {WEIGHTS_FILE}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unknown(folder, f"{type(error).__name__}: {error}") from error
    if missing is None and (result is None or spec.train is None):
        missing = f"{folder.result_file.name} is not there"
    if missing is not None or result is None:
        raise _unknown(folder, missing or "")
    return spec, result.facts


def _unknown(folder: TrialDir, why: str) -> HarnessError:
    return HarnessError(
        f"{folder.path} does not say how its adapter was trained",
        why=why,
        fix="restore the folder, or take an adapter that has its harness.json",
        code=ExitCode.STORAGE,
    )


def _training(train: TrainSpec) -> dict[str, Any]:
    return {name: value for name, value in asdict(train).items() if name not in _NOT_TRAINING}


def _prompt(facts: Mapping[str, str]) -> PromptUsed:
    name, _, version = facts.get("prompt_template", "").partition("@")
    return PromptUsed(name, version, facts.get("prompt_template_digest", ""))


def _versions(facts: Mapping[str, str]) -> dict[str, str]:
    known = {name: facts[name] for name in PACKAGES if name in facts}
    return {"harness": __version__, "python": platform.python_version(), **known}


def _start(adapter: str | None) -> str | None:
    weights = Path(adapter or "") / WEIGHTS_FILE
    return sha256_of(weights) if adapter and weights.is_file() else None

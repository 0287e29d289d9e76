"""The model registry: an adapter becomes a version, its files and figures with it. Which version is used is `champions`'."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException, RestException

from harness.core.errors import ExitCode, HarnessError
from harness.files.adapter_files import WEIGHTS_FILE, sha256_of
from harness.tracking.metrics import scalars
from harness.tracking.registered import Registered, is_absent, read_version
from harness.tracking.store import Store


@dataclass(frozen=True, slots=True)
class Candidate:
    """An adapter that is to be registered.

    Attributes:
        adapter_dir: A PEFT folder; `export.export_adapter` makes one that is fit to be passed on.
        run_id: The run that trained it.
        metrics: What it reached on the test functions.
        tags: Anything else worth keeping with the version: study, trial, base model.
        description: What a person reads on the version's page, Markdown.
    """

    adapter_dir: Path
    run_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


def adapter_sha256(adapter_dir: Path) -> str:
    """sha256 of the weights, hex.

    Raises:
        HarnessError: the folder holds no adapter.
    """
    try:
        return sha256_of(adapter_dir / WEIGHTS_FILE)
    except FileNotFoundError as error:
        raise HarnessError(
            f"{adapter_dir} holds no adapter",
            why=f"{WEIGHTS_FILE} is not there",
            fix="promote a trial that completed; its folder has adapter/" + WEIGHTS_FILE,
            code=ExitCode.NO_RESULT,
        ) from error


def require_model_name(name: str) -> str:
    """A name that MLflow takes and that a version can be named by: ``NAME@alias``, ``NAME/3``.

    Raises:
        HarnessError: BAD_INPUT for one that is none.
    """
    if set(name) & set("/:@") or not name.strip(". "):
        raise HarnessError(
            f"{name!r} cannot be the name of a registered model",
            why="it holds one of / : @, or nothing but dots",
            fix="give the model another name: tracking.registered_model in the sweep file",
        )
    return name


def register(store: Store, name: str, candidate: Candidate) -> Registered:
    """Make an adapter a version of a registered model. The same weights are registered once; what is told of them is told anew.

    Raises:
        HarnessError: the candidate's folder holds no adapter.
    """
    digest = adapter_sha256(candidate.adapter_dir)
    ensure_registered_model(store.client, name)
    version = _find(store.client, name, digest)
    version = _create(store, name, candidate, digest) if version is None else _told_anew(store.client, version, candidate)
    return read_version(store.client, store.client.get_model_version(name, version.version))


def version_by_alias(store: Store, name: str, alias: str) -> Registered | None:
    """The version that an alias points at; None where there is none."""
    try:
        return read_version(store.client, store.client.get_model_version_by_alias(name, alias))
    except MlflowException as error:
        if is_absent(error):
            return None
        raise


def ensure_registered_model(client: MlflowClient, name: str) -> None:
    """Make the registered model, unless it is there."""
    about = "LoRA adapters promoted by harness; the alias champion is the one to use."
    try:
        client.create_registered_model(name, description=about)
    except (MlflowException, RestException) as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _find(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    quoted = name.replace("'", "''")
    found = client.search_model_versions(f"name = '{quoted}' and tags.adapter_sha256 = '{digest}'")
    return next((v for v in found if v.status == "READY"), None)


def _told_anew(client: MlflowClient, version: ModelVersion, candidate: Candidate) -> ModelVersion:
    for key, value in {**candidate.tags, **_metric_tags(candidate.metrics)}.items():
        if version.tags.get(key) != value:
            client.set_model_version_tag(version.name, version.version, key, value)
    if candidate.description and candidate.description != version.description:
        client.update_model_version(version.name, version.version, candidate.description)
    return version


def _create(store: Store, name: str, candidate: Candidate, digest: str) -> ModelVersion:
    model = _log_model(store, name, candidate, digest)
    # The source is not models:/<id>: MLflow 3.17 looks that up through the global tracking URI, i.e. in another store.
    return store.client.create_model_version(
        name,
        source=model.artifact_location,
        run_id=candidate.run_id,
        tags={**candidate.tags, **_metric_tags(candidate.metrics), "adapter_sha256": digest, "model_id": model.model_id},
        model_id=model.model_id,
        description=candidate.description or None,
        await_creation_for=0,
    )


def _log_model(store: Store, name: str, candidate: Candidate, digest: str) -> LoggedModel:
    """The adapter as a logged model, its files included, so that the registry outlives the trial folder."""
    client = store.client
    model = client.create_logged_model(
        store.experiment_id,
        name=name,
        source_run_id=candidate.run_id,
        tags={**candidate.tags, "adapter_sha256": digest},
        model_type="peft-adapter",
    )
    client.log_model_artifacts(model.model_id, str(candidate.adapter_dir))
    client.finalize_logged_model(model.model_id, "READY")
    for metric in scalars(candidate.metrics, int(time.time() * 1000)):
        name_ = f"test/{metric.key}"
        client.log_metric(candidate.run_id, name_, metric.value, timestamp=metric.timestamp, model_id=model.model_id)
    return model


def _metric_tags(metrics: Mapping[str, float]) -> dict[str, str]:
    """What the registry's table shows; what goes with a metric (``pass_rate_low``) is with the logged model."""
    own = [name for name in metrics if not any(name.startswith(f"{other}_") for other in metrics)]
    return {f"test.{name}": f"{metrics[name]:.4g}" for name in own}

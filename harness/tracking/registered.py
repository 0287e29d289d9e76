"""A version in the model registry, as a record: the one place that reads what MLflow gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True, slots=True)
class Registered:
    """A version in the registry, as it is found there.

    Attributes:
        name: Of the registered model.
        number: 1, 2, ...
        aliases: That point at it; complete only for a version that was asked for by its number.
        tags: As it was tagged: study, trial, folder, test scores.
        run_id: The run that trained it; empty where none is named.
        model_id: The logged model behind it; empty where none is named.
        adapter_sha256: Of the weights file, hex; empty where it is not recorded.
        artifact_uri: Its files in the store.
    """

    name: str
    number: int
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    model_id: str = ""
    adapter_sha256: str = ""
    artifact_uri: str = ""

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"

    def scores(self) -> dict[str, float]:
        """What it reached on the test functions, by metric."""
        named = {k.removeprefix("test."): v for k, v in self.tags.items() if k.startswith("test.")}
        return {name: float(value) for name, value in named.items() if _is_number(value)}


def read_version(client: MlflowClient, version: ModelVersion) -> Registered:
    """A version as MLflow gives it, as a record."""
    tags = dict(version.tags)
    return Registered(
        version.name,
        int(version.version),
        tuple(sorted(version.aliases or ())),
        tags,
        version.run_id or "",
        tags.get("model_id", ""),  # MLflow 3.17 takes model_id and does not give it back
        tags.get("adapter_sha256", ""),
        client.get_model_version_download_uri(version.name, version.version),
    )


def is_absent(error: MlflowException) -> bool:
    """MLflow says INVALID_PARAMETER_VALUE for an unknown alias, RESOURCE_DOES_NOT_EXIST for an unknown model."""
    return error.error_code in _ABSENT


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

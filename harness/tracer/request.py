"""What the tracer is asked and what it answers: two values and their JSON form. Torch-free, so that the parent may import it.

Owns the version of the tracer, which is part of every cached answer's key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.params import TrialParams
from harness.core.workload import LossPath, Workload, Writing

TRACER_VERSION = 2
"""Raised whenever the same request may give another answer."""
BAD_REQUEST = 2
"""Exit code of a tracer process that could not build or run the model."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One peak to find.

    Attributes:
        config: A model's config.json.
        workload: What the trial does with it.
        device_kind: ``cuda`` or ``host``.
        compute_bytes: Bytes of a weight that is not quantized: 2 (bf16) or 4 (fp32).
        padded: Some example of the batch is shorter than the longest, so that attention gets a mask. A batch of one
            never is.
    """

    config: Mapping[str, Any]
    workload: Workload
    device_kind: str
    compute_bytes: int
    padded: bool = False

    def to_json(self) -> str:
        """One line; `from_json` reads it back."""
        workload = asdict(self.workload) | {"params": self.workload.params.to_dict()}
        values = {
            "config": dict(self.config),
            "workload": workload,
            "device_kind": self.device_kind,
            "compute_bytes": self.compute_bytes,
            "padded": self.padded,
        }
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TraceRequest:
        """Inverse of `to_json`.

        Raises:
            ValueError: if the text is no JSON or a value is not allowed.
            KeyError: if a field is missing.
            TypeError: if a field is unknown.
        """
        values = json.loads(text)
        return cls(
            config=values["config"],
            workload=_workload(values["workload"]),
            device_kind=values["device_kind"],
            compute_bytes=values["compute_bytes"],
            padded=values["padded"],
        )

    def key(self) -> str:
        """The name of the answer: sha256 (hex) of the request and the tracer's version."""
        return hashlib.sha256(f"{TRACER_VERSION}\n{self.to_json()}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Traced:
    """What the trace found; context, workspace and fragmentation are not in it.

    Attributes:
        peak_bytes: Most bytes of tensors alive at once, each rounded up to 512 as torch's CUDA allocator does.
        phase: When: ``loss`` (forward and loss), ``backward``, ``optimizer step`` or ``writing``.
        phases: The peak of each phase, in bytes.
        terms: (name, bytes) of everything alive at the peak; their sum is `peak_bytes`.
        versions: Of torch, transformers, peft, trl and of the tracer.
        seconds: The trace took.
    """

    peak_bytes: int
    phase: str
    phases: Mapping[str, int]
    terms: tuple[tuple[str, int], ...]
    versions: Mapping[str, str]
    seconds: float

    def to_json(self) -> str:
        """One line; `from_json` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Traced:
        """Inverse of `to_json`.

        Raises:
            ValueError: if the text is no JSON.
            KeyError: if a field is missing.
        """
        values = json.loads(text)
        return cls(
            peak_bytes=values["peak_bytes"],
            phase=values["phase"],
            phases=values["phases"],
            terms=tuple((name, size) for name, size in values["terms"]),
            versions=values["versions"],
            seconds=values["seconds"],
        )


def _workload(values: dict[str, Any]) -> Workload:
    writing = values.pop("writing")
    return Workload(
        params=TrialParams.from_dict(values.pop("params")),
        loss_path=LossPath(values.pop("loss_path")),
        writing=Writing(**writing) if writing else None,
        **values,
    )

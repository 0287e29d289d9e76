"""A base with an adapter over it: freshly trained, or finished. Apart from `run`, because PEFT and TRL take seconds to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peft import PeftModel

from harness.core.params import Quantization
from harness.trial.adapters import save_adapter
from harness.trial.base import Base
from harness.trial.bases import Bases
from harness.trial.examples import open_wording
from harness.trial.readings import sha256_file
from harness.trial.spec import TrialSpec
from harness.trial.training import Training, train
from harness.trial.trial_dir import TrialDir


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model to write with.

    Attributes:
        model: A PEFT model.
        metrics: Of its training; empty where there was none.
        facts: The same in words.
    """

    model: Any
    metrics: dict[str, float]
    facts: dict[str, str]


def trained(base: Base, spec: TrialSpec, training: Training, folder: TrialDir) -> Tuned:
    """Train an adapter and save it in a trial's folder.

    Raises:
        DivergedError: as `train`, whose other errors come through too.
    """
    asked = training.spec
    done = train(base, training)
    wording = open_wording(asked.template, asked.train_files, asked.exclude_file)
    file = save_adapter(done.model, folder.adapter_dir, spec.model.public_id, wording)
    return Tuned(done.model, dict(done.metrics), {"adapter_sha256": sha256_file(file), "adapter_dtype": "float32"})


def finished(base: Base, adapter: str) -> Tuned:
    """Load a finished adapter."""
    return Tuned(PeftModel.from_pretrained(base.model, adapter), {}, {})


def ready(tuned: Tuned, base: Base, bases: Bases) -> Any:
    """The model as it writes: merged where that rounds nothing twice."""
    if base.quantization is Quantization.NONE:
        bases.merge(tuned.model)  # saves two small products a layer and token; a quantized weight would be rounded again
    return tuned.model

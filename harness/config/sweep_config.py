"""The whole sweep file as one frozen value."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from harness.config.fields import Strict
from harness.config.halving import Halving, Workers
from harness.config.promotion import Promotion
from harness.config.sections import (
    DEFAULT_OBJECTIVES,
    Data,
    Evaluation,
    Generation,
    Guard,
    Model,
    Objective,
    Study,
    Tracking,
)
from harness.config.space import Space, Training, contains
from harness.core.addresses import without_password
from harness.core.params import TrialParams
from harness.files.template_files import load_template


class SweepConfig(Strict):
    """A sweep: model, data, search space, and how trials are trained, judged, guarded and tracked."""

    model: Model
    data: Data
    space: Space
    training: Training = Training()
    generation: Generation = Generation()
    evaluation: Evaluation = Evaluation()
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, strict=False)] = DEFAULT_OBJECTIVES
    guard: Guard = Guard()
    halving: Halving = Halving()
    workers: Workers = Workers()
    study: Study = Study()
    promotion: Promotion = Promotion()
    tracking: Tracking = Tracking()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [o.name for o in self.objectives]
        if len(set(names)) != len(names):
            raise ValueError("objectives names a metric twice")
        self._check_start("training", self.default_proposal())
        for number, partial in enumerate(self.study.enqueue):
            self._check_start(f"study.enqueue[{number}]", partial)
        return self

    def _check_start(self, where: str, proposal: dict[str, Any]) -> None:
        axes = self.space.axes()
        for name, value in proposal.items():
            if name not in axes:
                raise ValueError(f"{where}: {name} is not searched; searched: {', '.join(axes)}")
            if not contains(axes[name], value):
                raise ValueError(f"{where}.{name}: {value} lies outside space.{name}, which trial 0 has to be part of")

    def default_proposal(self) -> dict[str, Any]:
        """Trial 0: the `training` values of every searched parameter."""
        base = self.base_params()
        values = {name: getattr(base, name) for name in self.space.axes()}
        if "lora_alpha" in values:
            values["lora_alpha"] = base.scaling_alpha
        if isinstance(values.get("target_modules"), tuple):
            values["target_modules"] = ",".join(values["target_modules"])
        return values

    def base_params(self) -> TrialParams:
        """The settings that a proposal is merged over."""
        return self.training.params()

    def to_json(self) -> str:
        """Every value, defaults resolved; `SweepConfig.model_validate_json` reads it back."""
        return self.model_dump_json(indent=1)

    def without_passwords(self) -> Self:
        """The same with ``***`` for the passwords in store addresses, as it may be shown and kept."""
        storage, uri = self.study.storage, self.tracking.tracking_uri
        study = self.study.model_copy(update={"storage": storage and without_password(storage)})
        tracking = self.tracking.model_copy(update={"tracking_uri": uri and without_password(uri)})
        return self.model_copy(update={"study": study, "tracking": tracking})

    def identity(self) -> str:
        """sha256 over everything that changes what a trial's figures mean; trial counts and stores do not."""
        read = self.model_dump(mode="json", exclude={"guard", "halving", "workers", "study", "promotion", "tracking"})
        read["rungs"] = [rung.model_dump(mode="json") for rung in self.halving.rungs]
        read["templates"] = {name: load_template(name).digest for name in self.prompt_templates()}
        return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()

    def prompt_templates(self) -> tuple[str, ...]:
        """Every prompt template that a trial may ask with; the one of the untuned base comes first."""
        searched = self.space.prompt_template.choices if self.space.prompt_template else ()
        return tuple(dict.fromkeys((self.training.prompt_template, *searched)))


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a sweep file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SweepConfig.model_json_schema()}

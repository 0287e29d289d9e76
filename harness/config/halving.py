"""The sections of a sweep file that say how a sweep spends its time: rungs of successive halving, and trial processes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.config.fields import Count, NonNegative, PositiveFloat, Strict
from harness.core.rungs import Rung, Rungs

Device = Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")]


class RungShares(Strict):
    """One rung: how much of a training, and of the validation functions, a trial gets before it is judged."""

    training: Annotated[float, Field(gt=0, lt=1, description="share of the optimizer steps")]
    validation: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="share of the validation functions, nested; 0: nothing is generated, the validation loss alone is judged"
    )


class Halving(Strict):
    """Asynchronous successive halving for several objectives; without rungs every trial is trained whole."""

    rungs: tuple[RungShares, ...] = Field((), strict=False, description="below the full training, lowest first")
    reduction_factor: Annotated[float, Field(gt=1)] = Field(3.0, description="one of so many trials is promoted")
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95, description="a trial is cut when it is worse at this confidence, function by function; others wait"
    )
    brackets: Count = Field(1, description="Hyperband: a share of the trials starts 1, 2, ... rungs higher")
    hopeless: bool = Field(True, description="cut what has a validation loss far outside that of the others at its rung")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        self.schedule()
        if self.brackets > len(self.rungs) + 1:
            raise ValueError(f"brackets is {self.brackets}, but there are only {len(self.rungs) + 1} rungs")
        return self

    def schedule(self) -> Rungs:
        """The rungs with the full one.

        Raises:
            ValueError: if they do not rise.
        """
        return Rungs(tuple(Rung(rung.training, rung.validation) for rung in self.rungs))


class Workers(Strict):
    """Trial processes."""

    count: Count | Literal["auto"] = Field(1, description="at once, as far as the budget allows; auto: one per device")
    devices: tuple[Device, ...] = Field((), strict=False, description="e.g. [cuda:0, cuda:1]; absent: guard.device")
    warm: bool = Field(True, description="a process keeps its base model for the next trial")
    threads: NonNegative = Field(0, description="of torch, all processes together; 0: one per core")
    stall_s: PositiveFloat = Field(1800.0, description="a trial that reports nothing for so long is ended and tried again")

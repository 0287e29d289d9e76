"""The small types every section of a sweep file is made of: strict models, bounded numbers, distributions."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

T = TypeVar("T")

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SIZE_PATTERN = r"^\d+(\.\d+)?\s*(KiB|MiB|GiB|TiB)$"
Size = Annotated[str, Field(pattern=SIZE_PATTERN, description="a size such as '3.5GiB'")]


class Strict(BaseModel):
    """A section: unknown fields are errors, values are never coerced, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Choices(Strict, Generic[T]):
    """A categorical distribution, as in Optuna."""

    choices: Annotated[tuple[T, ...], Field(min_length=1, strict=False, description="the values to choose from")]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.choices)) != len(self.choices):
            raise ValueError("choices holds a value twice")
        return self


class _Range(Strict):
    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high, step = getattr(self, "low", 0), getattr(self, "high", 0), getattr(self, "step", None)
        if low > high:
            raise ValueError(f"low ({low}) is greater than high ({high})")
        if getattr(self, "log", False):
            if low <= 0:
                raise ValueError(f"log: true needs low > 0, found {low}")
            if step not in (None, 1):
                raise ValueError("log: true and step exclude each other, as in Optuna")
        return self


class IntRange(_Range):
    """Optuna's IntDistribution: every integer low..high, both ends included."""

    low: int
    high: int
    log: bool = False
    step: Count = 1


class FloatRange(_Range):
    """Optuna's FloatDistribution: low..high, both ends included."""

    low: Annotated[float, Field(strict=False, allow_inf_nan=False)]
    high: Annotated[float, Field(strict=False, allow_inf_nan=False)]
    log: bool = False
    step: PositiveFloat | None = None


def _kind(value: Any) -> str:
    is_choices = "choices" in value if isinstance(value, dict) else isinstance(value, Choices)
    return "choices" if is_choices else "range"


IntAxis = Annotated[Annotated[IntRange, Tag("range")] | Annotated[Choices[int], Tag("choices")], Discriminator(_kind)]
FloatAxis = Annotated[Annotated[FloatRange, Tag("range")] | Annotated[Choices[float], Tag("choices")], Discriminator(_kind)]

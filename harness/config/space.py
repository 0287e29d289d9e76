"""`space` and `training`: what is searched, and what every trial starts from. Names are PEFT's and transformers'."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.config.fields import (
    Choices,
    Count,
    FloatAxis,
    FloatRange,
    IntAxis,
    IntRange,
    NonNegative,
    PositiveFloat,
    Share,
    Strict,
)
from harness.core.errors import HarnessError
from harness.core.params import PARAM_NAMES, Quantization, TrialParams
from harness.files.template_files import DEFAULT_TEMPLATE, load_template


def _known_template(name: str) -> str:
    try:
        load_template(name)
    except HarnessError as error:
        raise ValueError(f"{error.what}: {error.why}; {error.fix}") from error
    return name


TemplateName = Annotated[str, AfterValidator(_known_template)]
LaxQuantization = Annotated[Quantization, Field(strict=False)]


class Space(Strict):
    """The search space: at least one axis. An axis that is absent stays at its value under `training`."""

    r: IntAxis | None = Field(None, description="LoRA rank")
    lora_alpha: IntAxis | None = Field(None, description="LoRA alpha; absent: training.lora_alpha, or 2 x r")
    lora_dropout: FloatAxis | None = None
    target_modules: Choices[str] | None = Field(None, description="'all-linear' or names joined by commas")
    use_rslora: Choices[bool] | None = None
    learning_rate: FloatAxis | None = None
    warmup_ratio: FloatAxis | None = Field(None, description="share of the optimizer steps, 0-1")
    weight_decay: FloatAxis | None = None
    lr_scheduler_type: Choices[str] | None = None
    optim: Choices[str] | None = None
    max_grad_norm: FloatAxis | None = None
    quantization: Choices[LaxQuantization] | None = None
    per_device_train_batch_size: IntAxis | None = None
    gradient_accumulation_steps: IntAxis | None = None
    max_length: IntAxis | None = Field(None, description="tokens of prompt and completion together")
    num_train_epochs: FloatAxis | None = None
    max_steps: IntAxis | None = None
    gradient_checkpointing: Choices[bool] | None = None
    prompt_template: Choices[TemplateName] | None = Field(None, description="names of prompt templates, or paths of their files")

    def axes(self) -> dict[str, IntRange | FloatRange | Choices[Any]]:
        """Parameter name -> its distribution, searched ones only."""
        return {name: axis for name in type(self).model_fields if (axis := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if not self.axes():
            raise ValueError("the space is empty: at least one parameter has to be searched")
        for name, axis in self.axes().items():
            for value in extremes(axis):
                Training.model_validate({name: value})
        return self


class Training(Strict):
    """What every trial starts from; trial 0 uses these values for the searched parameters too."""

    r: Count = 16
    lora_alpha: Count | None = Field(None, description="absent: 2 x r")
    lora_dropout: Share = 0.0
    target_modules: str | Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = "all-linear"
    use_rslora: bool = False
    learning_rate: PositiveFloat = 2e-4
    warmup_ratio: Share = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    lr_scheduler_type: str = "linear"
    optim: str = "adamw_torch"
    max_grad_norm: PositiveFloat = 1.0
    quantization: LaxQuantization = Quantization.NONE
    per_device_train_batch_size: Count = 1
    gradient_accumulation_steps: Count = 1
    max_length: Annotated[int, Field(ge=32)] = 2048
    num_train_epochs: PositiveFloat = 1.0
    max_steps: Annotated[int, Field(ge=-1)] = Field(-1, description="optimizer steps; -1: num_train_epochs decides")
    gradient_checkpointing: bool = False
    prompt_template: TemplateName = Field(
        DEFAULT_TEMPLATE, description="chat-function, chat-signature, chat-example, completion, or the path of a template file"
    )
    packing: bool = Field(False, description="several short examples in one sequence of max_length tokens")
    logging_steps: Count = 1
    eval_steps: NonNegative = Field(0, description="optimizer steps between validation losses; 0: once, at the end")
    save_steps: NonNegative = Field(0, description="optimizer steps between checkpoints, the last 3 are kept; 0: none")
    early_stopping_patience: NonNegative = Field(0, description="validations without gain before training stops; 0: off")
    max_tests_per_example: Count = Field(5, description="oracle tests in one training answer, at most")
    max_completion_tokens: Count = Field(192, description="tokens of one training answer, at most")
    loss_path: Literal["auto", "fused", "logits", "completion"] = Field(
        "auto", description="auto: TRL's fused head on a GPU, logits of the completion alone on a CPU"
    )

    @model_validator(mode="after")
    def _stoppable(self) -> Self:
        if self.early_stopping_patience and not self.eval_steps:
            raise ValueError("early_stopping_patience needs eval_steps > 0")
        return self

    def params(self) -> TrialParams:
        """The trial settings among these fields."""
        return TrialParams.from_dict({name: getattr(self, name) for name in PARAM_NAMES})


def extremes(axis: IntRange | FloatRange | Choices[Any]) -> tuple[Any, ...]:
    """Both ends of a range, or every choice."""
    return axis.choices if isinstance(axis, Choices) else (axis.low, axis.high)


def contains(axis: IntRange | FloatRange | Choices[Any], value: Any) -> bool:
    """True when Optuna's distribution of this axis could propose `value`."""
    return value in axis.choices if isinstance(axis, Choices) else bool(axis.low <= value <= axis.high)

"""The predicted peak of a proposal: which workload its settings make on this device, and formula or tracer.

Owns the choice between the two. Whether a peak may start is `harness.sweep.gate`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.core.dtypes import cpu_dtype, dtype_bytes
from harness.core.errors import HarnessError
from harness.core.memory import DeviceProfile, MemoryEstimate, estimate_peak
from harness.core.model_shape import ModelShape
from harness.core.params import TrialParams
from harness.core.workload import LossPath, Workload, Writing
from harness.guard.traced import as_estimate
from harness.tracer.request import Traced, TraceRequest

Trace = Callable[[TraceRequest], Traced]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a prediction needs to know beside the sweep file.

    Attributes:
        model_config: The base model's config.json.
        device: Measured, or assumed, for 16-bit compute.
        cpuinfo: The text of /proc/cpuinfo: decides in which dtype a CPU trains.
        prompt_tokens: Longest prompt of the generation phase.
        trace: Runs the tracer; None leaves architectures without a formula unpredicted.
    """

    model_config: Mapping[str, Any]
    device: DeviceProfile
    cpuinfo: str = ""
    prompt_tokens: int = 512
    trace: Trace | None = None


class Predictor:
    """Estimates of one sweep.

    Args:
        config: The sweep file.
        around: Model, device, prompts.

    Attributes:
        shape: Sizes the formula works with; None for an architecture it does not know.
        unknown: Why there is no formula; empty where there is one.
    """

    def __init__(self, config: SweepConfig, around: Surroundings) -> None:
        self._config = config
        self._around = around
        self._traced: dict[str, MemoryEstimate] = {}
        self.unknown = ""
        self.shape: ModelShape | None = None
        try:
            self.shape = ModelShape.from_config(around.model_config)
        except ValueError as error:
            self.unknown = str(error)

    @property
    def device(self) -> DeviceProfile:
        """The device as measured or assumed, for 16-bit compute."""
        return self._around.device

    @property
    def source(self) -> str:
        """``formula``, ``tracer`` or ``none``."""
        if self._config.guard.estimate == "off":
            return "none"
        if self.shape is not None:
            return "formula"
        return "none" if self._around.trace is None else "tracer"

    @property
    def num_layers(self) -> int:
        """Decoder layers; 0 where config.json does not say."""
        layers = {**self._around.model_config, **self._around.model_config.get("text_config", {})}.get("num_hidden_layers", 0)
        return layers if isinstance(layers, int) else 0

    def workload(self, params: TrialParams) -> Workload:
        """What a trial with these settings does."""
        generation = self._config.generation
        return Workload(
            params,
            loss_path=self._loss_path(),
            completion_tokens=self._completion_tokens(params),
            attn_implementation=self._config.model.attn_implementation,
            double_quant=self._config.model.double_quant,
            writing=Writing(generation.batch_size, self._around.prompt_tokens, generation.max_new_tokens),
        )

    def profile(self, params: TrialParams) -> DeviceProfile:
        """The device in the dtype that a trial with these settings computes in."""
        device, asked = self._around.device, self._config.model.dtype
        dtype = asked if device.kind == "cuda" else cpu_dtype(asked, params.quantization, self._around.cpuinfo)
        width = dtype_bytes(dtype)
        if width == device.compute_bytes:
            return device
        other = DeviceProfile.cuda(width) if device.kind == "cuda" else DeviceProfile.host(width)
        return replace(other, context_bytes=device.context_bytes, workspace_bytes=device.workspace_bytes)

    def estimate(self, workload: Workload) -> MemoryEstimate | None:
        """The peak by the formula, else by the tracer; None where neither can say.

        The tracer takes seconds the first time a configuration is asked for.
        """
        profile = self.profile(workload.params)
        if self.source == "formula" and self.shape is not None:
            return estimate_peak(self.shape, workload, profile, padded=self._masked)
        if self.source == "none" or self._around.trace is None:
            return None
        compute = (profile.kind, profile.compute_bytes)
        request = TraceRequest(self._around.model_config, workload, *compute, padded=self._masked)
        key = request.key()
        if key not in self._traced:
            try:
                self._traced[key] = as_estimate(self._around.trace(request), profile, workload.params.gradient_checkpointing)
            except HarnessError as error:
                self.unknown = f"{self.unknown}; the tracer failed: {error.why}"
                self._around = replace(self._around, trace=None)
                return None
        return self._traced[key]

    def _completion_tokens(self, params: TrialParams) -> int:
        """Most labelled tokens of one sequence; packed, nearly all of them may be answers."""
        training = self._config.training
        return params.max_length if training.packing else training.max_completion_tokens

    @property
    def _masked(self) -> bool:
        """Whether attention has a mask: padding stands on the right, where nobody looks, but packed examples must not meet."""
        return self._config.training.packing

    def _loss_path(self) -> LossPath:
        asked = self._config.training.loss_path
        if asked != "auto":
            return LossPath(asked)
        return LossPath.FUSED if self._around.device.kind == "cuda" else LossPath.COMPLETION

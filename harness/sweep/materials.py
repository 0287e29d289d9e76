"""What trials are made of, opened once: data, base model, the device with its budget, and the gate they pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.console.text import gib
from harness.console.view import SweepView
from harness.core.admission import Budget, make_budget, parse_budget
from harness.core.dtypes import dtype_bytes
from harness.core.errors import ExitCode, HarnessError
from harness.core.memory import DeviceProfile
from harness.data.models import ResolvedModel, resolve_model, tokenizer_file
from harness.data.prepared.prepare import PreparedData
from harness.files.cache import default_cache_root
from harness.files.processor import cpuinfo
from harness.guard.device_profile import Measurement, ProfileAsk, measured_profile
from harness.guard.observations import ObservationStore
from harness.guard.probe import MemoryProbe
from harness.guard.select import no_gpu_reason, open_probe
from harness.guard.traced import trace_peak
from harness.sweep.asked_data import asked_data, longest_asked
from harness.sweep.gate import Gate
from harness.sweep.predict import Predictor, Surroundings
from harness.tracer.request import Traced, TraceRequest

OBSERVATIONS = "memory.jsonl"
"""Below `tracking.folder`: every peak that was ever seen there, of any study."""


@dataclass(frozen=True, slots=True)
class Materials:
    """What trials are made of.

    Attributes:
        data: The splits.
        model: The base, resolved to a folder or a hub commit.
        probe: Watches the device.
        budget: The most one trial may take.
        gate: Decides which proposals start.
        predictor: Its estimates.
        profile: Where context and fragmentation of the device come from, in words.
    """

    data: PreparedData
    model: ResolvedModel
    probe: MemoryProbe
    budget: Budget
    gate: Gate
    predictor: Predictor
    profile: str


def open_materials(
    config: SweepConfig, folder: Path, view: SweepView, environ: Mapping[str, str], data: PreparedData | None = None
) -> Materials:
    """Prepare data and model, look at the device, and set the budget.

    Args:
        config: The sweep file.
        folder: `tracking.folder`.
        view: Told what takes time.
        environ: Of this process.
        data: The splits, where they are prepared already: a step over batches.

    Raises:
        HarnessError: any of them is missing or unusable.
    """
    cache = default_cache_root(environ)
    data = data or asked_data(config, cache, view.message)
    model = resolve_model(config.model.name, config.model.revision, cache, on_step=view.message)
    probe = open_probe(usable_device(config.guard.device), environ.get("CUDA_VISIBLE_DEVICES"))
    budget = _budget(config, probe)
    measured = measured_device(config, model.config, probe, cache, environ)
    predictor = _predictor(config, (data, model, measured.profile), cache, environ)
    _say_device(config, (probe, budget), view, environ.get("CUDA_VISIBLE_DEVICES"))
    _say_estimate(predictor, view)
    memory = ObservationStore(folder / OBSERVATIONS)
    gate = Gate(predictor, budget, config.guard, memory, (f"{probe.device_name} ({probe.kind})", model.public_id))
    return Materials(data, model, probe, budget, gate, predictor, measured.provenance)


def usable_device(asked: str) -> str:
    """``auto`` is the CPU where the installed torch is a CPU build: NVML may see a GPU that no trial could use."""
    return "cpu" if asked == "auto" and version("torch").endswith("+cpu") else asked


def measured_device(
    config: SweepConfig, model_config: Mapping[str, Any], probe: MemoryProbe, cache: Path, environ: Mapping[str, str]
) -> Measurement:
    """What the watched device adds to a model's own needs, in the dtype that the sweep file asks for."""
    width = dtype_bytes(config.model.dtype) if probe.kind == "cuda" else 2
    return measured_profile(probe, ProfileAsk(model_config, width, environ, config.guard.device), cache)


def _predictor(
    config: SweepConfig, made_of: tuple[PreparedData, ResolvedModel, DeviceProfile], cache: Path, environ: Mapping[str, str]
) -> Predictor:
    data, model, device = made_of

    def trace(request: TraceRequest) -> Traced:
        return trace_peak(request, cache / "traces", environ)

    around = Surroundings(
        model.config,
        device,
        cpuinfo(),
        longest_asked(config, data, tokenizer_file(model)),
        trace,
    )
    return Predictor(config, around)


def _budget(config: SweepConfig, probe: MemoryProbe) -> Budget:
    try:
        return make_budget(config.guard.budget, probe.available(), probe.sample().total_bytes)
    except ValueError as error:
        raise HarnessError(
            f"no memory to work with on {probe.device_name}",
            why=str(error),
            fix="end what fills the device, or choose another guard.device",
            code=ExitCode.NO_MEMORY,
        ) from error


def _say_device(config: SweepConfig, on: tuple[MemoryProbe, Budget], view: SweepView, visible: str | None) -> None:
    probe, budget = on
    if config.guard.device == "auto" and probe.kind == "host":
        build = "torch is a CPU build" if usable_device("auto") == "cpu" else no_gpu_reason(visible)
        view.message(f"trials run on the CPU: {build}")
    asked = parse_budget(config.guard.budget, budget.bytes)
    if asked > budget.bytes:
        view.message(f"guard.budget is {config.guard.budget}, but {gib(budget.bytes)} are free: that is the budget")


def _say_estimate(predictor: Predictor, view: SweepView) -> None:
    if predictor.source == "none":
        why = predictor.unknown or "guard.estimate is off"
        view.message(f"no memory estimate ({why}): trials are watched, not refused beforehand")
    elif predictor.source == "tracer":
        view.message(f"no formula for this architecture ({predictor.unknown}): peaks are traced, seconds for each configuration")

"""What a plan stands on: the model's sizes, this machine or a card by name, and the gate that would judge there.

The counterpart of `harness.sweep.materials`, which opens what trials are made of: a plan needs no weights, no tokenizer
and no free GPU, and can ask about a card that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.core.admission import Budget, make_budget, parse_budget
from harness.core.dtypes import dtype_bytes
from harness.core.errors import ExitCode, HarnessError
from harness.core.gpus import Gpu, find_gpu, known_gpu
from harness.core.memory import DeviceProfile
from harness.data.lengths import CHARACTERS_PER_TOKEN
from harness.data.models import resolve_model, tokenizer_file
from harness.data.prepared.prepare import PreparedData, prepare_splits
from harness.files.cache import default_cache_root
from harness.files.places import expanded
from harness.files.processor import cpuinfo
from harness.guard.observations import ObservationStore
from harness.guard.select import open_probe
from harness.guard.traced import trace_peak
from harness.sweep.asked_data import longest_asked, prepare_ask
from harness.sweep.gate import Gate
from harness.sweep.materials import OBSERVATIONS, measured_device, usable_device
from harness.sweep.paths import Paths
from harness.sweep.predict import Predictor, Surroundings, Trace
from harness.tracer.request import Traced, TraceRequest

_GIB = 1 << 30
_PROMPT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A base model as far as a plan needs it.

    Attributes:
        public_id: What to call it.
        config: Its config.json.
        tokenizer: Its tokenizer.json, or None.
    """

    public_id: str
    config: Mapping[str, Any]
    tokenizer: Path | None = None


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A device to plan for.

    Attributes:
        name: As a person knows it.
        profile: What it adds to a model's own needs.
        budget: The most one trial may take.
        gpu: Its data sheet, where it is a card of the table.
    """

    name: str
    profile: DeviceProfile
    budget: Budget
    gpu: Gpu | None


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything a plan stands on.

    Attributes:
        config: The sweep file; its guard estimates, whatever the file says.
        model: The base.
        device: The device.
        data: The splits; None where they cannot be prepared.
        predictor: Estimates.
        gate: Judges settings as they are proposed.
        adapting: The same with ``on_risk: adapt``; None where that would ask the tracer for dozens of peaks.
        notes: What a person should know, one line each.
    """

    config: SweepConfig
    model: PlannedModel
    device: PlannedDevice
    data: PreparedData | None
    predictor: Predictor
    gate: Gate
    adapting: Gate | None
    notes: tuple[str, ...]


def survey(config: SweepConfig, gpu: str | None, environ: Mapping[str, str], say: Callable[[str], None]) -> Ground:
    """Look at everything a plan needs.

    Args:
        config: The sweep file.
        gpu: A card's name or a size such as ``4GiB``; None for this machine.
        environ: Of this process.
        say: Told, one line each, what takes time.

    Raises:
        HarnessError: BAD_INPUT for an unknown card, ENVIRONMENT for a model or GPU that cannot be had, NO_MEMORY when
            nothing is free.
    """
    notes: list[str] = []
    cache = default_cache_root(environ)
    asked = None if gpu is None else _asked_gpu(gpu)  # before anything that takes time
    model = _model(config, cache, say, notes)
    data = _data(config, cache, notes)
    device = _this_device(config, (model, cache, environ), notes) if asked is None else _other_device(config, asked, notes)
    if config.guard.estimate == "off":
        notes.append("guard.estimate is off: the sweep will refuse nothing beforehand")
    config = config.model_copy(update={"guard": config.guard.model_copy(update={"estimate": "auto"})})
    predictor = _predictor(config, (model, device, data), _tracing(cache, environ, say))
    adapting = _gate(config, predictor, (model, device), "adapt") if predictor.source == "formula" else None
    gate = _gate(config, predictor, (model, device), "prune")
    return Ground(config, model, device, data, predictor, gate, adapting, tuple(notes))


def _tracing(cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Trace:
    def trace(request: TraceRequest) -> Traced:
        say("tracing one configuration (seconds)")
        return trace_peak(request, cache / "traces", environ)

    return trace


def _predictor(config: SweepConfig, made_of: tuple[PlannedModel, PlannedDevice, PreparedData | None], trace: Trace) -> Predictor:
    model, device, data = made_of
    prompt = longest_asked(config, data, model.tokenizer) if data else _PROMPT_TOKENS
    return Predictor(config, Surroundings(model.config, device.profile, cpuinfo(), prompt, trace))


def _gate(config: SweepConfig, predictor: Predictor, subject: tuple[PlannedModel, PlannedDevice], on_risk: str) -> Gate:
    model, device = subject
    guard = config.guard.model_copy(update={"on_risk": on_risk})
    store = ObservationStore(Paths.of(config).folder / OBSERVATIONS)
    return Gate(predictor, device.budget, guard, store, (f"{device.name} ({device.profile.kind})", model.public_id))


def _model(config: SweepConfig, cache: Path, say: Callable[[str], None], notes: list[str]) -> PlannedModel:
    """The model as the sweep would resolve it; of a folder its config.json is enough."""
    name = config.model.name
    try:
        found = resolve_model(name, config.model.revision, cache, on_step=say)
    except HarnessError as error:
        file = expanded(name) / "config.json"
        if not file.is_file():
            raise
        try:
            read = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            raise error from None
        notes.append(f"only config.json was needed of {name}; a sweep would stop: {error.why}")
        notes.append(f"no tokenizer: the longest prompt is counted in characters, {CHARACTERS_PER_TOKEN:g} a token")
        return PlannedModel(file.parent.resolve().name, dict(read))
    return PlannedModel(found.public_id, found.config, tokenizer_file(found))


def _data(config: SweepConfig, cache: Path, notes: list[str]) -> PreparedData | None:
    try:
        return prepare_splits(prepare_ask(config), cache)
    except HarnessError as error:
        notes.append(f"no times, and prompts of {_PROMPT_TOKENS} tokens assumed: {error.what} ({error.why})")
        return None


def _asked_gpu(text: str) -> Gpu | int:
    """A card, or the free bytes of one that is only known by its size."""
    try:
        return parse_budget(text, 0)
    except ValueError:
        pass
    try:
        return find_gpu(text)
    except ValueError as error:
        raise HarnessError(
            f"--gpu {text!r} is neither a known card nor a size",
            why=str(error),
            fix="name one of them, or give its memory, such as --gpu 4GiB",
        ) from error


def _other_device(config: SweepConfig, asked: Gpu | int, notes: list[str]) -> PlannedDevice:
    gpu = asked if isinstance(asked, Gpu) else None
    free = asked if isinstance(asked, int) else asked.usable_bytes
    total = gpu.total_bytes if gpu else free
    name = gpu.name if gpu else f"a GPU with {free / _GIB:.3g} GiB"
    profile = DeviceProfile.cuda(dtype_bytes(config.model.dtype))
    if config.guard.device == "cpu":
        notes.append("guard.device is cpu: this sweep file does not use a GPU as it stands")
    notes.append(f"{name} is taken as idle; its context ({profile.context_bytes / _GIB:.2f} GiB) is assumed, not measured")
    return PlannedDevice(name, profile, _budget(config, (free, total), name, notes), gpu)


def _this_device(config: SweepConfig, around: tuple[PlannedModel, Path, Mapping[str, str]], notes: list[str]) -> PlannedDevice:
    model, cache, environ = around
    try:
        probe = open_probe(usable_device(config.guard.device), environ.get("CUDA_VISIBLE_DEVICES"))
    except HarnessError as error:
        fix = f"{error.fix}; or plan for a card that is not here, with --gpu a10g or --gpu 24GiB"
        raise HarnessError(error.what, why=error.why, fix=fix, code=error.code) from error
    with closing(probe):
        measured = measured_device(config, model.config, probe, cache, environ)
        notes.append(f"context and fragmentation of {probe.device_name}: {measured.provenance}")
        budget = _budget(config, (probe.available(), probe.sample().total_bytes), probe.device_name, notes)
        return PlannedDevice(probe.device_name, measured.profile, budget, known_gpu(probe.device_name))


def _budget(config: SweepConfig, sizes: tuple[int, int], device: str, notes: list[str]) -> Budget:
    free, total = sizes
    asked = config.guard.budget
    try:
        budget = make_budget(asked, free, total)
    except ValueError as error:
        why = str(error)
        fix = "end what fills the device, or plan for another one with --gpu"
        raise HarnessError(f"no memory to work with on {device}", why=why, fix=fix, code=ExitCode.NO_MEMORY) from error
    if isinstance(asked, str) and parse_budget(asked, free) > total:
        notes.append(f"guard.budget {asked} is larger than {device} ({total / _GIB:.2f} GiB): planned with what is free there")
    return budget

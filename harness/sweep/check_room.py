"""Preflight's look at this machine: memory for the smallest configuration, room on the disks, the sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from evaluation import sandbox_strength
from harness.config.space import extremes
from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check
from harness.console.text import gib
from harness.core.admission import make_budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.memory_weights import adapter_parameters
from harness.core.model_shape import ModelShape
from harness.data.models import ResolvedModel, resolve_model
from harness.files.cache import default_cache_root
from harness.files.processor import cpuinfo
from harness.guard.observations import ObservationStore
from harness.guard.probe import MemoryProbe
from harness.guard.select import open_probe
from harness.sweep.check_found import doubtful, good
from harness.sweep.gate import Gate
from harness.sweep.materials import OBSERVATIONS, measured_device, usable_device
from harness.sweep.paths import Paths
from harness.sweep.predict import Predictor, Surroundings
from harness.sweep.preflight import smallest_refusal

_MIB = 1 << 20
_STORES = 100 * _MIB
"""Both databases and the plots of a sweep."""
_PER_TRIAL = 2 * _MIB
"""Suites, tables, plots, events and log of one trial, twice: its folder and MLflow's copy."""
_FP32 = 4
_CHECKPOINT = 3  # an adapter with its two optimizer moments, in adapters
_CHECKPOINTS_KEPT = 3
_CACHE = 500 * _MIB
"""Prepared data, mutants and findings; a model of the hub has a cache of its own."""


def checked_model(config: SweepConfig, cache: Path) -> ResolvedModel:
    """The base model, as the sweep would resolve it; its weights are not loaded."""
    return resolve_model(config.model.name, config.model.revision, cache)


def memory(config: SweepConfig, model: ResolvedModel, environ: Mapping[str, str]) -> Check:
    """Whether the smallest configuration of the space fits into the budget.

    Raises:
        HarnessError: NO_MEMORY when it does not, ENVIRONMENT for a GPU that cannot be used.
    """
    with closing(open_probe(usable_device(config.guard.device), environ.get("CUDA_VISIBLE_DEVICES"))) as probe:
        gate, predictor, available = _gate(config, model, probe, environ)
        where = f"{gib(available)} allowed on {probe.device_name}"
        if predictor.source != "formula":
            why = "guard.estimate is off" if predictor.source == "none" else "peaks of this architecture have to be traced"
            return doubtful("memory", f"{where}; not estimated: {why}", "`harness plan FILE` looks closer")
        refusal = smallest_refusal(config, gate, predictor.source)
        if refusal is not None:
            raise HarnessError(
                "not even the smallest configuration of the space fits into memory",
                why=refusal.reason,
                fix="free memory, raise guard.budget, add nf4 to space.quantization, or lower max_length, batch size or r",
                code=ExitCode.NO_MEMORY,
            )
        judged = gate.judge(config.base_params())
        needs = (
            f"trial 0 needs about {gib(judged.corrected.total_bytes)}" if judged.corrected else "the smallest configuration fits"
        )
        return good("memory", f"{where}; {needs}")


def _gate(
    config: SweepConfig, model: ResolvedModel, probe: MemoryProbe, environ: Mapping[str, str]
) -> tuple[Gate, Predictor, int]:
    try:
        budget = make_budget(config.guard.budget, probe.available(), probe.sample().total_bytes)
    except ValueError as error:
        fix = "end what fills the device, or choose another guard.device"
        what = f"no memory to work with on {probe.device_name}"
        raise HarnessError(what, why=str(error), fix=fix, code=ExitCode.NO_MEMORY) from error
    measured = measured_device(config, model.config, probe, default_cache_root(environ), environ)
    around = Surroundings(model.config, measured.profile, cpuinfo())
    predictor = Predictor(config, around)
    seen = ObservationStore(Paths.of(config).folder / OBSERVATIONS)
    subject = (f"{probe.device_name} ({probe.kind})", model.public_id)
    return Gate(predictor, budget, config.guard, seen, subject), predictor, budget.bytes


def disk_of_stores(config: SweepConfig, model: ResolvedModel | None) -> Check:
    """Room at `tracking.folder` against what the sweep will write there."""
    wanted = _STORES + config.study.n_trials * (_PER_TRIAL + _adapter_bytes(config, model))
    return disk("disk: stores", Paths.of(config).folder, wanted, "tracking.folder")


def disk_of_cache(environ: Mapping[str, str]) -> Check:
    """Room in the cache."""
    return disk("disk: cache", default_cache_root(environ), _CACHE, "HARNESS_CACHE")


def disk(name: str, folder: Path, wanted_bytes: int, setting: str) -> Check:
    """Whether a folder, or the place where it would be made, can be written and has room.

    Raises:
        HarnessError: STORAGE.
    """
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        why = f"{place} is {'not writable' if place.is_dir() else 'not a folder'}"
        fix = f"repair its permissions, or point {setting} elsewhere"
        raise HarnessError(f"{folder} cannot be written", why=why, fix=fix, code=ExitCode.STORAGE)
    free = shutil.disk_usage(place).free
    if free < wanted_bytes:
        why = f"{gib(free)} free, about {gib(wanted_bytes)} wanted"
        fix = f"make room, or point {setting} elsewhere"
        raise HarnessError(f"{folder} has no room", why=why, fix=fix, code=ExitCode.STORAGE)
    return good(name, f"{gib(free)} free at {folder}, about {gib(wanted_bytes)} wanted")


def sandbox(config: SweepConfig) -> Check:
    """Whether generated tests can be run safely.

    Raises:
        HarnessError: SANDBOX.
    """
    strength = sandbox_strength()
    if strength.level == "none" and not config.evaluation.unsafe:
        raise HarnessError(
            "generated tests cannot be run safely",
            why=strength.detail,
            fix="use a kernel from 5.13 on with Landlock and seccomp; evaluation.unsafe: true runs generated tests without",
            code=ExitCode.SANDBOX,
        )
    if strength.level == "none":
        return doubtful("sandbox", f"{strength.detail}; evaluation.unsafe is true", "run this on a machine that holds nothing")
    missing = ", ".join(strength.missing)
    return doubtful("sandbox", strength.detail, f"missing here: {missing}") if missing else good("sandbox", strength.detail)


def _adapter_bytes(config: SweepConfig, model: ResolvedModel | None) -> int:
    """What one trial keeps of its largest adapter: its own copy, MLflow's, and checkpoints where they are asked for."""
    try:
        shape = ModelShape.from_config(model.config) if model else None
    except ValueError:
        shape = None
    if shape is None:
        return 64 * _MIB
    ranks = extremes(config.space.r) if config.space.r is not None else (config.training.r,)
    largest = config.base_params().merged({"r": max(ranks)})
    adapter = _FP32 * adapter_parameters(shape, largest)
    return adapter * (2 + (_CHECKPOINT * _CHECKPOINTS_KEPT if config.training.save_steps else 0))

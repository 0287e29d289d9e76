"""How long the trials of a plan take: from finished trials of the same kind where there are any, else from the roofline.

Owns the counting of work in the prepared data and the search for finished trials. The formula is `harness.core.speed`'s.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError
from harness.core.gpus import known_gpu
from harness.core.model_shape import ModelShape
from harness.core.outcome import Ending
from harness.core.params import Quantization
from harness.core.prompts import answer, prefill, question
from harness.core.speed import Lesson, Machine, Seconds, Work, trial_seconds, untuned_seconds, with_learned
from harness.core.workload import Workload
from harness.data.prepared.prepare import PreparedData
from harness.files.record_files import read_records
from harness.files.template_files import load_template
from harness.study.ledger import Told
from harness.study.store import load_ledger, open_storage, study_names
from harness.sweep.paths import Paths
from harness.sweep.plan_ground import Ground

_BASELINES = 2  # zero-shot and one-shot; naming them by import would load the scorer
_TEMPLATE_TOKENS = 20
_PROMPT_CHARACTERS, _ANSWER_CHARACTERS = 3.4, 2.5
"""Per token. Measured on HumanEval with the tokenizers of SmolLM2 and Qwen2.5: 3.3 and 3.5 in prompts, 2.4 and 2.8 in answers."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Expected times of one plan.

    Attributes:
        shape: The base model.
        work: What each trial does.
        machine: Without what finished trials teach.
        lesson: What they teach; None without any.
    """

    shape: ModelShape
    work: Work
    machine: Machine
    lesson: Lesson | None = None

    def trial(self, workload: Workload) -> Seconds:
        """One trial."""
        return self._learned(trial_seconds(self.shape, workload, self.work, self._machine(workload)))

    def baselines(self, workload: Workload) -> Seconds:
        """All untuned baselines."""
        plain = workload.with_params(quantization=Quantization.NONE)
        once = untuned_seconds(self.shape, plain, self.work, self._machine(plain))
        return self._learned(once).times(_BASELINES)

    @property
    def basis(self) -> str:
        """Where the times come from."""
        return self.lesson.basis if self.lesson else f"{self.machine.basis}, so within a factor of {self.machine.spread:g}"

    def _learned(self, seconds: Seconds) -> Seconds:
        return with_learned(seconds, self.lesson) if self.lesson else seconds

    def _machine(self, workload: Workload) -> Machine:
        # bitsandbytes has no fast int8 or nf4 on a CPU: both were as slow as fp32 where they were measured.
        slow = not self.machine.asynchronous and workload.params.quantization is not Quantization.NONE
        return Machine.of_host(_cores(), 4) if slow else self.machine


def open_clock(ground: Ground) -> tuple[Clock | None, str]:
    """The clock of a plan and where its times come from; None and the reason where there are none."""
    if ground.data is None:
        return None, "unknown: the data could not be prepared"
    if ground.predictor.shape is None:
        return None, "unknown for this architecture"
    machine = _machine(ground)
    if machine is None:
        return None, f"unknown: no data sheet of {ground.device.name}; name a card with --gpu"
    clock = Clock(ground.predictor.shape, count_work(ground.config, ground.data), machine)
    clock = replace(clock, lesson=_lesson(ground, clock))
    return clock, clock.basis


def count_work(config: SweepConfig, data: PreparedData) -> Work:
    """The work of one trial; token counts come from lengths in characters."""
    train = [record for record in read_records(data.files["train"]) if record.oracle_tests]
    settings, template = config.training, load_template(config.training.prompt_template)
    prompts = [len(question(template, r) + prefill(r)) / _PROMPT_CHARACTERS + _TEMPLATE_TOKENS for r in train]
    answers = [len(answer(r, settings.max_tests_per_example)) / _ANSWER_CHARACTERS for r in train]
    cut = [min(tokens, settings.max_completion_tokens) for tokens in answers]
    return Work(len(train), fmean(prompts or [0.0]), fmean(cut or [0.0]), data.counts["validation"])


def _machine(ground: Ground) -> Machine | None:
    device = ground.device
    if device.profile.kind == "cuda":
        return Machine.of_gpu(device.gpu) if device.gpu else None
    return Machine.of_host(_cores(), ground.predictor.profile(ground.config.base_params()).compute_bytes)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _lesson(ground: Ground, clock: Clock) -> Lesson | None:
    """What finished trials of the same model, data and device say; a store that cannot be read teaches nothing."""
    found: dict[str, list[float]] = {}
    try:
        for study, told, config in _finished(ground):
            params = config.base_params().merged(told.proposal)
            expected = clock.trial(ground.predictor.workload(params)).expected
            found.setdefault(study, []).append(_worked_s(told) / expected)
    except HarnessError:
        return None
    ratios = [ratio for each in found.values() for ratio in each]
    if not ratios:
        return None
    count = f"{len(ratios)} finished trial{'s' * (len(ratios) > 1)}"
    return Lesson.of(ratios, f"measured: {count} of {', '.join(found)} scale the roofline by {Lesson.of(ratios, '').factor:.2g}")


def _finished(ground: Ground) -> Iterator[tuple[str, Told, SweepConfig]]:
    """(study, trial, its file) of every completed trial that did the same kind of work on the same kind of device."""
    paths = Paths.of(ground.config)
    if paths.study_url.startswith("sqlite:///") and not Path(paths.study_url.removeprefix("sqlite:///")).exists():
        return
    storage = open_storage(paths.study_url)
    for name in study_names(storage):
        ledger = load_ledger(storage, name)
        try:
            config = ledger.config()
        except (HarnessError, ValueError):  # half made, of another version, or not of this project
            continue
        if not _same_work(config, ground.config):
            continue
        for told in ledger.told():
            adapted = bool((told.admission or {}).get("steps"))
            if told.ending is Ending.COMPLETED and not adapted and _same_device(paths, name, told.number, ground):
                yield name, told, config


def _same_work(one: SweepConfig, other: SweepConfig) -> bool:
    same_model = one.model == other.model
    return same_model and (one.data, one.generation, one.evaluation) == (other.data, other.generation, other.evaluation)


def _same_device(paths: Paths, study: str, number: int, ground: Ground) -> bool:
    try:
        result = paths.trial_dir(study, f"trial {number}").read_result()
    except (OSError, ValueError, TypeError):
        return False
    name = result.facts.get("device_name", "") if result else ""
    if ground.device.profile.kind != "cuda":
        return name == platform.machine()
    return name == ground.device.name or (ground.device.gpu is not None and known_gpu(name) == ground.device.gpu)


def _worked_s(told: Told) -> float:
    """Seconds that a trial took without its waits between rungs."""
    worked = told.metrics.get("trial_runtime_s")
    return told.duration_s if worked is None else worked + told.metrics.get("score_runtime_s", 0.0)

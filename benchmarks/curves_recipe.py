"""What a curve is recorded with: data, model and settings of the sweep file, and the header that says so.

Owns the translation into a trial's spec and the scorer's settings, as `harness.sweep.specs` and `harness.sweep.scoring` do it.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from curves_problem import MAX_STEPS, RUNG_STEPS, SOBOL_SEED, SPACE, TRAIN_SEED, Configuration, sweep_config
from curves_table import FORMAT, Line

from evaluation import ScoreSettings
from evaluation.score import tools
from harness.config.sweep_config import SweepConfig
from harness.core.admission import parse_budget
from harness.core.params import Quantization
from harness.data.models import ResolvedModel, resolve_model
from harness.data.prepared.folder import PreparedData
from harness.files.cache import default_cache_root
from harness.files.processor import processor_name
from harness.files.record_files import read_records
from harness.files.template_files import load_template
from harness.sweep.asked_data import asked_data
from harness.sweep.scoring import evaluation_cache
from harness.trial.base import choose_dtype
from harness.trial.readings import versions
from harness.trial.spec import GenerateSpec, ModelSpec, TrainSpec, TrialSpec

SCORED_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """What every curve has in common.

    Attributes:
        config: The sweep file.
        data: Its splits.
        model: Its base.
        cache: The cache folder.
        threads: Of torch.
    """

    config: SweepConfig
    data: PreparedData
    model: ResolvedModel
    cache: Path
    threads: int

    @classmethod
    def open(cls, threads: int) -> Recipe:
        """Prepare data and model, or find them prepared.

        Raises:
            HarnessError: if they are missing or unusable.
        """
        config, cache = sweep_config(), default_cache_root(os.environ)
        data = asked_data(config, cache, _say)
        return cls(config, data, resolve_model(config.model.name, config.model.revision, cache, on_step=_say), cache, threads)

    def spec(self, configuration: Configuration) -> TrialSpec:
        """As a sweep writes it for a trial."""
        settings, data = self.config.training, self.data
        params = configuration.params(self.config.base_params())
        exclude = str(data.exclude_file) if data.exclude_file else None
        template = load_template(params.prompt_template).to_dict()
        train = TrainSpec(
            params,
            tuple(map(str, data.train_files)),
            str(data.files["validation"]),
            max_tests_per_example=settings.max_tests_per_example,
            max_completion_tokens=settings.max_completion_tokens,
            exclude_file=exclude,
            template=template,
            token_cache=str(self.cache / "tokens"),
        )
        generation = self.config.generation
        writing = GenerateSpec(
            train.validation_file,
            example_files=train.train_files,
            max_new_tokens=generation.max_new_tokens,
            batch_size=generation.batch_size,
            exclude_file=exclude,
            template=template,
        )
        model = ModelSpec(self.model.path, self.model.public_id, quantization=params.quantization.value)
        return TrialSpec(f"curve {configuration.index}", TRAIN_SEED, model, writing, train, threads=self.threads)

    def scoring(self) -> ScoreSettings:
        """As a sweep scores."""
        asked = self.config.evaluation
        return ScoreSettings(
            mutants_per_function=None if asked.mutants_per_function == "all" else asked.mutants_per_function,
            seed=0,
            suite_timeout_s=asked.suite_timeout_s,
            mutant_timeout_s=asked.mutant_timeout_s,
            memory_bytes=parse_budget(asked.memory, 0),
            sandbox=asked.sandbox,
            workers=SCORED_AT_ONCE,
            cache_dir=evaluation_cache(os.environ),
        )

    def header(self, workers: int) -> Line:
        """The first line of the table: device, versions, space, rungs, data, functions.

        Args:
            workers: Configurations recorded at a time.
        """
        base, dtype = self.config.base_params(), self.config.model.dtype
        return {
            "format": FORMAT,
            "date": datetime.now(UTC).date().isoformat(),
            "device": {"cpu": processor_name(), "cores": len(os.sched_getaffinity(0))}
            | {"threads": self.threads, "workers": workers},
            "versions": {**_versions(), "scoring": tools()},
            "model": self.model.public_id,
            "dtype": {q.value: str(choose_dtype(dtype, "cpu", q)).removeprefix("torch.") for q in Quantization},
            "space": SPACE,
            "sequence": {"kind": "sobol", "scramble": True, "seed": SOBOL_SEED},
            "rung_steps": list(RUNG_STEPS),
            "params": base.merged({"max_steps": MAX_STEPS}).to_dict(),
            "seed": TRAIN_SEED,
            "scoring": self.scoring().to_dict(),
            "data": {"source": self.config.data.source, "digest": self.data.digest, "counts": dict(self.data.counts)},
            "functions": [record.id for record in read_records(self.data.files["validation"])],
        }


def _versions() -> dict[str, str]:
    kept = {name: value for name, value in versions().items() if name != "device_name"}
    return {"python": platform.python_version(), **kept, "optuna": version("optuna")}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")

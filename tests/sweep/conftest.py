"""Fixtures of whole sweeps; what they are made of stands in `sweep_place`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sweep_place import Place, stocked

MAKE_GPT2 = """
import sys
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
tokenizer.save_pretrained(sys.argv[2])
config = GPT2Config(vocab_size=len(tokenizer), n_embd=256, n_layer=8, n_head=8, n_positions=1024, bos_token_id=1, eos_token_id=1)
GPT2LMHeadModel(config).save_pretrained(sys.argv[2])
"""


@pytest.fixture(scope="session")
def tiny_gpt2(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    subprocess.run([sys.executable, "-c", MAKE_GPT2, str(tiny_model), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without a run: copying it takes milliseconds, making it four seconds of work."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("migrated")
    MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder


@pytest.fixture
def place(tmp_path: Path, cache: Path, migrated: Path) -> Place:
    return Place(stocked(tmp_path, migrated), cache)


@pytest.fixture(scope="session")
def known_place(tmp_path_factory: pytest.TempPathFactory, cache: Path, migrated: Path) -> Place:
    """A folder that several tests share: their studies differ in name, and the first one measures the untuned base for all."""
    return Place(stocked(tmp_path_factory.mktemp("known"), migrated), cache)

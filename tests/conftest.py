"""Fixtures for more than one folder: real data beside the project, and a migrated study store to copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAKE_MODEL = """
import sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
import torch
out = sys.argv[1]
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
vocab = {c: i for i, c in enumerate(["<pad>", "<eos>", *alphabet])}
raw = Tokenizer(models.BPE(vocab=vocab, merges=[]))
raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")
tokenizer.chat_template = "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '\\n' }}{% endfor %}assistant:"
tokenizer.save_pretrained(out)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=len(vocab), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=1024, pad_token_id=0, eos_token_id=1, bos_token_id=1,
)
LlamaForCausalLM(config).save_pretrained(out)
"""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets; a test that needs them skips where they are absent."""
    place = Path(os.environ.get("HARNESS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not place.is_dir():
        pytest.skip(f"no shared data at {place} (set HARNESS_SHARED_DATA)")
    return place


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from harness.study.store import open_storage

    path = tmp_path_factory.mktemp("store") / "study.db"
    open_storage(f"sqlite:///{path}")
    return path


@pytest.fixture
def new_study_url(_migrated: Path, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of empty study stores; copying one takes milliseconds, migrating one a second."""
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        path = tmp_path / f"study-{made}.db"
        shutil.copyfile(_migrated, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(folder)], check=True, capture_output=True, timeout=120)
    return folder

"""The measuring child: what it says at each stage, and that it waits. Its training runs on the CPU, in a fork with torch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.trial.measure import MeasureAsk, go_file, main, read_stage, stage_file, write_ask

CONFIG = {"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 9, "num_attention_heads": 4}
CONFIG |= {"num_key_value_heads": 2, "head_dim": 16, "vocab_size": 500, "layer_types": ["full_attention"] * 9}


def test_a_wrong_command_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_child_waits_to_be_looked_at(tmp_path: Path) -> None:
    write_ask(tmp_path, MeasureAsk("cpu", 2, CONFIG))
    assert read_stage(tmp_path, "ready") is None
    argv = (sys.executable, "-m", "harness.trial.measure", str(tmp_path))
    with subprocess.Popen(argv, env=dict(os.environ), stderr=subprocess.PIPE, text=True) as child:
        while child.poll() is None and not stage_file(tmp_path, "ready").exists():
            time.sleep(0.05)
        assert child.poll() is None, child.communicate()[1]
        go_file(tmp_path, "ready").touch()
        assert child.wait(60) == 0
    facts = read_stage(tmp_path, "ready")
    assert facts is not None
    assert (facts.reserved_bytes, facts.device_name) == (0, "cpu")
    assert facts.torch.startswith("2.")
    assert read_stage(tmp_path, "trained") is None  # a host has no allocator that could be asked


@pytest.mark.parametrize("kind", ["qwen3", "gemma3_text"])
def test_two_layers_of_any_model_are_trained(kind: str, fork_server: Any, tmp_path: Path) -> None:
    config = {**CONFIG, "model_type": kind}
    code = (
        "from pathlib import Path\nfrom harness.trial import short_training\n"
        f"short_training.train_two_layers({config!r}, 4, Path({str(tmp_path)!r}), 'cpu')\n"
    )
    log = tmp_path / "log.txt"
    started = fork_server.ask(folder=None, log=str(log), preamble=code)
    assert fork_server.ask(pid=started["pid"], seconds=60) == {"code": 0}, log.read_text()[-3000:]

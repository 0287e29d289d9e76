"""Every file name of a trial folder, and atomic writes into it. Torch-free: both sides import it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.trial.spec import TrialResult, TrialSpec

PROMPT_FILE = "prompt_template.json"
"""In an adapter's folder, the prompt it was trained with: ``template`` (`Template.to_dict`), ``digest``, and ``examples``, the
records it showed."""


@dataclass(frozen=True, slots=True)
class TrialDir:
    """A trial folder. The child gets its path as the only argument."""

    path: Path

    @property
    def spec_file(self) -> Path:
        """trial.json: written by the parent, read by the child."""
        return self.path / "trial.json"

    @property
    def result_file(self) -> Path:
        """result.json: written once by the child, atomically, as its last act."""
        return self.path / "result.json"

    @property
    def events_file(self) -> Path:
        """events.jsonl: one JSON object a line, streamed by the child (see `harness.trial.events`)."""
        return self.path / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """log.txt: the child's stdout and stderr."""
        return self.path / "log.txt"

    @property
    def suites_file(self) -> Path:
        """suites.jsonl: one `GeneratedSuite` a line."""
        return self.path / "suites.jsonl"

    @property
    def adapter_dir(self) -> Path:
        """adapter/: adapter_model.safetensors and adapter_config.json."""
        return self.path / "adapter"

    @property
    def checkpoints_dir(self) -> Path:
        """checkpoints/: resumable training states."""
        return self.path / "checkpoints"

    @property
    def scores_file(self) -> Path:
        """scores.json: the parent's report of the executed suites."""
        return self.path / "scores.json"

    def write_spec(self, spec: TrialSpec) -> None:
        """Write trial.json, making the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomic(self.spec_file, spec.to_json())

    def read_spec(self) -> TrialSpec:
        """Read trial.json."""
        return TrialSpec.from_json(self.spec_file.read_text("utf-8"))

    def remove_checkpoints(self) -> None:
        """Remove checkpoints/, once its trial will never go on; harmless where there is none."""
        shutil.rmtree(self.checkpoints_dir, ignore_errors=True)

    def write_result(self, result: TrialResult) -> None:
        """Write result.json."""
        write_atomic(self.result_file, result.to_json())

    def read_result(self) -> TrialResult | None:
        """Read result.json; None when the child did not live to write one."""
        return TrialResult.from_json(self.result_file.read_text("utf-8")) if self.result_file.exists() else None


def write_atomic(path: Path, text: str) -> None:
    """Write to a temporary name beside `path`, then rename: a reader sees the old file or the new, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)

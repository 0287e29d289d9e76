"""Owns the file in which incremental training is remembered from one sweep to the next, and the lock around it.

``tracking.folder``/steps/NAME/: state.json, steps.png. The values are `harness.core.steps`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import StepsState
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths
from harness.trial.trial_dir import write_atomic

FORMAT = "harness-steps/1"


@dataclass(frozen=True, slots=True)
class _File:
    format: str
    state: StepsState


_ADAPTER = TypeAdapter(_File)


@dataclass(frozen=True, slots=True)
class StepsFolder:
    """Where the steps of a name are remembered."""

    path: Path

    @classmethod
    def of(cls, paths: Paths, name: str) -> StepsFolder:
        """Below `tracking.folder`."""
        return cls(paths.folder / "steps" / name)

    @property
    def state_file(self) -> Path:
        """state.json."""
        return self.path / "state.json"

    @property
    def plot_file(self) -> Path:
        """steps.png: scores by step."""
        return self.path / "steps.png"

    def read(self) -> StepsState | None:
        """What is remembered; None before the first step.

        Raises:
            HarnessError: CONFLICT when the file cannot be understood.
        """
        if not self.state_file.exists():
            return None
        try:
            read = _ADAPTER.validate_json(self.state_file.read_bytes())
        except (OSError, ValidationError) as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise self._unusable(why) from error
        if read.format != FORMAT:
            raise self._unusable(f"its format is {read.format!r}, this version knows {FORMAT}")
        return read.state

    def write(self, state: StepsState) -> None:
        """Remember; a reader sees the old file or the new one.

        Raises:
            HarnessError: STORAGE.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomic(self.state_file, _ADAPTER.dump_json(_File(FORMAT, state), indent=1).decode() + "\n")
        except OSError as error:
            raise HarnessError(
                f"{self.state_file} cannot be written",
                why=error.strerror or str(error),
                fix="free some disk space, or repair the permissions of tracking.folder",
                code=ExitCode.STORAGE,
            ) from error

    def locked(self) -> StudyLock:
        """The lock that one sweep at a time holds.

        Raises:
            HarnessError: CONFLICT while another process does a step.
        """
        lock = StudyLock(self.path)
        if not lock.acquire():
            raise HarnessError(
                f"a step of {self.path.name!r} is under way already",
                why=f"process {lock.holder()} holds its lock",
                fix="wait for it",
                code=ExitCode.CONFLICT,
            )
        return lock

    def require_free(self) -> None:
        """Look whether a step could be done now; makes no folder.

        Raises:
            HarnessError: CONFLICT, as `locked`.
        """
        if self.path.is_dir():
            self.locked().release()

    def _unusable(self, why: str) -> HarnessError:
        return HarnessError(
            f"{self.state_file} cannot be understood",
            why=why,
            fix="restore it from a backup, or start anew with another study.name",
            code=ExitCode.CONFLICT,
        )

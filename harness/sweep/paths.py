"""Where a sweep keeps things; every default path is made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.trial.trial_dir import TrialDir


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders and store addresses of a sweep.

    Attributes:
        folder: `tracking.folder`.
        study_url: Optuna storage.
        tracking_uri: MLflow store.
    """

    folder: Path
    study_url: str
    tracking_uri: str

    @classmethod
    def of(cls, config: SweepConfig) -> Paths:
        """The paths a sweep file asks for; a folder is relative to the working directory."""
        return cls.at(Path(config.tracking.folder), config.study.storage, config.tracking.tracking_uri)

    @classmethod
    def at(cls, folder: Path, study_url: str | None = None, tracking_uri: str | None = None) -> Paths:
        """The paths below `folder`, with either store elsewhere when it is given."""
        root = folder.absolute()
        return cls(root, study_url or f"sqlite:///{root}/study.db", tracking_uri or f"sqlite:///{root}/mlflow.db")

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts."""
        return self.folder / "artifacts"

    @property
    def trials(self) -> Path:
        """Trial folders: STUDY/LABEL."""
        return self.folder / "trials"

    @property
    def adapters(self) -> Path:
        """Promoted adapters, ready to use: NAME/vVERSION."""
        return self.folder / "adapters"

    def trial_dir(self, study: str, label: str) -> TrialDir:
        """The folder of one trial or baseline."""
        return TrialDir(self.trials / study / label.replace(" ", "-"))

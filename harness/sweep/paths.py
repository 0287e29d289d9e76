"""Where a sweep keeps things; every default path is made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.core.addresses import HIDDEN
from harness.core.errors import HarnessError
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

    @property
    def promotions(self) -> Path:
        """Locks of registered models: NAME/.lock."""
        return self.folder / ".promotions"

    def trial_dir(self, study: str, label: str) -> TrialDir:
        """The folder of one trial or baseline."""
        return TrialDir(self.trials / study / label.replace(" ", "-"))

    def require_study_store(self) -> None:
        """Reading must not create an empty database.

        Raises:
            HarnessError: BAD_INPUT.
        """
        file = Path(self.study_url.removeprefix("sqlite:///"))
        if self.study_url.startswith("sqlite:///") and not file.exists():
            raise HarnessError(
                f"there is no study store at {file}",
                why="no sweep has run there",
                fix="run `harness sweep FILE` first, or name the place with --folder or --storage",
            )


def remembered_uri(config: SweepConfig, study: str) -> str | None:
    """The MLflow store that a study was created with; None is the default of its folder.

    Raises:
        HarnessError: BAD_INPUT where the address was kept without its password.
    """
    uri = config.tracking.tracking_uri
    if uri and HIDDEN in uri:
        raise HarnessError(
            f"the MLflow store of study {study!r} needs its password",
            why=f"{uri} is kept without it",
            fix="give the whole address with --tracking-uri",
        )
    return uri

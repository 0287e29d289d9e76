"""What MLflow holds of one study, as values to compare with; and the few corrections that only a repair makes.

Owns that reading. What a sweep writes is `harness.tracking.tracker`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException

from harness.core.outcome import Ending
from harness.tracking.runs import now_ms
from harness.tracking.store import Store

PAUSED_STATUS = "SCHEDULED"
"""Of the run of a trial that waits at a rung, see `Tracker.pause_run`."""
_STATUS = {Ending.FAILED: "FAILED", Ending.INTERRUPTED: "KILLED", Ending.STOPPED: "KILLED"}


def status_of(ending: Ending) -> str:
    """MLflow's status of a run whose trial ended so, as `Tracker.finish_run` sets it."""
    return _STATUS.get(ending, "FINISHED")


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run of the study.

    Attributes:
        run_id: Its id.
        name: As the UI shows it.
        kind: ``sweep``, ``trial``, ``baseline`` or ``promotion``.
        trial: Number of its trial; None where it is not of kind ``trial``.
        status: MLflow's: RUNNING, SCHEDULED, FINISHED, FAILED, KILLED.
        outcome: `Ending` as a tag; None while it is open.
        deleted: Whether a person has deleted it; MLflow keeps it until `mlflow gc`.
        metrics: Latest scalars.
        started: Milliseconds since the epoch.
    """

    run_id: str
    name: str
    kind: str
    trial: int | None
    status: str
    outcome: str | None
    deleted: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    started: int = 0


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version in the registry that came out of the study.

    Attributes:
        name: Of the registered model.
        number: 1, 2, ...
        trial: The trial it came from; None where its tag says nothing readable.
        run_id: The run that trained it.
        folder: Where it was exported to.
        adapter_sha256: Of its weights.
        champion: Whether the alias points at it.
    """

    name: str
    number: int
    trial: int | None
    run_id: str
    folder: str
    adapter_sha256: str
    champion: bool


class Survey:
    """Reads what MLflow holds of a study.

    Args:
        store: Opened store.
        study: Its name, the tag of every run.
    """

    def __init__(self, store: Store, study: str) -> None:
        self._client = store.client
        self._experiment_id = store.experiment_id
        self._study = study.replace("'", "''")

    def runs(self) -> tuple[KnownRun, ...]:
        """Every run of the study, deleted ones too, newest first."""
        query, found, page = f"tags.study = '{self._study}'", list[Run](), None
        while True:
            order = ["attributes.start_time DESC"]
            got = self._client.search_runs([self._experiment_id], query, ViewType.ALL, 5_000, order, page)
            found += got
            page = got.token
            if not page:
                return tuple(_known(run) for run in found)

    def versions(self) -> tuple[KnownVersion, ...]:
        """Every registry version that came out of the study."""
        found = []
        for version in self._client.search_model_versions(f"tags.study = '{self._study}'"):
            tags, number = version.tags, int(version.version)
            whole = self._client.get_registered_model(version.name)
            trial, folder, digest = _number(tags.get("trial")), tags.get("folder", ""), tags.get("adapter_sha256", "")
            champion = str(whole.aliases.get("champion")) == str(number)
            found.append(KnownVersion(version.name, number, trial, version.run_id or "", folder, digest, champion))
        return tuple(found)

    def is_registered(self, name: str, number: int) -> bool:
        """Whether the registry holds a version."""
        try:
            self._client.get_model_version(name, str(number))
        except MlflowException:
            return False
        return True

    def correct(self, run_id: str, figures: Mapping[str, float]) -> None:
        """Make figures the latest ones of a run; what was there stays in its history."""
        latest = self._client.get_run(run_id).data.metrics
        for name, value in figures.items():
            if name in latest and latest[name] == value:
                continue
            history = self._client.get_metric_history(run_id, name) if name in latest else []
            step = max((known.step for known in history), default=0)
            after = max((known.timestamp for known in history if known.step == step), default=0) + 1
            self._client.log_metric(run_id, name, value, timestamp=max(after, now_ms()), step=step)

    def delete(self, run_id: str) -> None:
        """Put a run among the deleted ones, where MLflow keeps it until `mlflow gc`."""
        self._client.delete_run(run_id)

    def restore(self, run_id: str) -> None:
        """Take a run back from the deleted ones."""
        self._client.restore_run(run_id)


def _known(run: Run) -> KnownRun:
    tags = run.data.tags
    kind = tags.get("kind", "")
    trial = _number(tags.get("trial")) if kind == "trial" else None
    return KnownRun(
        run.info.run_id,
        str(run.info.run_name),
        kind,
        trial,
        run.info.status,
        tags.get("outcome"),
        run.info.lifecycle_stage == "deleted",
        dict(run.data.metrics),
        run.info.start_time or 0,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None

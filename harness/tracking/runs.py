"""Single runs of one study in MLflow: making, finding, tagging, closing them. Everything here may be repeated after a crash.

Owns MLflow's limits and the form that parameters and tags take. What a sweep's runs mean is `harness.tracking.tracker`'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.metrics import scalars
from harness.tracking.run_files import table_tag
from harness.tracking.store import Store

MAX_PARAM_CHARS = 6000
_MAX_TAG_CHARS = 8000
_PER_BATCH = 100  # parameters or tags in one log_batch


class Runs:
    """The runs of a study.

    Args:
        store: Opened store.
        study: Stands as a tag on every run.
    """

    def __init__(self, store: Store, study: str) -> None:
        self._client = store.client
        self._experiment_id = store.experiment_id
        self._study = study

    def create(self, name: str, tags: Mapping[str, str]) -> str:
        """Make a run.

        Returns:
            Its id.
        """
        made = {t.key: t.value for t in _tags({**tags, "study": self._study})}
        return str(self._client.create_run(self._experiment_id, tags=made, run_name=name).info.run_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Write the parameters that a run does not have; MLflow lets none be changed."""
        known = self.get(run_id).data.params
        entries = [Param(key, _text(value, MAX_PARAM_CHARS)) for key, value in params.items() if key not in known]
        for start in range(0, len(entries), _PER_BATCH):
            self._client.log_batch(run_id, params=entries[start : start + _PER_BATCH], synchronous=True)

    def get(self, run_id: str) -> Run:
        """Read a run.

        Raises:
            HarnessError: there is none of that id.
        """
        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            raise HarnessError(
                f"MLflow has no run {run_id}",
                why=str(error).splitlines()[0],
                fix="start the sweep without a run id, or point tracking at the store that holds it",
                code=ExitCode.CONFLICT,
            ) from error

    def search(self, condition: str, *, limit: int = 50_000) -> list[Run]:
        """Runs of the study, newest first; one page of MLflow holds 50 000, far above any sweep."""
        quoted = self._study.replace("'", "''")
        query = f"tags.study = '{quoted}' and {condition}"
        order = ["attributes.start_time DESC"]
        return list(self._client.search_runs([self._experiment_id], query, max_results=limit, order_by=order))

    def log(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str], *, step: int | None = None) -> Run:
        """Write scalars and tags that are not there yet; what is not finite is left out.

        Args:
            run_id: The run.
            metrics: Name -> value.
            tags: Name -> text.
            step: Optimizer step; None for scalars of the whole run, which stand at step 0 unless the run shows them already.

        Returns:
            The run as it was before.
        """
        run = self.get(run_id)
        given = scalars(metrics, now_ms(), step or 0)
        if step is None:
            given = [metric for metric in given if run.data.metrics.get(metric.key) != metric.value]
        fresh = [metric for metric in given if not self._is_logged(run, metric)]
        changed = [tag for tag in _tags(tags) if run.data.tags.get(tag.key) != tag.value]
        if fresh or changed:
            self._client.log_batch(run_id, metrics=fresh, tags=changed, synchronous=True)
        return run

    def close(self, run: Run, status: str) -> None:
        """Give a run its final status; one that has it keeps the time at which it ended."""
        if run.info.status != status:
            self._client.set_terminated(run.info.run_id, status, now_ms())

    def set_status(self, run_id: str, status: str) -> None:
        """Give a run a status that is not final."""
        self._client.update_run(run_id, status=status)

    def upload(self, run_id: str, folder: str, tables: Sequence[str]) -> None:
        """Store the files of a folder, and say which of them are tables."""
        self._client.log_artifacts(run_id, folder)
        if tables:
            self._client.set_tag(run_id, *table_tag(tables))

    def _is_logged(self, run: Run, metric: Metric) -> bool:
        """Whether a run's newest value at this step is this one; asks for the history of metrics that the run has at all."""
        if metric.key not in run.data.metrics:
            return False
        history = self._client.get_metric_history(run.info.run_id, metric.key)
        newest = max((known for known in history if known.step == metric.step), key=lambda known: known.timestamp, default=None)
        return newest is not None and newest.value == metric.value


def _text(value: Any, limit: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | tuple | dict) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _tags(values: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, _text(value, _MAX_TAG_CHARS)) for key, value in values.items()]


def now_ms() -> int:
    """Milliseconds since the epoch, as MLflow counts."""
    return int(time.time() * 1000)

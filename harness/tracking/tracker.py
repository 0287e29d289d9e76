"""Runs in MLflow: one parent per sweep, one child per trial and per untuned baseline.

Owns which run exists, its parameters, tags, metrics and status. Files belong to `artifacts`, the registry to `registry`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.pareto import Objective
from harness.tracking.artifacts import RunFiles, table_tag, write_run_files, write_sweep_files
from harness.tracking.datasets import Split, as_input
from harness.tracking.metrics import MetricBuffer, final_metrics
from harness.tracking.points import TrialPoint, front_markdown
from harness.tracking.store import Store
from harness.trial.events import Event

KIND_TRIAL = "trial"
KIND_BASELINE = "baseline"
MAX_PARAM_CHARS = 6000
_MAX_TAG_CHARS = 8000
_PER_BATCH = 100  # parameters or tags in one log_batch
_STATUS = {Ending.FAILED: "FAILED", Ending.INTERRUPTED: "KILLED"}


class Tracker:
    """Writes one sweep into a store.

    Args:
        store: Opened store.
        study: Name of the study; stands as a tag on every run.
        flush_seconds: At most this long between two writes of a running trial's metrics.
    """

    def __init__(self, store: Store, study: str, *, flush_seconds: float = 5.0) -> None:
        self._store = store
        self._client: MlflowClient = store.client
        self._study = study
        self._buffer = MetricBuffer(store.client, every=flush_seconds)
        self._sweep: str | None = None
        self._inputs: list[DatasetInput] = []

    @property
    def sweep_run(self) -> str:
        """Id of the parent run.

        Raises:
            RuntimeError: if neither `start_sweep` nor `resume_sweep` was called.
        """
        if self._sweep is None:
            raise RuntimeError("no sweep run yet: call start_sweep or resume_sweep first")
        return self._sweep

    def start_sweep(
        self, name: str, *, params: Mapping[str, Any], tags: Mapping[str, str], config_text: str, datasets: Sequence[Split]
    ) -> str:
        """Make the parent run.

        Args:
            name: Shown in the UI.
            params: What is fixed for the whole sweep.
            tags: Seed, git state, versions, hardware; see `provenance`.
            config_text: The resolved sweep file; kept as ``sweep.yaml``.
            datasets: The splits.

        Returns:
            The run's id.
        """
        self._inputs = [as_input(split) for split in datasets]
        self._sweep = self._create(name, params, {**tags, "kind": "sweep"})
        self._client.log_inputs(self._sweep, self._inputs)
        self._client.log_text(self._sweep, config_text, "sweep.yaml")
        return self._sweep

    def resume_sweep(self, run_id: str) -> str:
        """Take up a parent run that an earlier process left.

        Raises:
            HarnessError: no such run, or it belongs to another study.
        """
        run = self._get(run_id)
        if run.data.tags.get("study") != self._study or run.data.tags.get("kind") != "sweep":
            raise HarnessError(
                f"run {run_id} is not the sweep run of study {self._study!r}",
                why=f"its tags say study={run.data.tags.get('study')!r}, kind={run.data.tags.get('kind')!r}",
                fix="give the study another name, or start without the run id",
                code=ExitCode.CONFLICT,
            )
        self._client.update_run(run_id, status="RUNNING")
        self._inputs = list(run.inputs.dataset_inputs) if run.inputs else []
        self._sweep = run_id
        return run_id

    def find_sweep(self) -> str | None:
        """Id of the newest parent run of the study, finished or not; None where there is none."""
        found = self._search("tags.kind = 'sweep'", limit=1)
        return found[0].info.run_id if found else None

    def start_run(self, label: str, *, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Make a child run for a trial, or for a baseline.

        Args:
            label: Shown in the UI, e.g. ``trial 3``.
            params: Effective settings.
            tags: ``kind`` (`KIND_TRIAL`, `KIND_BASELINE`; a trial by default), trial number, seed, device; ``split``, the
                functions that are written for where nothing is trained.

        Returns:
            The run's id.
        """
        parent = {"mlflow.parentRunId": self.sweep_run}
        run_id = self._create(label, params, {"kind": KIND_TRIAL, **tags, **parent})
        trained = tags.get("kind", KIND_TRIAL) == KIND_TRIAL
        wanted = ("train", "validation") if trained else (tags.get("split", "validation"),)
        inputs = [given for given in self._inputs if given.dataset.name in wanted]
        if inputs:
            self._client.log_inputs(run_id, inputs)
        return run_id

    def reopen_run(self, run_id: str) -> None:
        """Take up a child run that was interrupted."""
        self._client.update_run(run_id, status="RUNNING")

    def log_events(self, run_id: str, events: Iterable[Event]) -> None:
        """Take in what a running trial streamed; written in batches, at most every few seconds.

        Call it on every turn of the loop, with whatever is new, so that waiting metrics leave on time.
        """
        self._buffer.add(run_id, events)

    def log_artifacts(self, run_id: str, files: RunFiles) -> None:
        """Store the files of a child run."""
        with TemporaryDirectory(prefix="harness-artifacts-") as folder:
            tables = write_run_files(files, Path(folder))
            self._upload(run_id, folder, tables)
        if files.adapter_dir is not None and files.adapter_dir.is_dir():
            self._client.log_artifacts(run_id, str(files.adapter_dir), "adapter")

    def finish_run(
        self, run_id: str, outcome: Outcome, *, metrics: Mapping[str, float] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Close a child run: FINISHED when completed or pruned, FAILED for infrastructure, KILLED when interrupted.

        Args:
            run_id: The child run.
            outcome: Its ending, reason and metrics.
            metrics: Further scalars.
            tags: Further tags.
        """
        left_out = self._buffer.close(run_id)
        extra = {"nonfinite_metrics": ", ".join(left_out)} if left_out else {}
        ended = {"outcome": outcome.ending.value, "reason": outcome.reason}
        scalars = final_metrics({**outcome.metrics, **(metrics or {})}, _now())
        self._client.log_batch(run_id, metrics=scalars, tags=_tags({**(tags or {}), **extra, **ended}), synchronous=True)
        self._client.set_terminated(run_id, _STATUS.get(outcome.ending, "FINISHED"), _now())

    def finish_sweep(
        self,
        points: Sequence[TrialPoint],
        objectives: Sequence[Objective],
        outcome: Outcome,
    ) -> None:
        """Draw the front and close the parent run.

        Args:
            points: Every completed trial and every baseline.
            objectives: In the order of `TrialPoint.values`.
            outcome: Of the sweep itself; ``completed``, ``interrupted`` or ``failed``.
        """
        with TemporaryDirectory(prefix="harness-sweep-") as folder:
            tables = write_sweep_files(points, objectives, Path(folder))
            self._upload(self.sweep_run, folder, tables)
        self._client.set_tag(self.sweep_run, "mlflow.note.content", front_markdown(points, objectives))
        self.finish_run(self.sweep_run, outcome)

    def close_orphans(self, alive: Iterable[str] = ()) -> list[str]:
        """Close what a killed process left RUNNING in this study.

        Args:
            alive: Ids of runs that do still run.

        Returns:
            The ids that were closed.
        """
        living = {*alive, self._sweep}
        orphans = [run.info.run_id for run in self._search("attributes.status = 'RUNNING'") if run.info.run_id not in living]
        for run_id in orphans:
            self.finish_run(run_id, Outcome(Ending.INTERRUPTED, "the process was killed, or the machine stopped"))
        return orphans

    def _create(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        made = {t.key: t.value for t in _tags({**tags, "study": self._study})}
        run_id = str(self._client.create_run(self._store.experiment_id, tags=made, run_name=name).info.run_id)
        entries = [Param(key, _text(value, MAX_PARAM_CHARS)) for key, value in params.items()]
        for start in range(0, len(entries), _PER_BATCH):
            self._client.log_batch(run_id, params=entries[start : start + _PER_BATCH], synchronous=True)
        return run_id

    def _upload(self, run_id: str, folder: str, tables: Sequence[str]) -> None:
        self._client.log_artifacts(run_id, folder)
        if tables:
            self._client.set_tag(run_id, *table_tag(tables))

    def _get(self, run_id: str) -> Run:
        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            raise HarnessError(
                f"MLflow has no run {run_id}",
                why=str(error).splitlines()[0],
                fix="start the sweep without a run id, or point tracking at the store that holds it",
                code=ExitCode.CONFLICT,
            ) from error

    def _search(self, condition: str, *, limit: int = 50_000) -> list[Run]:
        """Runs of the study, newest first; one page of MLflow holds 50 000, far above any sweep."""
        quoted = self._study.replace("'", "''")
        query = f"tags.study = '{quoted}' and {condition}"
        order = ["attributes.start_time DESC"]
        return list(self._client.search_runs([self._store.experiment_id], query, max_results=limit, order_by=order))


def _text(value: Any, limit: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | tuple | dict) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _tags(values: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, _text(value, _MAX_TAG_CHARS)) for key, value in values.items()]


def _now() -> int:
    """Milliseconds since the epoch, as MLflow counts."""
    return int(time.time() * 1000)

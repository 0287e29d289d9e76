"""Runs in MLflow: one parent per sweep, one child per trial and per untuned baseline.

Owns which run exists, what it is tagged with, and its status. Single runs belong to `runs`, files to `artifacts`, the
registry to `registry`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import DatasetInput

from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.pareto import Objective
from harness.tracking.datasets import Split, as_input
from harness.tracking.metrics import RUNG_PREFIX, MetricBuffer, charted
from harness.tracking.points import TrialPoint, front_markdown
from harness.tracking.run_files import RunFiles
from harness.tracking.runs import Runs
from harness.tracking.search import SearchRecord
from harness.tracking.store import Store
from harness.tracking.survey import PAUSED_STATUS, status_of
from harness.tracking.ui_view import VIEW_TAG, view_state
from harness.trial.events import Event

KIND_SWEEP = "sweep"
KIND_TRIAL = "trial"
KIND_BASELINE = "baseline"


class Tracker:
    """Writes one sweep into a store.

    Args:
        store: Opened store.
        study: Name of the study; stands as a tag on every run.
        flush_seconds: At most this long between two writes of a running trial's metrics.
        scratch: Folder for files on their way to MLflow, where `harness.sweep.recovery` looks for what a killed process left;
            None is the system's.
    """

    def __init__(self, store: Store, study: str, *, flush_seconds: float = 5.0, scratch: Path | None = None) -> None:
        self._client = store.client
        self._runs = Runs(store, study)
        self._experiment_id = store.experiment_id
        self._study = study
        self._scratch = scratch
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
        """Make the parent run, or complete one that a killed process has left half made.

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
        begun = self._runs.search(f"tags.kind = '{KIND_SWEEP}' and attributes.status = 'RUNNING'", limit=1)
        self._sweep = begun[0].info.run_id if begun else self._runs.create(name, {**tags, "kind": KIND_SWEEP})
        self._runs.log_params(self._sweep, params)
        self._client.log_inputs(self._sweep, self._inputs)
        with self._folder() as folder:
            (Path(folder) / "sweep.yaml").write_text(config_text, "utf-8")
            self._runs.upload(self._sweep, folder, ())
        return self._sweep

    def offer_view(self, objectives: Sequence[str], settings: Iterable[str]) -> None:
        """Let the UI show this sweep's columns, see `harness.tracking.ui_view`; the newest sweep of an experiment decides."""
        self._client.set_experiment_tag(self._experiment_id, VIEW_TAG, view_state(objectives, settings))

    def resume_sweep(self, run_id: str) -> str:
        """Take up a parent run that an earlier process left.

        Raises:
            HarnessError: no such run, or it belongs to another study.
        """
        run = self._runs.get(run_id)
        if run.data.tags.get("study") != self._study or run.data.tags.get("kind") != KIND_SWEEP:
            raise HarnessError(
                f"run {run_id} is not the sweep run of study {self._study!r}",
                why=f"its tags say study={run.data.tags.get('study')!r}, kind={run.data.tags.get('kind')!r}",
                fix="give the study another name, or start without the run id",
                code=ExitCode.CONFLICT,
            )
        self._runs.set_status(run_id, "RUNNING")
        self._inputs = list(run.inputs.dataset_inputs) if run.inputs else []
        self._sweep = run_id
        return run_id

    def ending_of(self, run_id: str) -> Outcome | None:
        """How a run ended; None for one that does not say."""
        tags = self._runs.get(run_id).data.tags
        ended = tags.get("outcome", "")
        return Outcome(Ending(ended), tags.get("reason", "")) if ended in {ending.value for ending in Ending} else None

    def start_run(self, label: str, *, params: Mapping[str, Any], tags: Mapping[str, str], begun: str | None = None) -> str:
        """Make a child run for a trial, or for a baseline.

        Args:
            label: Shown in the UI, e.g. ``trial 3``.
            params: Effective settings.
            tags: ``kind`` (`KIND_TRIAL`, `KIND_BASELINE`; a trial by default), trial number, seed, device; ``split``, the
                functions that are written for where nothing is trained.
            begun: A run that a killed process may have left half made (`find_run`): it is completed and opened instead.

        Returns:
            The run's id.
        """
        told = {"kind": KIND_TRIAL, **tags, "mlflow.parentRunId": self.sweep_run}
        run_id = begun or self._runs.create(label, told)
        if begun is not None:
            self._runs.log(begun, {}, told)
            self._runs.set_status(begun, "RUNNING")
        self._runs.log_params(run_id, params)
        wanted = ("train", "validation") if told["kind"] == KIND_TRIAL else (tags.get("split", "validation"),)
        inputs = [given for given in self._inputs if given.dataset.name in wanted]
        if inputs:
            self._client.log_inputs(run_id, inputs)
        return run_id

    def find_run(self, trial: int) -> str | None:
        """Id of a trial's newest run, open or closed, also one that a killed process left; None where there is none.

        Args:
            trial: Its number, as `start_run` was told in the tag ``trial``.
        """
        found = self._runs.search(f"tags.kind = '{KIND_TRIAL}' and tags.trial = '{trial}'", limit=1)
        return found[0].info.run_id if found else None

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a child run."""
        self._runs.log(run_id, {}, tags)

    def log_json(self, run_id: str, name: str, value: Any) -> None:
        """Store a JSON-ready value as an artifact of a run, over one of the same name."""
        with self._folder() as folder:
            (Path(folder) / name).write_text(json.dumps(value, indent=1) + "\n", "utf-8")
            self._runs.upload(run_id, folder, ())

    def reopen_run(self, run_id: str) -> None:
        """Take up a child run that was paused or interrupted."""
        self._runs.set_status(run_id, "RUNNING")

    def pause_run(self, run_id: str) -> None:
        """A trial waits at a rung: MLflow calls that scheduled. It is not an orphan when its sweep dies."""
        self._buffer.flush(run_id)
        self._runs.set_status(run_id, PAUSED_STATUS)

    def log_events(self, run_id: str, events: Iterable[Event]) -> None:
        """Take in what a running trial streamed; written in batches, at most every few seconds.

        Call it on every turn of the loop, with whatever is new, so that waiting metrics leave on time.
        """
        self._buffer.add(run_id, events)

    def log_rung(self, run_id: str, step: int, metrics: Mapping[str, float], *, rung: int) -> None:
        """Write what a trial is worth at a rung; repeated after a crash it changes nothing.

        Args:
            run_id: The child run.
            step: Optimizer steps done.
            metrics: Figures under names with `RUNG_PREFIX`, which stand at `step`; others tell of the trial so far.
            rung: Index of the rung, 0 the lowest. The tag ``rung`` counts from 1, as screens do.
        """
        shown = charted(metrics)
        figures = {name: value for name, value in shown.items() if name.startswith(RUNG_PREFIX)}
        self._runs.log(run_id, figures, {"rung": str(rung + 1)}, step=step)
        self._runs.log(run_id, {name: value for name, value in shown.items() if name not in figures}, {})

    def log_artifacts(self, run_id: str, files: RunFiles) -> None:
        """Store the files of a child run."""
        from harness.tracking.artifacts import write_run_files  # only now: what draws takes a second to import

        with self._folder() as folder:
            tables = write_run_files(files, Path(folder))
            self._runs.upload(run_id, folder, tables)
        if files.adapter_dir is not None and files.adapter_dir.is_dir():
            self._client.log_artifacts(run_id, str(files.adapter_dir), "adapter")

    def finish_run(
        self, run_id: str, outcome: Outcome, *, metrics: Mapping[str, float] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Close a child run: FINISHED when completed or pruned, FAILED for infrastructure, KILLED when interrupted.

        Repeated after a crash it adds what is missing and changes nothing else.

        Args:
            run_id: The child run.
            outcome: Its ending, reason and metrics.
            metrics: Further scalars.
            tags: Further tags.
        """
        left_out = self._buffer.close(run_id)
        extra = {"nonfinite_metrics": ", ".join(left_out)} if left_out else {}
        ended = {"outcome": outcome.ending.value, "reason": outcome.reason}
        known = charted({**outcome.metrics, **(metrics or {})})
        run = self._runs.log(run_id, known, {**(tags or {}), **extra, **ended})
        self._runs.close(run, status_of(outcome.ending))

    def finish_sweep(
        self,
        points: Sequence[TrialPoint],
        objectives: Sequence[Objective],
        outcome: Outcome,
        search: SearchRecord | None = None,
    ) -> None:
        """Draw the front, how the search came to it, and close the parent run.

        Args:
            points: Every completed trial and every baseline.
            objectives: In the order of `TrialPoint.values`.
            outcome: Of the sweep itself; ``completed``, ``interrupted`` or ``failed``.
            search: Learning curves by rung and importances of the settings, where there are any.
        """
        from harness.tracking.artifacts import write_search_files, write_study_page, write_sweep_files  # only now, as above

        with self._folder() as folder:
            tables = write_sweep_files(points, objectives, Path(folder))
            tables += write_search_files(search or SearchRecord(), objectives, Path(folder))
            write_study_page(points, search or SearchRecord(), objectives, Path(folder))
            self._runs.upload(self.sweep_run, folder, tables)
        self._client.set_tag(self.sweep_run, "mlflow.note.content", front_markdown(points, objectives))
        self.finish_run(self.sweep_run, outcome)

    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix=".artifacts-", suffix=".tmp", dir=self._scratch)

    def running(self) -> frozenset[str]:
        """Ids of the runs that are open."""
        return frozenset(run.info.run_id for run in self._runs.search("attributes.status = 'RUNNING'"))

    def close_orphans(self, alive: Iterable[str] = ()) -> list[str]:
        """Close what a killed process left RUNNING in this study.

        Args:
            alive: Ids of runs that do still run.

        Returns:
            The ids that were closed.
        """
        living = {*alive, self._sweep}
        orphans = [run.info.run_id for run in self._runs.search("attributes.status = 'RUNNING'") if run.info.run_id not in living]
        for run_id in orphans:
            self.finish_run(run_id, Outcome(Ending.INTERRUPTED, "the process was killed, or the machine stopped"))
        return orphans

"""What a swept study looks like to someone who trusts nobody: read straight from both databases and the folders.

Uses neither the harness nor Optuna nor MLflow: only SQLite, so that a mistake of theirs is not repeated here.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEMPORARY = re.compile(r"\..+\.\d+|\..+\.tmp|\.artifact\.uploading\..+")
_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED"}

Points = dict[tuple[int, int], tuple[float, ...]]
"""(trial, rung) -> what it was worth there."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as the study's database has it.

    Attributes:
        number: Its number.
        state: Optuna's: WAITING, RUNNING, COMPLETE, PRUNED, FAIL.
        params: Settings, as stored.
        values: Objective values, in order.
        attrs: User attributes, read from JSON.
    """

    number: int
    state: str
    params: Mapping[str, float]
    values: tuple[float, ...]
    attrs: Mapping[str, Any]

    @property
    def outcome(self) -> Mapping[str, Any]:
        """How it was decided; empty where it was not."""
        return dict(json.loads(self.attrs["outcome"])) if "outcome" in self.attrs else {}

    @property
    def rungs(self) -> dict[int, tuple[float, ...]]:
        """Rung -> what it was worth there."""
        kept = {key: json.loads(text) for key, text in self.attrs.items() if key.startswith("rung:")}
        return {int(key.removeprefix("rung:")): tuple(read["values"]) for key, read in kept.items()}


@dataclass(frozen=True, slots=True)
class Run:
    """A run as MLflow's database has it; deleted ones are left out.

    Attributes:
        uuid: Its id.
        status: MLflow's.
        tags: Name -> text.
        metrics: Latest scalars.
    """

    uuid: str
    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


def read_trials(folder: Path, study: str) -> list[Trial]:
    """Every trial; none where there is no study yet."""
    query = "SELECT trial_id, number, state FROM trials JOIN studies USING (study_id) WHERE study_name = ? ORDER BY number"
    with closing(sqlite3.connect(f"file:{folder}/study.db?mode=ro", uri=True)) as database:
        try:
            rows = database.execute(query, (study,)).fetchall()
        except sqlite3.OperationalError:  # killed before the tables were made
            return []
        return [_trial(database, *row) for row in rows]


def _trial(database: sqlite3.Connection, identifier: int, number: int, state: str) -> Trial:
    def column(what: str, table: str, order: str) -> list[tuple[Any, ...]]:
        return database.execute(f"SELECT {what} FROM {table} WHERE trial_id = ? ORDER BY {order}", (identifier,)).fetchall()

    params = dict(column("param_name, param_value", "trial_params", "param_name"))
    values = tuple(row[0] for row in column("value", "trial_values", "objective"))
    attrs = {key: json.loads(text) for key, text in column("key, value_json", "trial_user_attributes", "key")}
    return Trial(number, state, params, values, attrs)


def read_runs(folder: Path, study: str) -> list[Run]:
    """Every run that is tagged with the study."""
    query = (
        "SELECT run_uuid, status FROM runs JOIN tags USING (run_uuid) "
        "WHERE key = 'study' AND value = ? AND lifecycle_stage = 'active'"
    )
    with closing(sqlite3.connect(f"file:{folder}/mlflow.db?mode=ro", uri=True)) as database:
        found = []
        for uuid, status in database.execute(query, (study,)).fetchall():
            tags = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (uuid,)).fetchall())
            metrics = dict(database.execute("SELECT key, value FROM latest_metrics WHERE run_uuid = ?", (uuid,)).fetchall())
            found.append(Run(uuid, status, tags, metrics))
        return found


def points(folder: Path, study: str) -> Points:
    """What every trial was worth at every rung, so far."""
    if not (folder / "study.db").exists():
        return {}
    return {(t.number, rung): values for t in read_trials(folder, study) for rung, values in t.rungs.items()}


def decisions(folder: Path, study: str) -> list[tuple[Any, ...]]:
    """What was decided of every trial: settings, rungs and their figures, ending. Two sweeps that decide alike agree in it."""
    return [
        (t.number, tuple(sorted(t.params.items())), tuple(sorted(t.rungs.items())), t.state, t.outcome.get("ending"), t.values)
        for t in read_trials(folder, study)
    ]


def front(folder: Path, study: str) -> list[tuple[Any, ...]]:
    """Settings and values of the completed trials that no other dominates, where more is better."""
    done = [t for t in read_trials(folder, study) if t.state == "COMPLETE"]

    def beaten(t: Trial) -> bool:
        return any(o.values != t.values and all(a >= b for a, b in zip(o.values, t.values, strict=True)) for o in done)

    return sorted((tuple(sorted(t.params.items())), t.values) for t in done if not beaten(t))


def lost(folder: Path, study: str, n_trials: int, seen: Points) -> list[str]:
    """Trials of the budget without a verdict, rungs that were there and are not, settings that are only half there."""
    trials = read_trials(folder, study)
    told = [t for t in trials if t.state in ("COMPLETE", "PRUNED", "FAIL") and t.outcome]
    short = [f"{n_trials - len(told)} of {n_trials} trials have no verdict"] if len(told) < n_trials else []
    short += [f"trial {t.number} is {t.state}" for t in trials if t not in told]
    names = Counter(frozenset(t.params) for t in trials).most_common(1)
    short += [f"trial {t.number} lacks settings" for t in trials if names and frozenset(t.params) != names[0][0]]
    short += [f"trial {t.number} failed: {t.outcome.get('reason')}" for t in told if t.state == "FAIL"]
    now = points(folder, study)
    short += [f"rung {rung} of trial {number} is gone" for number, rung in sorted(seen.keys() - now.keys())]
    return short + [
        f"trial {t.number} has rungs {sorted(t.rungs)}" for t in trials if sorted(t.rungs) != list(range(len(t.rungs)))
    ]


def duplicated(folder: Path, study: str, n_trials: int, seen: Points) -> list[str]:
    """Two trials of one proposal, two runs of one trial, two sweep runs, a rung scored again to another result."""
    trials, runs, now = read_trials(folder, study), read_runs(folder, study), points(folder, study)
    twice = [f"{len(trials)} trials of {n_trials}"] if len(trials) > n_trials else []
    same = Counter(tuple(sorted(t.params.items())) for t in trials)
    twice += [f"{count} trials of {dict(params)}" for params, count in same.items() if count > 1]
    of = Counter(run.tags.get("trial") for run in runs if run.tags.get("kind") == "trial")
    twice += [f"{count} runs of trial {number}" for number, count in of.items() if count > 1]
    sweeps = sum(run.tags.get("kind") == "sweep" for run in runs)
    twice += [f"{sweeps} runs of the sweep"] if sweeps > 1 else []
    return twice + [
        f"rung {rung} of trial {number} changed"
        for number, rung in seen.keys() & now.keys()
        if seen[number, rung] != now[number, rung]
    ]


def orphans(folder: Path, study: str, temporary: Path | None = None) -> list[str]:
    """What a finished sweep should not have left: leases, open runs, half-written files, checkpoints.

    Args:
        folder: Of the stores.
        study: The study.
        temporary: The folder that the sweep was given for temporary files.
    """
    with closing(sqlite3.connect(f"file:{folder}/study.db?mode=ro", uri=True)) as database:
        leases = database.execute("SELECT number, owner FROM harness_leases WHERE study = ?", (study,)).fetchall()
        studies = database.execute("SELECT study_name FROM studies WHERE study_name != ?", (study,)).fetchall()
    left = [f"trial {number} is leased by {owner}" for number, owner in leases]
    left += [f"study {name}" for (name,) in studies]
    left += [f"run {run.uuid} is {run.status}" for run in read_runs(folder, study) if run.status in ("RUNNING", "SCHEDULED")]
    left += [f"half-written {path}" for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name)]
    left += [f"checkpoints {path}" for path in folder.glob(f"trials/{study}/*/checkpoints")]
    return left + [f"temporary {path}" for path in (temporary.iterdir() if temporary and temporary.is_dir() else ())]


def disagreements(folder: Path, study: str, objectives: tuple[str, ...]) -> list[str]:
    """Where MLflow says something else of a trial than the study."""
    runs = {run.tags.get("trial"): run for run in read_runs(folder, study) if run.tags.get("kind") == "trial"}
    found = [
        f"run {runs[number].uuid} of no trial" for number in runs.keys() - {str(t.number) for t in read_trials(folder, study)}
    ]
    for trial in read_trials(folder, study):
        run = runs.get(str(trial.number))
        found += [f"trial {trial.number}: {what}" for what in (_differs(trial, run, objectives) if run else ["no run"])]
    return found


def _differs(trial: Trial, run: Run, objectives: tuple[str, ...]) -> list[str]:
    off = []
    if trial.attrs.get("run_id") != run.uuid:
        off.append(f"its run is {trial.attrs.get('run_id')}, MLflow's {run.uuid}")
    if run.status != _STATUS.get(trial.state, run.status if trial.state == "FAIL" else "?"):
        off.append(f"{trial.state}, but the run is {run.status}")
    if run.tags.get("outcome") != trial.outcome.get("ending"):
        off.append(f"ended {trial.outcome.get('ending')}, MLflow says {run.tags.get('outcome')}")
    if trial.state == "COMPLETE":
        off += [f"{name} differs" for name, value in zip(objectives, trial.values, strict=True) if run.metrics.get(name) != value]
    waited = [rung for rung in trial.rungs if trial.state != "COMPLETE" or rung < max(trial.rungs)]
    if waited and run.tags.get("rung") != str(max(waited) + 1):
        off.append(f"rung {max(waited) + 1}, MLflow says {run.tags.get('rung')}")
    return off

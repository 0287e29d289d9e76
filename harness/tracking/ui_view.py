"""The view that MLflow's UI opens a sweep's runs in: the columns a person wants, kept with the experiment as a shared view.

Owns the form of that state, which is the UI's own. A UI that does not know it shows its default columns.

Source: MLflow 3.17.2, what its Share button writes into the experiment's tag ``mlflow.sharedViewState.KEY``.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing

VIEW_KEY = "harness"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW_KEY}"
_MOST_SETTINGS = 8


def view_state(objectives: Sequence[str], settings: Iterable[str]) -> str:
    """The experiment tag's value: outcome, objectives, searched settings, memory, time and reason as columns.

    Args:
        objectives: Metric names.
        settings: Searched parameters.
    """
    columns = [
        _column("tags", "outcome"),
        *(_column("metrics", name) for name in objectives),
        *(_column("params", name) for name in list(dict.fromkeys([*settings, "quantization"]))[:_MOST_SETTINGS]),
        _column("metrics", "peak_bytes"),
        _column("metrics", "trial_runtime_s"),
        _column("tags", "reason"),
    ]
    state = {
        "searchFilter": "",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "runsHiddenMode": "FIRST_20_RUNS",
    }
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def viewed_experiment(tracking_uri: str) -> str | None:
    """The experiment that has the view, where there is just one; None also where that cannot be seen from here.

    Looks into an SQLite file only: opening a store through MLflow takes seconds, for one line on the screen.
    """
    if not tracking_uri.startswith("sqlite:///"):
        return None
    file = tracking_uri.removeprefix("sqlite:///")
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=2.0)) as store:
            found = store.execute("SELECT experiment_id FROM experiment_tags WHERE key = ?", (VIEW_TAG,)).fetchall()
    except sqlite3.Error:
        return None
    return str(found[0][0]) if len(found) == 1 else None

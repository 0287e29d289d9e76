"""The command that opens the MLflow UI on a store, and the page to look at. Starting it is the CLI's."""

from __future__ import annotations

import sys

from harness.tracking.ui_view import VIEW_KEY


def ui_command(tracking_uri: str, host: str, port: int) -> list[str]:
    """Arguments of the MLflow server for a database store.

    One worker is enough for one person, and keeps the start and the memory small. Artifacts are read by the server
    straight from where the experiment keeps them.

    Args:
        tracking_uri: As given to `Store.open`.
        host: Interface to listen on; ``127.0.0.1`` keeps it on this machine.
        port: 1-65535.
    """
    store = ["--backend-store-uri", tracking_uri]
    return [sys.executable, "-m", "mlflow", "server", *store, "--host", host, "--port", str(port), "--workers", "1"]


def ui_url(host: str, port: int, experiment_id: str | None = None) -> str:
    """Where to point a browser.

    MLflow 3.17 starts in its view for chat traces, where the runs of a sweep are hard to find; the parameter asks for
    the one for model training, and the browser remembers it.

    Args:
        host: As given to `ui_command`.
        port: As given to `ui_command`.
        experiment_id: Opens the runs of that experiment, with the columns of a sweep (`harness.tracking.ui_view`); None opens
            the list of experiments.
    """
    page = "experiments" if experiment_id is None else f"experiments/{experiment_id}/runs"
    view = "" if experiment_id is None else f"&viewStateShareKey={VIEW_KEY}"
    return f"http://{host}:{port}/#/{page}?workflowType=machine_learning{view}"

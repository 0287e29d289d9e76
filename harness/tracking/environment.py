"""What an entry point puts into the environment before MLflow is imported. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
)
"""Nothing is sent anywhere; no bar is drawn over what a command says; a tracking server that does not answer is given up on
after half a minute, not four; and the UI starts without its job runner, a second process of 200 MB that only MLflow's own
evaluation jobs need."""

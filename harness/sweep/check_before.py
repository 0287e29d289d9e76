"""`harness preflight FILE`: what would stop a sweep, found before anything expensive is started.

Owns the order of the checks; what is looked at stands in the ``check_`` modules beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check, exit_code, render_checks
from harness.core.errors import ExitCode, HarnessError
from harness.data.models import ResolvedModel
from harness.files.cache import default_cache_root
from harness.sweep import check_access, check_room
from harness.sweep.check_data import seen_data
from harness.sweep.check_found import failed, good, look
from harness.sweep.paths import Paths
from harness.sweep.workplace import check_platform


def preflight_command(config: SweepConfig, stem: str, environ: Mapping[str, str], as_json: bool) -> ExitCode:
    """Look at all that a sweep needs and print a table of what was found.

    Args:
        config: The sweep file.
        stem: Its name without suffix.
        environ: Of this process; of credentials only whether they are set is looked at.
        as_json: One JSON object instead of the table.

    Returns:
        OK, or the code of the first failure.
    """
    check_platform()
    checks = examine(config, stem, environ)
    render_checks(checks, sys.stdout, json=as_json)
    return exit_code(checks)


def examine(config: SweepConfig, stem: str, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Every check, the cheapest reason to stop first."""
    paths, cache = Paths.of(config), default_cache_root(environ)
    checks = [good("sweep file", _file_in_words(config))]
    seen = seen_data(config, stem, environ)
    checks += [*seen.checks, *check_access.credentials(config, environ)]
    for name, url in (("study store", paths.study_url), ("MLflow store", paths.tracking_uri)):
        checks.append(look(name, partial(check_access.store, name, url, config.tracking.experiment, environ)))
    model, found = _model(seen.config, cache)
    checks.append(found)
    checks.append(look("disk: stores", lambda: check_room.disk_of_stores(seen.config, model)))
    checks.append(look("disk: cache", lambda: check_room.disk_of_cache(environ)))
    if model is not None:
        checks.append(look("memory", lambda: check_room.memory(seen.config, model, environ)))
    checks.append(look("sandbox", lambda: check_room.sandbox(config)))
    return tuple(checks)


def _file_in_words(config: SweepConfig) -> str:
    searched = ", ".join(config.space.axes())
    return f"valid: {config.study.n_trials} trials over {searched}; objectives {', '.join(o.name for o in config.objectives)}"


def _model(config: SweepConfig, cache: Path) -> tuple[ResolvedModel | None, Check]:
    """The base model, without its weights."""
    try:
        model = check_room.checked_model(config, cache)
    except HarnessError as error:
        return None, failed("base model", error)
    revision = f" at {model.revision[:12]}" if model.revision else ""
    return model, good("base model", f"{model.public_id}{revision}, {', '.join(model.config.get('architectures', ()))}")

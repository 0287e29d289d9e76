"""`harness preflight FILE`: what would stop a sweep, found before anything expensive is started.

Owns the order of the checks and how they are shown; what is looked at stands in the ``check_`` modules beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from harness.config.sweep_config import SweepConfig
from harness.console.checks import Check, CheckState, checks_table
from harness.console.text import encodable
from harness.core.errors import ExitCode, HarnessError
from harness.data.models import ResolvedModel
from harness.files.cache import default_cache_root
from harness.sweep import check_access, check_room
from harness.sweep.check_data import seen_data
from harness.sweep.check_found import Found, State, failed, good, look
from harness.sweep.paths import Paths
from harness.sweep.workplace import check_platform

SCHEMA_VERSION = 1
_STATES = {State.OK: CheckState.OK, State.WARNING: CheckState.WARN, State.FAIL: CheckState.MISSING}


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
    show(checks, sys.stdout, as_json=as_json)
    return exit_code(checks)


def examine(config: SweepConfig, stem: str, environ: Mapping[str, str]) -> tuple[Found, ...]:
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


def exit_code(checks: Sequence[Found]) -> ExitCode:
    """OK, or the code of the first failure."""
    return next((check.code for check in checks if check.state is State.FAIL), ExitCode.OK)


def show(checks: Sequence[Found], stream: TextIO, *, as_json: bool) -> None:
    """Write the checks: one JSON object, a table on a terminal, aligned text elsewhere."""
    if as_json:
        report = {"schema": SCHEMA_VERSION, "ready": exit_code(checks) is ExitCode.OK, "checks": [asdict(c) for c in checks]}
        stream.write(json.dumps(report) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        table = [Check(check.name, _STATES[check.state], check.found, check.fix) for check in checks]
        console.print(checks_table(table), Text(verdict(checks), style="bold"))
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.writelines(encodable(line, encoding) + "\n" for line in plain(checks))


def plain(checks: Sequence[Found]) -> list[str]:
    """The table as lines of text."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.state:<7}  {check.name:<{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':<7}  {'':<{width}}  fix: {check.fix}")
    return [*lines, verdict(checks)]


def verdict(checks: Sequence[Found]) -> str:
    """One closing line."""
    broken = [check.name for check in checks if check.state is State.FAIL]
    warned = sum(check.state is State.WARNING for check in checks)
    if broken:
        return f"the sweep would stop: {', '.join(broken)}"
    return "the sweep can start" + (f" ({warned} remark{'s' * (warned > 1)})" if warned else "")


def _file_in_words(config: SweepConfig) -> str:
    searched = ", ".join(config.space.axes())
    return f"valid: {config.study.n_trials} trials over {searched}; objectives {', '.join(o.name for o in config.objectives)}"


def _model(config: SweepConfig, cache: Path) -> tuple[ResolvedModel | None, Found]:
    """The base model, without its weights."""
    try:
        model = check_room.checked_model(config, cache)
    except HarnessError as error:
        return None, failed("base model", error)
    revision = f" at {model.revision[:12]}" if model.revision else ""
    return model, good("base model", f"{model.public_id}{revision}, {', '.join(model.config.get('architectures', ()))}")

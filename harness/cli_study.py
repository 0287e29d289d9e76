"""The commands that look at a study from another terminal, steer it, or check it: argv to one typed call to an exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.core.errors import ExitCode

if TYPE_CHECKING:
    from harness.sweep.status import Desk

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _place(command: _Command) -> _Command:
    """Where the study is kept."""
    command = click.option("--storage", default=None, help="Optuna storage URL; default: study.db in --folder")(command)
    folder = click.Path(path_type=Path)
    shown = click.option("--folder", default="mlruns", show_default=True, type=folder, help="tracking.folder of the sweep")
    return click.argument("study")(shown(command))


def _desk(study: str, folder: Path, storage: str | None) -> Desk:
    from harness.sweep.paths import Paths
    from harness.sweep.status import Desk

    return Desk.at(Paths.at(folder, storage), study)


@click.command("status")
@_place
@click.option("--watch", is_flag=True, help="look again every 2 s, until the sweep has finished; Ctrl-C ends it")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per look")
def status(study: str, folder: Path, storage: str | None, *, watch: bool, as_json: bool) -> int:
    """Show how STUDY stands: who runs, who waits, memory, time left, the front so far."""
    from harness.sweep.status import status_command

    return int(status_command(_desk(study, folder, storage), watch=watch, as_json=as_json))


@click.command("stop")
@_place
@click.argument("trial", type=click.IntRange(min=0))
def stop(study: str, trial: int, folder: Path, storage: str | None) -> int:
    """End TRIAL of STUDY; the sweep goes on with the others."""
    from harness.sweep.steering import stop_trial

    click.echo(stop_trial(_desk(study, folder, storage), trial))
    return int(ExitCode.OK)


@click.command("enqueue")
@_place
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
def enqueue(study: str, settings: tuple[str, ...], folder: Path, storage: str | None) -> int:
    """Have these settings tried next in STUDY; the sampler proposes the ones that are left out."""
    from harness.sweep.steering import enqueue_settings

    click.echo(enqueue_settings(_desk(study, folder, storage), settings))
    return int(ExitCode.OK)


@click.command("budget")
@_place
@click.option("--trials", default=None, type=click.IntRange(min=1), help="trials in all, those that have ended included")
@click.option(
    "--timeout", default=None, type=click.FloatRange(min=0, min_open=True), help="seconds after which a sweep starts no trial"
)
def budget(study: str, trials: int | None, timeout: float | None, folder: Path, storage: str | None) -> int:
    """Change how much STUDY tries, also while it is swept."""
    from harness.sweep.steering import change_budget

    click.echo(change_budget(_desk(study, folder, storage), trials, timeout))
    return int(ExitCode.OK)


@click.command("fsck")
@_place
@click.option("--tracking-uri", default=None, help="MLflow store; default: the one the study was created with")
@click.option("--repair", is_flag=True, help="bring MLflow, leases and folders into line with the study")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def fsck(study: str, tracking_uri: str | None, *, repair: bool, as_json: bool, **kept: Any) -> int:
    """Check that STUDY, its trial folders, MLflow and the registry agree: exit code 0, or 5 when they do not."""
    from harness.sweep.fsck import FsckAsked, fsck_command
    from harness.sweep.paths import Paths

    return int(fsck_command(FsckAsked(study, Paths.at(kept["folder"], kept["storage"]), repair, as_json, tracking_uri)))


STUDY_COMMANDS = (status, stop, enqueue, budget, fsck)

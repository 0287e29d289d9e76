"""The commands for a finished adapter: where it comes from, training it again, passing it on. Argv to one typed call."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from harness.sweep.paths import Paths

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DTYPES = ("auto", "bfloat16", "float16", "float32")
_PLACE = click.Path(path_type=Path)
_OVERWRITE = click.option("--overwrite", is_flag=True, help="replace an earlier export at --out")
_BASE = click.option("--base", default=None, help="the base model's folder or hub id  [default: where it was]")


def _adapter(command: _Command) -> _Command:
    """What is meant, and whose stores are looked at."""
    command = click.option("--storage", default=None, help="Optuna storage URL; default: study.db in --folder")(command)
    command = click.option("--tracking-uri", default=None, help="MLflow store; default: mlflow.db in --folder")(command)
    shown = click.option("--folder", default="mlruns", show_default=True, type=_PLACE, help="tracking.folder of the sweep")
    return click.argument("adapter")(shown(command))


def _paths(kept: dict[str, Any]) -> Paths:
    from harness.sweep.paths import Paths

    return Paths.at(kept["folder"], kept["storage"], kept["tracking_uri"])


def _place(kept: dict[str, Any]) -> str:
    """The same options as they are written again."""
    default = {"folder": Path("mlruns"), "storage": None, "tracking_uri": None}
    given = {name: value for name, value in kept.items() if value != default[name]}
    return "".join(f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items())


@click.command("show")
@_adapter
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def show(adapter: str, *, as_json: bool, **kept: Any) -> int:
    """Show where ADAPTER comes from: a folder, or NAME, NAME@alias, NAME/3 of a registered one."""
    from harness.sweep.show import show_command

    return int(show_command(adapter, _paths(kept), _place(kept), click.echo, as_json=as_json))


@click.command("reproduce")
@_adapter
@click.option("--out", default=None, type=_PLACE, help="keep the new adapter here")
@click.option("--anyway", is_flag=True, help="train even where data, base model or packages are not what they were")
@_BASE
@_OVERWRITE
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def reproduce(adapter: str, out: Path | None, base: str | None, *, anyway: bool, overwrite: bool, **kept: Any) -> int:
    """Train ADAPTER again and compare: exit code 0 when it is the same bit by bit, 5 when it is not."""
    from harness.console.one_line import progress
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping
    from harness.sweep.reproduce import ReproduceAsked, reproduce_command
    from harness.sweep.watched import Around

    as_json = kept.pop("as_json")
    stop = StopSignal()
    asked = ReproduceAsked(adapter, _paths(kept), out, anyway, base, overwrite)
    with stopping(stop):
        return int(reproduce_command(asked, Around(dict(os.environ), stop, progress(sys.stderr)), click.echo, as_json=as_json))


@click.command("export")
@_adapter
@click.option("--out", required=True, type=_PLACE, help="the folder to write; new or empty")
@click.option("--merged", is_flag=True, help="a whole model for transformers, the adapter merged into its base")
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(_DTYPES),
    help="--merged: of the weights; auto: the base's own",
)
@_BASE
@_OVERWRITE
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def export(adapter: str, out: Path, *, merged: bool, overwrite: bool, **kept: Any) -> int:
    """Write ADAPTER as a folder to pass on, with model card, licence and checksums."""
    from harness.console.one_line import progress
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping
    from harness.sweep.pass_on import ExportAsked, export_command
    from harness.sweep.watched import Around

    as_json, dtype, base = kept.pop("as_json"), kept.pop("dtype"), kept.pop("base")
    stop = StopSignal()
    asked = ExportAsked(adapter, _paths(kept), out, merged, dtype, base, overwrite)
    with stopping(stop):
        return int(export_command(asked, Around(dict(os.environ), stop, progress(sys.stderr)), click.echo, as_json=as_json))


ADAPTER_COMMANDS = (show, reproduce, export)

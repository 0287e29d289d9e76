"""The command that makes a page of a study: argv to one typed call to an exit code."""

from __future__ import annotations

from pathlib import Path

import click

from harness.core.errors import ExitCode

_PLACE = click.Path(path_type=Path)


@click.command("report")
@click.argument("study")
@click.option("--folder", default="mlruns", show_default=True, type=_PLACE, help="tracking.folder of the sweep")
@click.option("--storage", default=None, help="Optuna storage URL; default: study.db in --folder")
@click.option("--out", default=None, type=_PLACE, help="the page  [default: STUDY.html in the working directory]")
def report(study: str, folder: Path, storage: str | None, out: Path | None) -> int:
    """Write all that is known of STUDY to one HTML page that needs nothing else, to read and to send on."""
    from harness.sweep.paths import Paths
    from harness.sweep.report import report_command

    file = report_command(study, Paths.at(folder, storage), out or Path(f"{study.replace('/', '-')}.html"))
    click.echo(f"wrote {file}, {file.stat().st_size / 1024:.0f} KiB")
    return int(ExitCode.OK)

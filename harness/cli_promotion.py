"""The commands that look at a front and move the champion: argv to one typed call to an exit code."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.core.selection import Rule

_FOLDER = click.option(
    "--folder", default="mlruns", show_default=True, type=click.Path(path_type=Path), help="tracking.folder of the sweep"
)
_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object per line")


@click.command()
@click.argument("study")
@_FOLDER
@click.option("--storage", default=None, help="Optuna storage URL; default: study.db in --folder")
@click.option("--weights", multiple=True, help="what would this rule choose? pass_rate=1,mutation_score=2")
@click.option("--lexicographic", multiple=True, help="... and this: mutation_score:0.02,pass_rate (tolerances)")
@click.option("--constraint", multiple=True, help="in place of the file's: 'mutation_score >= 0.5', 'peak_memory < 4GiB'")
@_JSON
def pareto(study: str, folder: Path, storage: str | None, *, as_json: bool, **rules: tuple[str, ...]) -> int:
    """Print the Pareto front of STUDY, who of it is tied, and what each rule would choose."""
    from harness.core.limits import Limit
    from harness.core.rule_text import parse_lexicographic, parse_weights
    from harness.sweep.command import pareto_command
    from harness.sweep.front_view import Looking
    from harness.sweep.paths import Paths

    try:
        asked: tuple[Rule, ...] = (*map(parse_weights, rules["weights"]), *map(parse_lexicographic, rules["lexicographic"]))
        looking = Looking(asked, tuple(map(Limit.parse, rules["constraint"])))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return int(pareto_command(study, Paths.at(folder, storage), looking, as_json=as_json))


@click.command()
@click.argument("study")
@_FOLDER
@click.option("--storage", default=None, help="Optuna storage URL; default: study.db in --folder")
@click.option("--tracking-uri", default=None, help="MLflow store; default: the one the study was created with")
@click.option("--trial", "number", default=None, type=int, help="promote this trial instead of the best by the file's rule")
@click.option("--force", is_flag=True, help="move the alias although the gain is not shown; recorded as such")
@_JSON
def promote(study: str, number: int | None, tracking_uri: str | None, *, force: bool, as_json: bool, **kept: Any) -> int:
    """Choose the best adapter of STUDY, test it against the champion on held-out functions, and promote it if it is better."""
    from harness.console.select import select_view
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping
    from harness.sweep.command import promote_command
    from harness.sweep.paths import Paths
    from harness.sweep.promote import Asked
    from harness.sweep.workplace import Session

    stop = StopSignal()
    with ExitStack() as stack:
        view = stack.enter_context(select_view(sys.stdout, quiet=False, json=as_json, now=time.time))
        stack.enter_context(stopping(stop))
        session = Session(view, stop, dict(os.environ), stack)
        paths = Paths.at(kept["folder"], kept["storage"])
        return int(promote_command(study, Asked(number, force), paths, session, tracking_uri))


@click.command()
@click.argument("name")
@_FOLDER
@click.option("--tracking-uri", default=None, help="default: mlflow.db in --folder")
def rollback(name: str, folder: Path, tracking_uri: str | None) -> int:
    """Make the champion before the present one of NAME, a registered model, the champion again."""
    from harness.sweep.command import rollback_command
    from harness.sweep.paths import Paths

    return int(rollback_command(name, Paths.at(folder, tracking_uri=tracking_uri)))


PROMOTION_COMMANDS = (pareto, promote, rollback)

"""The command `harness generate`: argv to one typed call to an exit code."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import ExitCode

if TYPE_CHECKING:
    from harness.core.generated import GenerateOutcome


@click.command("generate")
@click.argument("target")
@click.option(
    "--writer",
    "--adapter",
    "writer",
    default=None,
    help="NAME, NAME@alias, NAME/3, an adapter folder, or base:MODEL  [champion]",
)
@click.option("--base", default=None, help="base model of an adapter  [default: the one it names]")
@click.option("--n", "samples", default=8, show_default=True, type=click.IntRange(1, 64), help="suites written per function")
@click.option("--out", default=None, type=click.Path(path_type=Path), help="the test file  [default: by the project's layout]")
@click.option("--overwrite", is_flag=True, help="replace the test file if there is one")
@click.option("--dry-run", is_flag=True, help="print the file instead of writing it")
@click.option("--observed", is_flag=True, help="expect what the code returns where the model expected something else")
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(min=1), help="suites written together")
@click.option("--budget", default=None, type=click.FloatRange(min=0, min_open=True), help="seconds for everything")
@click.option("--mutants", default=30, show_default=True, type=click.IntRange(min=0), help="mutants per function")
@click.option("--max-new-tokens", default=256, show_default=True, type=click.IntRange(min=1), help="per suite")
@click.option("--temperature", default=0.8, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--top-p", default=0.95, show_default=True, type=click.FloatRange(0, 1, min_open=True))
@click.option(
    "--quantization", default=None, type=click.Choice(["none", "int8", "nf4"]), help="[default: as it was trained, or none]"
)
@click.option(
    "--folder", default="mlruns", show_default=True, type=click.Path(path_type=Path), help="tracking.folder with the registry"
)
@click.option("--tracking-uri", default=None, help="default: mlflow.db in --folder")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def generate(target: str, writer: str | None, *, as_json: bool, **options: Any) -> int:
    """Write pytest tests for TARGET: FILE.py, FILE.py::function or FILE.py::Class.method.

    What a model writes is run in a sandbox; what fails, is flaky or checks nothing is dropped, and of the rest the smallest
    suite is kept that covers the same lines and branches and kills the same mutants.
    """
    from harness.console.one_line import progress
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping
    from harness.sweep.generate import Generation
    from harness.sweep.generate_asked import GenerateAsked
    from harness.sweep.paths import Paths
    from harness.sweep.watched import Around
    from harness.sweep.writing import Writing

    same = ("base", "samples", "batch_size", "max_new_tokens", "temperature", "top_p", "quantization")
    how = {name: options.pop(name) for name in same}
    options["budget_s"] = options.pop("budget")
    paths = Paths.at(options.pop("folder"), tracking_uri=options.pop("tracking_uri"))
    asked = GenerateAsked(target, writer, paths, **options, writing=Writing(None, **how))
    stop, say = StopSignal(), progress(sys.stderr)
    around = Around(dict(os.environ), stop, say, tell=lambda line: click.echo(line, err=True))
    try:
        with stopping(stop):
            found = Generation(asked, around).outcome()
    finally:
        say("")
    if as_json:
        click.echo(json.dumps(found.to_dict()))
    else:
        _print(found, dry_run=asked.dry_run)
    return int(ExitCode.OK if found.text else ExitCode.NO_RESULT)


def _print(found: GenerateOutcome, *, dry_run: bool) -> None:
    from harness.console.generated import console, remarks, summary

    screen = console()
    if dry_run and found.text:
        click.echo(found.text)
    if found.functions:
        screen.print(summary(found.functions, found.total()))
    for line in remarks(found.functions, list(found.left_out.items()), found.not_reached):
        screen.print(line)
    total = found.total()
    kept = f"{total.kept} tests" + (f", {total.observed} of them with values as observed" if total.observed else "")
    said = f"wrote {found.file}: {kept}" if found.saved else f"would write {found.file}: {kept}"
    screen.print(said if found.text else "nothing was written: no test was kept", soft_wrap=True)

"""The commands: arguments -> one call -> exit code. What goes wrong is raised; `evaluation.__main__` words it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import click

from evaluation.inputs.both import InputProblem, Inputs, read_inputs
from evaluation.records import SANDBOXES, SCOPES, ScoreSettings, SuiteScore
from evaluation.score import Report, default_workers, score_suites

SHOWN_PROBLEMS = 20
_PLACE = click.Path(path_type=Path)


class ExitCode(IntEnum):
    """Exit codes of every command; documented in docs/evaluation.md."""

    OK = 0  # also when every suite is worthless: that is a result
    UNEXPECTED = 1  # a bug
    BAD_INPUT = 2  # an option, or nothing in the input can be used
    SANDBOX = 3  # suites cannot be run safely here
    TOOL = 4  # a file cannot be written, or a tool is broken
    INTERRUPTED = 130  # Ctrl-C; what is scored is in the cache


class InterruptedScoringError(Exception):
    """Ctrl-C during a scoring; the text says what is kept."""


class MutantsType(click.ParamType[int | None]):
    """A number, or ``all``, which is None."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Read the option."""
        if value is None or str(value) == "all":
            return None
        return click.IntRange(min=0).convert(value, param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Score generated pytest suites by running them: pass rate, coverage and mutation score of the function under test."""


@cli.command()
@click.option("--functions", required=True, type=_PLACE, help="functions under test: JSON Lines, may be gzipped")
@click.option("--suites", required=True, type=_PLACE, help="folder with one ID.py per function, or JSON Lines")
@click.option("--out", type=_PLACE, help="write X.json, X.parquet and X.html")
@click.option("--mutants", type=MutantsType(), default=15, show_default=True, help="mutants per function; 0 for none")
@click.option("--scope", type=click.Choice(SCOPES), default=SCOPES[0], show_default=True, help="where mutants are made")
@click.option("--workers", type=click.IntRange(min=1), default=None, help="suites at the same time  [default: cores]")
@click.option("--sandbox", type=click.Choice(SANDBOXES), default=SANDBOXES[0], show_default=True)
@click.option("--unsafe", is_flag=True, help="run even where Landlock or seccomp is missing")
@click.option("--cache", type=_PLACE, default=None, help="where results are kept  [default: ~/.cache/evaluation]")
@click.option("--seed", type=int, default=0, show_default=True)
def score(functions: Path, suites: Path, out: Path | None, cache: Path | None, **options: Any) -> int:
    """Run every suite against its function and report what it is worth."""
    from evaluation.report.content import Content
    from evaluation.report.terminal import console, print_report
    from evaluation.report.write import require_writable, write_report

    if out is not None and out.suffix != ".json":
        raise click.BadParameter(f"{out} does not end in .json", param_hint="--out")
    settings = _settings(cache or default_cache(), options)
    inputs = read_inputs(functions, suites)
    if out is not None:
        require_writable(out)
    print_problems(inputs.problems)
    content = Content(_scored(inputs, settings), inputs.functions, inputs.suites, inputs.problems)
    shown = console()
    print_report(content, shown)
    for path in () if out is None else write_report(content, out):
        shown.print(f"wrote {path}", soft_wrap=True)
    return ExitCode.OK


@cli.command()
@click.argument("reports", nargs=-1, required=True, type=_PLACE)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def compare(reports: tuple[Path, ...], *, as_json: bool) -> int:
    """Compare REPORTS, the JSON files of `score --out`, with the first of them, function by function."""
    from evaluation.report.comparison import compare_reports, comparison_table
    from evaluation.report.terminal import console

    if len(reports) < 2:
        raise click.UsageError("give at least two reports")
    made, warnings = compare_reports(reports)
    if as_json:
        rows = [one.to_dict() for one in made]
        click.echo(json.dumps({"base": reports[0].stem, "comparisons": rows, "warnings": warnings}, indent=1))
        return ExitCode.OK
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    console().print(comparison_table(reports[0].stem, made))
    return ExitCode.OK


@cli.command()
def doctor() -> int:
    """Say what fences suites in on this machine, and what is missing."""
    from evaluation.sandbox import sandbox_strength

    found = sandbox_strength()
    rows = {
        "sandbox": found.level,
        "layers": ", ".join(found.layers) or "none",
        "missing": ", ".join(found.missing) or "nothing",
        "network": "cut off" if found.network_isolated else "REACHABLE",
        "files": "hidden" if found.filesystem_isolated else "READABLE",
        "detail": found.detail,
    }
    for name, value in rows.items():
        click.echo(f"{name:<9}{value}")
    return ExitCode.OK if found.level != "none" else ExitCode.SANDBOX


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/evaluation``, else ``~/.cache/evaluation``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "evaluation"


def print_problems(problems: Sequence[InputProblem]) -> None:
    """The first problems of the input on standard error, and how many more there are."""
    from evaluation.report.content import one_line

    for problem in problems[:SHOWN_PROBLEMS]:
        click.echo(f"input: {one_line(str(problem), 400)}", err=True)
    if len(problems) > SHOWN_PROBLEMS:
        click.echo(f"input: and {len(problems) - SHOWN_PROBLEMS} more problems; --out writes all of them", err=True)


def _settings(cache: Path, options: dict[str, Any]) -> ScoreSettings:
    return ScoreSettings(
        mutants_per_function=options["mutants"],
        mutation_scope=options["scope"],
        seed=options["seed"],
        sandbox=options["sandbox"],
        unsafe=options["unsafe"],
        workers=options["workers"] or default_workers(),
        cache_dir=cache,
    )


def _scored(inputs: Inputs, settings: ScoreSettings) -> Report:
    """Score, with progress where standard error is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total, done = len(inputs.functions), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("making mutants", total=total)

        def scored(_: SuiteScore) -> None:
            nonlocal done
            done += 1
            progress.update(task, advance=1, description="scoring suites")

        try:
            return score_suites(inputs.functions, list(inputs.suites.values()), settings, scored)
        except KeyboardInterrupt as stop:
            kept = f"{done} of {total} functions are scored and kept in {settings.cache_dir}; the same command goes on from there"
            raise InterruptedScoringError(kept) from stop

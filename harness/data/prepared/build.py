"""Owns the order of a preparation: read, drop duplicates, cluster, check against benchmarks, split, run, write, report."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.score import default_workers
from harness.core.records import Record
from harness.data.prepared.ask import PrepareAsk, Say
from harness.data.prepared.choosing import Chosen, choose, choose_kept, empty_split
from harness.data.prepared.contamination import in_manifest
from harness.data.prepared.execution import run_oracles
from harness.data.prepared.folder import MANIFEST, REPORT, file_digest, split_file
from harness.data.prepared.gather import Gathered, gather_source
from harness.data.prepared.looking import Looked, look_at, looked_at
from harness.data.prepared.opening import Opened, licence_expression, short_name
from harness.data.prepared.repair import Refused, repaired
from harness.data.prepared.report import report
from harness.data.prepared.spool import Spool
from harness.data.sources.rows import Accounting
from harness.data.splitting.splits import SPLITS
from harness.files.record_files import iter_records, to_line, write_records

_AT_ONCE = 256  # suites run, and records held, at a time


@dataclass(slots=True)
class _Written:
    """What stands in the files."""

    counts: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    beyond: dict[str, int] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    licences: Counter[str] = field(default_factory=Counter)
    with_oracle: Counter[str] = field(default_factory=Counter)
    tests_removed: int = 0


def build(folder: Path, opened: Opened, say: Say) -> None:
    """Fill an empty folder with a Parquet file for each split, report.md and manifest.json.

    Args:
        folder: It.
        opened: What is read.
        say: Told what takes time.

    Raises:
        HarnessError: as the sources; SANDBOX when suites cannot be run; and when a split that was asked for comes out empty.
    """
    ask = opened.ask
    with Spool(folder / "records.spool") as spool:
        gathered = Gathered(spool)
        parts = _gather(gathered, opened, say)
        say(f"{len(gathered.ids):,} records: looking for near-duplicates")
        chosen = choose(gathered, opened) if parts is None else choose_kept(gathered, opened, parts)
        written = _Written()
        for name in SPLITS:
            if len(chosen.parts[name]):
                say(f"writing {name}")
            _write_split(folder, name, (gathered, chosen), (ask, written), say)
    _describe(folder, opened, (gathered, chosen, written))


def _gather(gathered: Gathered, opened: Opened, say: Say) -> dict[str, list[int]] | None:
    """Read everything; the splits where a prepared folder has them."""
    if opened.splits is not None:
        parts = {}
        for name in SPLITS:
            rows = (_of_record(record) for record in iter_records(split_file(opened.splits, name)))
            parts[name] = list(gather_source(gathered, opened.ask.sources[0], rows, say))
        return parts
    for source in opened.sources:
        say(f"reading {source.name}")
        gather_source(gathered, source.name, looked_at(source, default_workers()), say)
    return None


def _of_record(record: Record) -> Looked:
    return look_at(record)


def _write_split(folder: Path, name: str, of: tuple[Gathered, Chosen], to: tuple[PrepareAsk, _Written], say: Say) -> None:
    (gathered, chosen), (ask, written) = of, to
    numbers, limit = chosen.parts[name], ask.limits.get(name)
    digest = hashlib.sha256()
    written.ids[name] = []

    def noted() -> Iterator[Record]:
        for record in _up_to(limit, numbers, gathered, to, say):
            digest.update(to_line(record).encode())
            written.ids[name].append(record.id)
            written.licences[record.licence] += 1
            written.with_oracle[name] += record.oracle_suite is not None
            yield record

    count = write_records(split_file(folder, name), noted())
    if not count and (bool(numbers) and limit != 0 if chosen.kept else ask.wants(name)):
        raise empty_split(name, len(gathered.ids), gathered.left_out.counts, ask)
    written.counts[name], written.digests[name] = count, digest.hexdigest()
    written.beyond[name] = max(len(numbers) - limit, 0) if limit is not None else 0


def _up_to(
    limit: int | None, numbers: Sequence[int], gathered: Gathered, to: tuple[PrepareAsk, _Written], say: Say
) -> Iterator[Record]:
    """The first `limit` records whose oracles hold; no more suites are run than that takes."""
    ask, written = to
    given, place = 0, 0
    while place < len(numbers) and (limit is None or given < limit):
        wanted = _AT_ONCE if limit is None else min(_AT_ONCE, limit - given)
        chunk = [gathered.spool.get(number) for number in numbers[place : place + wanted]]
        place += wanted
        for result, removed in _passing(chunk, ask):
            written.tests_removed += removed
            if isinstance(result, Refused):
                gathered.left_out.add(result.reason, f"{result.id}: {result.detail}"[:300])
            else:
                given += 1
                yield result
        if ask.execution is not None:
            say(f"{min(place, len(numbers)):,} of {len(numbers):,} oracle suites run")


def _passing(chunk: list[Record], ask: PrepareAsk) -> Iterator[tuple[Record | Refused, int]]:
    how = ask.execution
    if how is None:
        return ((record, 0) for record in chunk)
    return repaired(chunk, lambda records: run_oracles(records, how))


def _describe(folder: Path, opened: Opened, made: tuple[Gathered, Chosen, _Written]) -> None:
    """Write report.md and manifest.json."""
    gathered, chosen, written = made
    manifest: dict[str, Any] = {
        **opened.asked(),
        "counts": written.counts,
        "digests": written.digests,
        "with_oracle": {name: written.with_oracle[name] for name in SPLITS},
        "origin": ", ".join(dict.fromkeys(source.origin for source in opened.sources)),
        "licence": licence_expression(written.licences),
        "licences": dict(sorted(written.licences.items())),
        "rows": gathered.rows,
        "records": len(gathered.ids),
        "renamed": gathered.renamed,
        **gathered.left_out.frozen(),
        "beyond_limits": written.beyond,
        "tests_removed": written.tests_removed,
        "clusters": chosen.clusters,
        "contamination": [
            in_manifest(found.benchmark, found.by_split(gathered.ids, written.ids), found.dropped)
            for found in chosen.contamination
        ],
        "harvest": [{"source": short_name(s.name), **s.account()} for s in opened.sources if isinstance(s, Accounting)],
        "files": {file.name: _file(file) for file in (split_file(folder, name) for name in SPLITS)},
    }
    (folder / REPORT).write_text(report(manifest), "utf-8")
    manifest["files"][REPORT] = _file(folder / REPORT)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _file(path: Path) -> dict[str, str | int]:
    return {"sha256": file_digest(path), "bytes": path.stat().st_size}

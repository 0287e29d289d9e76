"""Owns what an inspection says about a source that no layout fits: the proposed mapping, tried on the first rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.inspection.parts import ProposedMapping
from harness.data.inspection.report import Inspection
from harness.data.mapping.apply import Mapped
from harness.data.mapping.clues import columns
from harness.data.mapping.propose import Proposal, propose
from harness.data.mapping.words import mapping_text
from harness.data.sources.reading import Reader
from harness.data.sources.rows import Row, Source

_TRIED = 200
_DEFAULT_NAME = "mapping.yaml"


def propose_for(source: Source, out: Path | None) -> ProposedMapping:
    """The mapping proposed for the first rows of a source.

    Args:
        source: With rows.
        out: Where the file is going to be; for the command in its head.
    """
    tried = list(islice(source.rows(), _TRIED))
    rows = [row for row in tried if isinstance(row, Row)]
    proposal = propose(source.name, [row.values for row in rows])
    names = tuple(columns(row.values for row in rows))
    if proposal is None:
        return ProposedMapping(names, None, "", None, len(tried), 0)
    values = proposal.mapping.model_dump(exclude_none=True)
    text = mapping_text(proposal, str(out or _DEFAULT_NAME))
    return ProposedMapping(names, values, text, None, len(tried), _records(proposal, source, rows))


def _records(proposal: Proposal, source: Source, rows: Sequence[Row]) -> int:
    reader = Reader(Mapped(proposal.mapping), source.origin, source.licence)
    return sum(isinstance(reader.read(row), Record) for row in rows)


def written(found: Inspection, out: Path | None) -> Inspection:
    """The inspection, its proposed mapping written where one was proposed and is wanted as a file.

    Raises:
        HarnessError: as `write_mapping`.
    """
    proposal = found.proposal
    if out is None or proposal is None or proposal.mapping is None:
        return found
    write_mapping(proposal.text, out)
    return replace(found, proposal=replace(proposal, file=str(out)))


def write_mapping(text: str, out: Path) -> None:
    """Write a proposed mapping file; one that is there and differs is somebody's work and stays.

    Raises:
        HarnessError: CONFLICT when it is there and differs; STORAGE when it cannot be written.
    """
    try:
        if out.exists():
            if out.is_file() and out.read_text("utf-8", "replace") == text:
                return
            why, fix = "it may have been edited since it was proposed", "give another --mapping-out, or remove it"
            raise HarnessError(f"{out} is there already, with other content", why=why, fix=fix, code=ExitCode.CONFLICT)
        out.parent.mkdir(parents=True, exist_ok=True)
        half = out.with_name(f".{out.name}.building")
        half.write_text(text, "utf-8")
        half.rename(out)
    except OSError as error:
        why, fix = error.strerror or str(error), "give a --mapping-out that can be written"
        raise HarnessError(f"cannot write {out}", why=why, fix=fix, code=ExitCode.STORAGE) from error

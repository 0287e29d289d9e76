"""The validation functions of every rung as files: nested prefixes of one order, the same for the whole study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.core.rungs import Rungs, nested_order
from harness.files.record_files import read_records, write_records


@dataclass(frozen=True, slots=True)
class RungFiles:
    """Where they are.

    Attributes:
        paths: One file of `Record`s a rung; the full rung's is the split's own.
    """

    paths: tuple[Path, ...]

    @classmethod
    def write(cls, folder: Path, validation: Path, rungs: Rungs, digest: str) -> RungFiles:
        """Write what is not there yet.

        Args:
            folder: Of the study's trials.
            validation: The whole split.
            rungs: All rungs.
            digest: Of the split, hex: functions keep their order for as long as it is the same data.

        Raises:
            OSError: if the folder cannot be written.
        """
        records = read_records(validation)
        order = nested_order([record.id for record in records], digest)
        paths = []
        for rung in range(rungs.last):
            chosen = [records[i] for i in order[: rungs.functions(rung, len(records))]]
            path = folder / f"validation-{rung}.jsonl"
            if not path.exists() or len(read_records(path)) != len(chosen):
                half = path.with_name(f".{path.name}")
                folder.mkdir(parents=True, exist_ok=True)
                write_records(half, chosen)
                half.replace(path)
            paths.append(path)
        return cls((*paths, validation))

"""Owns `package:NAME` and `repo:PATH` as a source of records. The order of a harvest is `harness.data.harvest.build`'s."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from harness.data.harvest.build import RECORDS, SKIPPED, SUMMARY, VERSION, Harvest, with_cache
from harness.data.harvest.codebase import CodeBase, find_package, find_repository
from harness.data.harvest.traced_runs import Times
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import Broken, Item, Row, Skipped, SourceOptions
from harness.files.cache import published
from harness.files.record_files import iter_records

Kind = Literal["package", "repo"]
_TIMES = Times()


@dataclass(frozen=True, slots=True)
class HarvestSource:
    """A code base as a source; see `harness.data.sources.rows.Source`. Its tests are run when `items` is first asked for.

    Attributes:
        name: As the user wrote it.
        base: The code base.
        options: `sample` and `seed` draw from its functions.
        how: How tests and suites are run.
        cache: Where finished harvests are kept.
        times: How long the code base's own tests may run.
    """

    name: str
    base: CodeBase
    options: SourceOptions
    how: Execution
    cache: Path
    times: Times = _TIMES

    @property
    def layout(self) -> str:
        """Always ``harvest``."""
        return "harvest"

    @property
    def origin(self) -> str:
        """Name and version of the code base."""
        return self.base.origin

    @property
    def licence(self) -> str:
        """SPDX identifier, or ``unknown``."""
        return self.base.licence

    def digest(self) -> str:
        """sha256, hex, of the files and of the options.

        Which tests are run before the time is up depends on the machine: the same digest means the same code, and on one
        machine, as long as its cache is kept, the same records.
        """
        tools = {name: version(name) for name in ("pytest", "coverage")}
        times = [self.times.total_s, self.times.file_s, self.how.timeout_s]
        parts = [self.base.digest(), VERSION, self.options.sample, self.options.seed, times, tools]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def rows(self) -> Iterator[Row | Broken]:
        """None: a code base has no rows."""
        return iter(())

    def items(self) -> Iterator[Item]:
        """Pairs that passed twice, then every function and file that was left out, with its reason.

        Raises:
            HarnessError: SANDBOX when tests cannot be run safely, STORAGE when the cache cannot be written.
        """
        folder = self._folder()
        yield from iter_records(folder / RECORDS)
        for line in (folder / SKIPPED).read_text("utf-8").splitlines():
            yield Skipped(**json.loads(line))

    def summary(self) -> dict[str, Any]:
        """What the harvest came to: the fields of `harness.data.harvest.build.Yield`.

        Raises:
            HarnessError: as `items`.
        """
        found: dict[str, Any] = json.loads((self._folder() / SUMMARY).read_text("utf-8"))
        return found

    def account(self) -> dict[str, Any]:
        """The summary without the seconds that it took.

        Raises:
            HarnessError: as `items`.
        """
        return {name: value for name, value in self.summary().items() if name != "seconds"}

    def _folder(self) -> Path:
        how = with_cache(self.how, self.cache / "evaluation")
        harvest = Harvest(self.base, self.options, how, self.times)
        return published(self.cache, f"harvest/{self.base.name}-{self.digest()[:16]}", harvest.write)


def open_harvest(kind: Kind, where: str, options: SourceOptions, how: Execution, cache: Path) -> HarvestSource:
    """A code base as a source; nothing is run before `items` is asked for.

    Args:
        kind: An installed package, or a checkout.
        where: The package's import name, or the folder.
        options: `sample` and `seed` limit the functions that are looked at.
        how: How tests and suites are run; its `on_done` is told first of test files, then of candidates.
        cache: Where finished harvests are kept.

    Raises:
        HarnessError: if there is no such package (ENVIRONMENT) or folder, or no Python in it.
    """
    base = find_package(where) if kind == "package" else find_repository(Path(where))
    return HarvestSource(f"{kind}:{where}", base, options, how, cache)

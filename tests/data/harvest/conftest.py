"""A checkout, harvested once for all tests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checkout import Harvested, write_checkout

from harness.core.records import Record
from harness.data.harvest import open_harvest
from harness.data.harvest.traced_runs import Times
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import Skipped, SourceOptions


@pytest.fixture(scope="session")
def harvested(tmp_path_factory: pytest.TempPathFactory) -> Harvested:
    root = tmp_path_factory.mktemp("harvest")
    outside = root / "written"
    folder = write_checkout(root / "shapes", outside)
    told: list[tuple[int, int]] = []
    how = Execution(on_done=lambda done, count: told.append((done, count)))
    opened = open_harvest("repo", str(folder), SourceOptions(), how, root / "cache")
    source = replace(opened, times=Times(total_s=60.0, file_s=6.0))
    items = list(source.items())
    records = {item.id: item for item in items if isinstance(item, Record)}
    skipped = {item.id: item.reason for item in items if isinstance(item, Skipped)}
    return Harvested(source, folder, outside, records, skipped, told)

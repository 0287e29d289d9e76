from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.core.records import Record
from harness.data.sources.registry import open_source
from harness.data.sources.rows import SourceOptions

_SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "coderm_shaped.py"


def _written(out: Path, rows: int = 60) -> Path:
    subprocess.run([sys.executable, _SCRIPT, "--rows", str(rows), "--out", out], check=True, capture_output=True, timeout=120)
    return out


def test_the_large_set_is_read_like_the_real_one(tmp_path: Path) -> None:
    source = open_source(f"parquet:{_written(tmp_path / 'rows.parquet')}")
    assert source.layout == "coderm"
    records = [item for item in source.items() if isinstance(item, Record)]
    assert len(records) == 60
    assert len({record.source for record in records}) > 50
    sampled = open_source(f"parquet:{tmp_path / 'rows.parquet'}", SourceOptions(sample=9, seed=3))
    chosen = [item for item in sampled.items() if isinstance(item, Record)]
    assert len(chosen) == 9
    assert [record for record in records if record in chosen] == chosen


def test_the_same_seed_writes_the_same_rows(tmp_path: Path) -> None:
    first, second = _written(tmp_path / "a.jsonl", 20), _written(tmp_path / "b.jsonl", 20)
    assert first.read_bytes() == second.read_bytes()

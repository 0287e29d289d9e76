from __future__ import annotations

import ast
import contextlib
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation import FocalFunction
from evaluation.inputs.both import InputUnusableError, read_functions, read_inputs, read_suites
from evaluation.inputs.functions import function_of
from evaluation.inputs.lines import InputProblem, RowError, read_rows
from evaluation.runner.gate import MAX_SUITE_BYTES

GOOD = {"id": "a/1", "source": "def f():\n    return 1\n", "entry_point": "f"}
MBPP_ROW = {
    "task_id": 7,
    "text": "Write f.",
    "code": "def helper(x):\r\n\treturn x\r\ndef f(x):\r\n\treturn helper(x)",
    "test_setup_code": "import math\r\n",
    "test_list": ["assert set(f(1)) == {1}", "assert f(\n    2) == helper(2)"],
}
PASSING = "from solution import f\ndef test_f():\n    assert f() == 1\n"


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def places(problems: list[InputProblem]) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in problems]


def test_functions_of_every_kind(tmp_path: Path) -> None:
    human_eval = {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "canonical_solution": "    return x\n",
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 1\n",
    }
    own = {**GOOD, "oracle_suite": PASSING, "prompt": None, "origin": "fields that are not known are passed over"}
    first, second, third = read_functions(lines(tmp_path / "f.jsonl", own, human_eval, MBPP_ROW))[0]
    assert first == FocalFunction("a/1", GOOD["source"], "f", PASSING, None)
    assert (second.id, second.source, second.prompt) == ("HumanEval/0", "def f(x):\n    return x\n", "def f(x):\n")
    assert "def test_check():\n    check(f)" in str(second.oracle_suite)
    assert (third.id, third.entry_point, third.prompt) == ("MBPP/7", "f", "Write f.")
    assert "\r" not in third.source + str(third.oracle_suite)
    names = [node.name for node in ast.parse(str(third.oracle_suite)).body if isinstance(node, ast.FunctionDef)]
    assert names == ["test_1", "test_2"]


def test_a_gzipped_file_is_read_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "named.jsonl"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\n\n"))
    assert read_functions(path) == ([FocalFunction("a/1", GOOD["source"], "f")], [])
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputUnusableError):
        read_functions(path)


def test_the_data_sets_are_read_whole(humaneval: dict[str, FocalFunction]) -> None:
    root = Path(os.environ.get("HARNESS_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    functions, problems = read_functions(root / "humaneval" / "HumanEval.jsonl.gz")
    assert not problems
    assert [(f.id, f.source, f.entry_point) for f in functions] == [(f.id, f.source, f.entry_point) for f in humaneval.values()]
    functions, problems = read_functions(root / "mbpp" / "mbpp.jsonl")
    assert (len(functions), problems) == (974, [])


def test_every_bad_row_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "f.jsonl",
        "{broken\n",
        "[1]\n",
        {"id": "b", "source": "x"},
        {**GOOD, "id": 5},
        {**GOOD, "source": "  "},
        {**GOOD, "oracle_suite": 1},
        GOOD,
        {**GOOD, "source": "def other(): pass\n"},
        {**MBPP_ROW, "test_list": ["assert missing(1)"]},
        {**MBPP_ROW, "test_list": "assert"},
        {**MBPP_ROW, "code": "def f(:"},
        "[" * 100_000 + "\n",
        "x" * (9 << 20) + "\n",
        {**GOOD, "id": "last"},
    )
    with path.open("ab") as file:
        file.write(json.dumps({**GOOD, "id": "raw"}).encode().replace(b"return 1", b"'\xe9'") + b"\n")
    functions, problems = read_functions(path)
    assert [(function.id, "return 1" in function.source) for function in functions] == [("a/1", True), ("last", True)]
    assert places(problems) == [
        ("f.jsonl:1", "the line is not JSON"),
        ("f.jsonl:2", "the line is not an object"),
        ("f.jsonl:3", "a field is missing"),
        ("f.jsonl:4", "a field has the wrong type"),
        ("f.jsonl:5", "a field has the wrong type"),
        ("f.jsonl:6", "a field has the wrong type"),
        ("f.jsonl:8", "an id comes twice"),
        ("f.jsonl:9", "no entry point"),
        ("f.jsonl:10", "a field has the wrong type"),
        ("f.jsonl:11", "the row is not Python"),
        ("f.jsonl:12", "the line is not JSON"),
        ("f.jsonl:13", "the line is too long"),
        ("f.jsonl:15", "wrong encoding"),
    ]
    assert "f.jsonl:7 already" in problems[6].why
    assert all(problem.why and problem.fix for problem in problems)


def test_suites_in_a_folder(tmp_path: Path) -> None:
    names = ["a/1", "b", "test_c", "MBPP/7", "late", "big", "folder", "gone", "nested/x.y"]
    texts = {"a__1.py": "1", "test_b.py": "2", "b.py": "3", "test_c.py": "4", "7.py": "5", "what.py": "6", "conftest.py": "7"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "late.py").write_bytes(b"# caf\xe9\n")
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(10 << 20)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to("nowhere")
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "x.y.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("8", "utf-8")
    suites, problems = read_suites(tmp_path, names)
    codes = {name: suite.code for name, suite in suites.items()}
    assert len(codes.pop("big")) == MAX_SUITE_BYTES + 1
    assert codes == {"a/1": "1", "b": "3", "test_c": "4", "MBPP/7": "5", "late": "# caf\udce9\n", "nested/x.y": "x = 1\n"}
    assert sorted(places(problems)) == [
        ("\\udcff.py", "a file for an unknown function"),
        ("big.py", "too large"),
        ("folder.py", "the suite cannot be read"),
        ("gone.py", "the suite cannot be read"),
        ("late.py", "wrong encoding"),
        ("test_b.py", "a second suite for a function"),
        ("what.py", "a file for an unknown function"),
    ]


def test_suites_in_a_file(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "s.jsonl",
        {"id": "a/1", "code": "1"},
        {"function_id": "b", "suite": ""},
        {"task_id": 7, "completion": "3"},
        {"id": "a/1", "code": "2"},
        {"id": "z", "code": "4"},
        {"code": "5"},
        {"id": "late"},
        {"id": "late", "code": None},
        {"id": ["late"], "code": "6"},
        {"id": "late", "code": "\ud800"},
    )
    suites, problems = read_suites(path, ["a/1", "b", "MBPP/7", "late"])
    assert {name: suite.code for name, suite in suites.items()} == {"a/1": "1", "b": "", "MBPP/7": "3", "late": "\ud800"}
    assert [what for _, what in places(problems)] == [
        "a second suite for a function",
        "a suite for an unknown function",
        "a field is missing",
        "a field is missing",
        "a field has the wrong type",
        "a field has the wrong type",
        "wrong encoding",
    ]


@pytest.mark.parametrize("functions", ["", "\n\n", "{}\n", None])
def test_no_usable_function_is_an_error(functions: str | None, tmp_path: Path) -> None:
    path = tmp_path if functions is None else lines(tmp_path / "f.jsonl", functions)
    with pytest.raises(InputUnusableError) as found:
        read_inputs(path, tmp_path)
    assert len(found.value.problems) == (functions == "{}\n")


def test_no_suite_at_all_is_an_error(tmp_path: Path) -> None:
    functions = lines(tmp_path / "f.jsonl", GOOD)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "else.py").write_text("", "utf-8")
    for place, problems in (("empty", 0), ("other", 1), ("none", 0)):
        with pytest.raises(InputUnusableError) as found:
            read_inputs(functions, tmp_path / place)
        assert len(found.value.problems) == problems


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=30) | st.just(json.dumps(GOOD).encode()), max_size=6))
def test_any_bytes_are_rows_or_problems(tmp_path: Path, parts: list[bytes]) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(b"# no gzip\n" + b"\n".join(parts))
    for where, row in read_rows(path):
        assert where.startswith("any.jsonl:")
        assert isinstance(row, InputProblem | dict)


texts = st.text(max_size=4)
json_values = st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=2)
fields = (
    "id",
    "source",
    "entry_point",
    "task_id",
    "test_list",
    "code",
    "test_setup_code",
    "canonical_solution",
    "prompt",
    "test",
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(fields), json_values))
def test_any_object_is_a_function_or_a_problem(row: dict[str, object]) -> None:
    with contextlib.suppress(RowError):
        assert isinstance(function_of(row), FocalFunction)

"""The proposed mapping: what it chooses for differently named columns, its text, and that nothing makes it crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_rows import NAMES, SCHEMAS, code, pytest_file, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.records import Record
from harness.data.mapping.apply import Mapped
from harness.data.mapping.model import load_mapping
from harness.data.mapping.names import SYNONYMS, likeness
from harness.data.mapping.propose import Proposal, propose
from harness.data.mapping.words import mapping_text, plain_text
from harness.data.sources.rows import Broken, Row

CHOSEN: dict[str, dict[str, Any]] = {
    "renamed": {
        "source": {"column": "snippet", "path": "", "take": "text"},
        "oracle_suite": {"column": "pytest_code", "path": "", "take": "text"},
        "id": {"column": "uid"},
        "entry_point": {"column": "fn"},
        "licence": {"column": "license"},
        "origin": {"column": "repo"},
    },
    "json_of_objects": {
        "source": {"column": "reference_solution", "path": "", "take": "text"},
        "oracle_suite": {"column": "candidates", "path": "*.code", "take": "json"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "fenced": {
        "source": {"column": "ask", "path": "", "take": "code"},
        "oracle_suite": {"column": "reply", "path": "", "take": "code"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "list_of_asserts": {
        "source": {"column": "program", "path": "", "take": "text"},
        "oracle_tests": {"column": "checks", "path": "*", "take": "text"},
        "id": {"column": "problem_id"},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "nested": {
        "source": {"column": "item", "path": "body", "take": "text"},
        "oracle_suite": {"column": "suites", "path": "unit", "take": "text"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "check": {
        "source": {"column": "Solution", "path": "", "take": "text"},
        "oracle_suite": {"column": "Checker", "path": "", "take": "text"},
        "id": {"column": "key"},
        "entry_point": {"column": "FunctionName"},
        "licence": {"constant": "unknown"},
    },
    "json_list_of_tests": {
        "source": {"column": "func", "path": "", "take": "text"},
        "oracle_tests": {"column": "tests_json", "path": "*", "take": "json"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "programs_beside": {
        "source": {"column": "gold", "path": "", "take": "text"},
        "oracle_suite": {"column": "ut_json", "path": "*.code", "take": "json"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
    "functions_only": {
        "source": {"column": "method", "path": "", "take": "text"},
        "id": {"row": True},
        "entry_point": {"infer": True},
        "licence": {"constant": "unknown"},
    },
}


def proposed(some: list[dict[str, Any]]) -> Proposal:
    found = propose("jsonl:x.jsonl", some)
    assert found is not None
    return found


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_schema_gets_the_mapping_a_person_would_write(schema: str) -> None:
    found = proposed(rows(schema))
    assert found.mapping.fields.model_dump(exclude_none=True) == CHOSEN[schema]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_row_of_each_schema_becomes_the_right_record(schema: str) -> None:
    layout = Mapped(proposed(rows(schema)).mapping)
    for n, values in enumerate(rows(schema)):
        item = layout.read(Row(f"x.jsonl, line {n + 1}", values))
        assert isinstance(item, Record), item
        assert item.entry_point == NAMES[n % len(NAMES)]
        assert item.source.removeprefix("import math\n\n\n") == code(item.entry_point, 2 + n)
        assert (item.oracle_suite is None) == (schema == "functions_only")
        if item.oracle_suite is not None:
            assert f"from solution import {item.entry_point}" in item.oracle_suite
            assert item.oracle_tests


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_text_reads_back_as_the_mapping(schema: str, tmp_path: Path) -> None:
    found = proposed(rows(schema))
    for name, text in (("commented", mapping_text(found, "m.yaml")), ("plain", plain_text(found.mapping))):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text, "utf-8")
        assert load_mapping(file) == found.mapping
        assert max(map(len, text.splitlines())) < 130


def test_the_text_says_why_and_names_the_alternatives() -> None:
    some = [{**row, "old_snippet": row["snippet"]} for row in rows("renamed")]
    text = mapping_text(proposed(some), "m.yaml").replace("\n  #   ", " ")
    assert "# the function under test: 100% of the rows" in text
    assert "also seen: `old_snippet` (100%)" in text
    assert "harness data map m.yaml --out FOLDER" in text


def test_tests_are_not_taken_for_the_function_whatever_the_columns_are_called() -> None:
    some = [{"code": pytest_file(name, 3), "tests": code(name, 3)} for name in NAMES]
    fields = proposed(some).mapping.fields
    assert fields.source.column == "tests"
    assert fields.tests is not None
    assert fields.tests.column == "code"


def test_a_minority_of_rows_that_do_not_fit_does_not_change_the_choice() -> None:
    some: list[dict[str, Any]] = rows("renamed")
    some[3] = {"snippet": "def broken(:", "pytest_code": None, "uid": "u-3", "fn": "broken", "license": "MIT", "repo": "x"}
    some[7] = {"something": 1}
    assert proposed(some).mapping.fields.source.column == "snippet"


def test_no_function_anywhere_gives_no_mapping() -> None:
    assert propose("jsonl:x", [{"text": "hello", "n": 1}, {"text": "x = 1", "n": 2}]) is None
    assert propose("jsonl:x", []) is None


def test_column_names_cannot_break_out_of_the_comments(tmp_path: Path) -> None:
    evil = "x\nformat: gone\n# "
    some = [{"code": code(name, 2), evil: code(name, 2), "a: b": pytest_file(name, 2)} for name in NAMES]
    found = proposed(some)
    file = tmp_path / "m.yaml"
    file.write_text(mapping_text(found, "m.yaml"), "utf-8")
    assert load_mapping(file) == found.mapping


def test_known_names_sound_like_their_fields() -> None:
    for field, names in SYNONYMS.items():
        assert all(likeness(name, field) == 1 for name in names)
    assert likeness("canonicalSolution", "source") == 1
    assert likeness("quality", "source") < 0.8


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=30),
        st.binary(max_size=8),
        st.sampled_from(
            [
                code("scale_a", 2),
                pytest_file("scale_a", 2),
                f"```python\n{code('clip_b', 3)}```",
                json.dumps([{"code": code("wrap_c", 4)}, {"code": 1}]),
                json.dumps({"a": [code("wrap_c", 4)]}),
                "[" * 5000,
                "(" * 300,
                "\ud800 def",
                "def f(x):\n\treturn x\x00",
                "def check(candidate):\n    assert candidate(1)",
            ]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.dictionaries(st.text(max_size=8), values, max_size=4), max_size=4))
def test_nothing_in_rows_makes_the_proposal_or_its_application_crash(some: list[dict[str, Any]]) -> None:
    found = propose("jsonl:x.jsonl", some)
    if found is not None:
        mapping_text(found, "m.yaml").encode()
        for n, row in enumerate(some):
            item = Mapped(found.mapping).read(Row(f"x, line {n + 1}", row))
            assert isinstance(item, Record | Broken)
            if isinstance(item, Record):
                json.dumps(item.to_dict(), ensure_ascii=False).encode()

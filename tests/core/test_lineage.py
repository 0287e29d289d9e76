from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineages import lineage

from harness.core.lineage import SCHEMA, Lineage, differences

NAMES = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6)


def test_what_is_written_is_read_back() -> None:
    one = lineage()
    assert Lineage.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize("gone", [field.name for field in fields(Lineage)])
def test_a_record_without_one_of_its_parts_is_no_lineage(gone: str) -> None:
    values = lineage().to_dict()
    del values[gone]
    with pytest.raises(ValueError, match=gone):
        Lineage.from_dict(values)


def test_another_schema_is_refused_and_a_key_of_a_later_writer_is_not() -> None:
    values = lineage().to_dict()
    assert Lineage.from_dict({**values, "card": {}}) == lineage()
    with pytest.raises(ValueError, match="harness-adapter/9"):
        Lineage.from_dict({**values, "schema": "harness-adapter/9"})
    assert values["schema"] == SCHEMA


@given(NAMES, NAMES)
def test_a_difference_is_a_name_that_was_there_and_has_another_value(was: dict[str, str], now: dict[str, str]) -> None:
    found = {one.what: one for one in differences(was, now)}
    assert set(found) == {name for name in was if was[name] != now.get(name, "absent")}
    assert all(one.was == was[name] and one.now == now.get(name, "absent") for name, one in found.items())
    assert differences(was, was) == ()

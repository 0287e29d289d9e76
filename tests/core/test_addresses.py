"""No password of a store reaches a screen, a log or a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.addresses import driver_advice, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:secret@db/study", "postgresql://me:***@db/study"),
        ("postgresql+psycopg://me:a@b:c@db:5432/study?x=1", "postgresql+psycopg://me:***@db:5432/study?x=1"),
        ("http://:secret@tracking:5000", "http://:***@tracking:5000"),
        ("http://tracking:5000/a@b", "http://tracking:5000/a@b"),
        ("postgresql://me@db/study", "postgresql://me@db/study"),
        ("postgresql://me@db/study?password=secret&sslmode=require", "postgresql://me@db/study?password=***&sslmode=require"),
        ("postgresql://db/x?sslmode=require&user=me&PGPASSWORD=a@b", "postgresql://db/x?sslmode=require&user=me&PGPASSWORD=***"),
        ("http://tracking:5000?access_token=secret#part", "http://tracking:5000?access_token=***#part"),
        ("sqlite:////tmp/a:b@c/study.db", "sqlite:////tmp/a:b@c/study.db"),
    ],
)
def test_only_the_password_goes(address: str, shown: str) -> None:
    assert without_password(address) == shown


@given(password=st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/?#*"), min_size=1))
def test_no_password_survives(password: str) -> None:
    assert without_password(f"postgresql://u:{password}@host/db") == "postgresql://u:***@host/db"


def test_a_missing_driver_is_named_by_its_package() -> None:
    outer = RuntimeError("no engine")
    outer.__cause__ = ModuleNotFoundError("No module named 'psycopg'", name="psycopg")
    assert "pip install 'psycopg[binary]'" in driver_advice(outer)
    assert driver_advice(RuntimeError("refused")) == ""

"""No password of a store reaches a screen, a log or a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.addresses import without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:secret@db/study", "postgresql://me:***@db/study"),
        ("postgresql+psycopg://me:a@b:c@db:5432/study?x=1", "postgresql+psycopg://me:***@db:5432/study?x=1"),
        ("http://:secret@tracking:5000", "http://:***@tracking:5000"),
        ("http://tracking:5000/a@b", "http://tracking:5000/a@b"),
        ("postgresql://me@db/study", "postgresql://me@db/study"),
        ("sqlite:////tmp/a:b@c/study.db", "sqlite:////tmp/a:b@c/study.db"),
    ],
)
def test_only_the_password_goes(address: str, shown: str) -> None:
    assert without_password(address) == shown


@given(password=st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/?#*"), min_size=1))
def test_no_password_survives(password: str) -> None:
    assert without_password(f"postgresql://u:{password}@host/db") == "postgresql://u:***@host/db"

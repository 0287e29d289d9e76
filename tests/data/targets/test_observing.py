"""A test that expects the wrong value, as one that expects what the code returns."""

from __future__ import annotations

import pytest

from harness.data.targets.around import Around
from harness.data.targets.observing import LONGEST, asked_of, settled
from harness.data.targets.pieces import Piece, pieces_of
from harness.data.targets.rendering import AS_SOLUTION, OBSERVED, rendered
from harness.data.targets.tests import joined_tests

AROUND = Around("def price(x):\n    return x\n", "price", frozenset({"price"}))


def piece(body: str) -> Piece:
    (found,) = pieces_of([f"from solution import price\n\ndef test_a():\n    {body}\n"], AROUND)
    return found


def answer(body: str) -> str:
    """What the question of a piece fails with, asked of the real code."""
    question = asked_of(piece(body))
    assert question is not None
    (test,) = joined_tests("price", [question])
    names: dict[str, object] = {}
    exec(rendered(AS_SOLUTION, [test]).replace("from solution import price", "def price(x):\n    return x"), names)
    with pytest.raises(AssertionError) as raised:
        names[test.name]()  # type: ignore[operator]
    return str(raised.value)


def test_the_value_is_the_codes() -> None:
    found = settled(piece("assert price([1, 'a']) == 7"), answer("assert price([1, 'a']) == 7"))
    assert found is not None
    assert found.text == "assert price([1, 'a']) == [1, 'a']"
    assert found.observed


def test_what_leads_up_to_the_check_stays() -> None:
    body = "x = [1]\n    x.append(price(2))\n    assert x == [2, 1]"
    found = settled(piece(body), answer(body))
    assert found is not None
    assert found.text == "x = [1]\nx.append(price(2))\nassert x == [1, 2]"


@pytest.mark.parametrize(("argument", "text"), [("None", "is None"), ("True", "is True"), ("0.5", "== 0.5"), ("-1", "== -1")])
def test_constants(argument: str, text: str) -> None:
    body = f"assert price({argument}) == 7"
    found = settled(piece(body), answer(body))
    assert found is not None
    assert found.text == f"assert price({argument}) {text}"


def test_an_iterator_is_listed_and_the_models_own_value_stays_its_own() -> None:
    body = "assert price(iter([1, 2])) == [1, 2]"
    found = settled(piece(body), answer(body))
    assert found is not None
    assert found.text == "assert list(price(iter([1, 2]))) == [1, 2]"
    assert not found.observed


@pytest.mark.parametrize(
    "body", ["assert price(1)", "assert price(1) > 2", "assert price(1) == price(2)", "assert 1 < price(1) < 2"]
)
def test_other_checks_are_not_asked(body: str) -> None:
    assert asked_of(piece(body)) is None


@pytest.mark.parametrize(
    "said", ["", "ValueError: x", "harness observed value <object at 0x1>", "harness observed value price(1)"]
)
def test_what_is_no_literal_cannot_be_expected(said: str) -> None:
    assert settled(piece("assert price(1) == 2"), said) is None


def test_what_is_too_long_to_read_is_not_expected() -> None:
    assert settled(piece("assert price(1) == 2"), f"harness observed value {'1' * (LONGEST + 1)}") is None


def test_it_says_so_in_the_file() -> None:
    found = settled(piece("assert price(1) == 2"), answer("assert price(1) == 2"))
    assert found is not None
    assert OBSERVED in rendered(AS_SOLUTION, joined_tests("price", [found]))

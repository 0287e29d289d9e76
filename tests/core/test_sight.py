from __future__ import annotations

from harness.core.sight import RETRIES, Sight


def failing(sight: Sight, times: int, start: float = 1.0) -> Sight:
    for at in range(times):
        sight = sight.failed(start + at, "Unknown Error")
    return sight


def test_a_few_failures_are_a_hiccup() -> None:
    sight = failing(Sight(), RETRIES)
    assert not sight.blind
    assert sight.account() is None
    assert sight.seen(9.0) == Sight()


def test_more_are_blindness_counted_from_the_first() -> None:
    sight = failing(Sight(), RETRIES + 1)
    assert sight.blind
    assert sight.account() == "not watched from 1.0 s on: Unknown Error"


def test_sight_that_returns_is_told_and_may_go_again() -> None:
    sight = failing(Sight(), RETRIES + 1).seen(8.5)
    assert not sight.blind
    assert sight.account() == "not watched from 1.0 s to 8.5 s: Unknown Error"
    again = failing(sight, RETRIES + 1, 20.0)
    assert again.account() == f"{sight.account()}; not watched from 20.0 s on: Unknown Error"


def test_what_cannot_pass_is_blindness_at_once() -> None:
    assert Sight().blinded(0.0, "no baseline").account() == "not watched from 0.0 s on: no baseline"

"""Trial processes and the memory promised to them: never beyond a device's budget, the loaded base where there is a choice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.sweep.seats import Seats

NF4, FULL = ("nf4", 0), ("none", 0)
_STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.none() | st.integers(1, 120)), max_size=40)


@given(devices=st.lists(st.integers(0, 2), min_size=1, max_size=6), steps=_STEPS)
def test_no_device_is_promised_more_than_its_budget_and_no_process_two_trials(
    devices: list[int], steps: list[tuple[bool, int, int | None]]
) -> None:
    seats = Seats(devices, 100)
    held: dict[int, int] = {}
    for arrives, number, needed in steps:
        if not arrives:
            seats.leave(number)
            held.pop(number, None)
        elif number not in held and (seat := seats.find(needed, FULL)) is not None:
            assert seat not in held.values()
            seats.take(number, seat, needed, FULL)
            held[number] = seat
        for device in set(devices):
            assert sum(seats.reserved(device)) <= 100
            assert len(seats.reserved(device)) == sum(devices[seat] == device for seat in held.values())


def test_a_trial_without_a_prediction_has_its_device_for_itself() -> None:
    seats = Seats([0, 0], 100)
    seats.take(1, 0, None, FULL)
    assert seats.reserved(0) == (100,)
    assert seats.find(10) is None
    seats.leave(1)
    assert seats.find(10) is not None


def test_a_process_that_holds_the_base_is_preferred() -> None:
    seats = Seats([0, 0], 100)
    for number, base in enumerate((FULL, NF4)):
        seats.take(number, number, 10, base)
    for number in (0, 1):
        seats.leave(number)
    assert seats.find(10, NF4) == 1
    assert seats.find(10, FULL) == 0
    assert seats.find(10, ("int8", 0)) == 0

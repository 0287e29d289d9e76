"""Tapes small enough to be counted by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.memory_tape import Scratch, Tape


def test_a_forward_frees_what_nobody_needs_any_more() -> None:
    tape = Tape()
    x = tape.tensor(10)
    y = tape.op(20, (x,))
    z = tape.op(5, (y,))
    tape.op(1, (z,))
    assert tape.unsaving() == 30  # x and y; then y and z without x
    assert tape.walk(accumulating=True).saved == 0


def test_what_is_saved_stays_for_the_backward() -> None:
    tape = Tape()
    x = tape.tensor(10)
    y = tape.op(20, (x,), (x,))
    tape.op(5, (y,), (y,))
    walk = tape.walk(accumulating=True)
    assert walk.saved == 30
    assert walk.forward == 35
    assert walk.backward == 55  # 30 saved, the incoming gradient of 5, the gradient of y; then y goes before x's is made


def test_a_tensor_saved_twice_counts_once_and_goes_with_its_last_reader() -> None:
    tape = Tape()
    x = tape.tensor(10)
    first = tape.op(10, (x,), (x,))
    second = tape.op(10, (x,), (x,))
    tape.add(first, second)
    walk = tape.walk(accumulating=True)
    assert walk.saved == 10
    # The sum hands its gradient to both; each makes one of x, and the second is added to the first.
    assert walk.backward == 10 + 10 + 10 + 10


def test_views_share_their_storage() -> None:
    tape = Tape()
    whole = tape.tensor(12)
    left, right = tape.views(whole, (6, 6))
    tape.op(6, (left, right), (left, right))
    assert tape.walk(accumulating=True).saved == 12
    assert tape.walk(accumulating=True).forward == 18


def test_what_autograd_does_not_see_is_kept() -> None:
    tape = Tape()
    x = tape.tensor(10)
    tape.keep(x)
    y = tape.op(10, (x,))
    tape.op(10, (y,), (y,))
    walk = tape.walk(accumulating=True)
    assert (walk.saved, walk.kept) == (20, 10)


def test_gradients_of_weights_stay_unless_they_are_there_already() -> None:
    def backward(accumulating: bool) -> int:
        tape = Tape()
        x = tape.tensor(1)
        y = tape.op(1, (x, tape.param(100)))
        tape.op(1, (y, tape.param(100)))
        return tape.walk(accumulating=accumulating).backward

    assert backward(accumulating=True) == 102
    assert backward(accumulating=False) == 202


def test_scratch_counts_only_while_its_operation_runs() -> None:
    tape = Tape()
    x = tape.tensor(10)
    y = tape.op(10, (x,), scratch=Scratch(ahead=100, back=7))
    tape.op(10, (y,))
    walk = tape.walk(accumulating=True)
    assert walk.forward == 120
    assert walk.backward == 27


def test_a_name_in_the_code_holds_a_tensor() -> None:
    def forward(held: bool) -> int:
        tape = Tape()
        x = tape.tensor(10)
        y = tape.op(10, (x,))
        z = tape.op(10, (y,))
        if held:
            tape.hold(x, z)
        return tape.unsaving()

    assert forward(held=False) == 20
    assert forward(held=True) == 30


@given(sizes=st.lists(st.tuples(st.integers(1, 100), st.booleans()), min_size=1, max_size=30), entry=st.integers(1, 100))
def test_any_chain_keeps_the_order_of_its_figures(sizes: list[tuple[int, bool]], entry: int) -> None:
    tape = Tape()
    x = tape.tensor(entry)
    for size, saves in sizes:
        x = tape.op(size, (x,), (x,) if saves else ())
    walk = tape.walk(accumulating=True)
    assert walk.kept <= walk.saved <= walk.forward
    assert walk.saved + sizes[-1][0] <= walk.backward
    assert tape.unsaving() <= walk.forward <= entry + sum(size for size, _ in sizes)

"""Whatever a run answers, reading it raises nothing and gives a message of the known shape or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import Verdict
from evaluation.answers import ALONE, FIELDS, WHOLE, died, passing, read
from evaluation.mutant_stage import judge_mutant
from evaluation.records import MutantFate, TestVerdict
from evaluation.runner.wire import ANSWERED, DIED, FORGED, TIMED_OUT, Ended, Limits

GOOD = {
    "tests": [["test_a", "passed", "", 3], ["test_b", "failed", "wrong", 4]],
    "rebound": False,
    "ran": True,
    "ticks": 4,
}
LIMITS = Limits(10.0, 10.0, 1 << 30)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(TestVerdict).map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FIELDS, "x"]), inner, max_size=4),
    max_leaves=12,
)
a_test = st.tuples(
    st.text(max_size=4), st.sampled_from(TestVerdict).map(str) | anything, st.text(max_size=4), st.integers() | anything
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "tests": st.lists(a_test.map(list), max_size=3) | anything,
        "rebound": st.booleans() | anything,
        "ran": st.booleans() | anything,
        "ticks": st.integers() | anything,
        "collect_error": st.lists(st.text(max_size=3), min_size=2, max_size=2) | anything,
        "error": st.text(max_size=3) | anything,
        "arcs": st.lists(st.lists(st.integers(), min_size=2, max_size=2), max_size=2) | anything,
    },
)


def answered(data: bytes) -> Ended:
    return Ended(ANSWERED, 0.1, 0.1, data)


def says(message: object) -> Ended:
    return answered(json.dumps(message).encode())


@given(fields | anything)
def test_any_json_is_known_or_nothing(value: object) -> None:
    message = read(says(value))
    if message:
        assert message == value
        assert message.keys() >= WHOLE or (len(message) == 1 and message.keys() <= ALONE)
        assert message.keys() <= FIELDS.keys()
        assert all(len(test) == 4 and test[1] in set(TestVerdict) for test in message.get("tests", []))


@given(fields | anything)
def test_any_json_leads_to_a_verdict(value: object) -> None:
    ended = says(value)
    assert judge_mutant(read(ended)).fate in set(MutantFate)
    assert died(ended, LIMITS)[0] in set(Verdict)
    assert passing(read(ended)) <= {str(test[0]) for test in read(ended).get("tests", [])}


@given(st.binary(max_size=40))
def test_any_bytes_lead_to_nothing_or_json(data: bytes) -> None:
    assert isinstance(read(answered(data)), dict)


def test_nesting_beyond_the_stack_is_nothing() -> None:
    assert read(answered(b"[" * 200_000)) == {}


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_half_an_answer_is_nothing(missing: str) -> None:
    assert read(says(GOOD)) == GOOD
    assert read(says({name: value for name, value in GOOD.items() if name != missing})) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"tests": [["a", "passed", ""]]},
        {"tests": [["\ud800", "passed", "", 1]]},
        {"tests": [["a", "passed", "\udfff", 1]]},
        {"error": "\ud800"},
        {"tests": [["a", "won", "", 1]]},
        {"tests": [["a", ["passed"], "", 1]]},
        {"tests": [["a", "passed", "", True]]},
        {"tests": [["a", "passed", "", 1]] * 20_001},
        {"ran": 1},
        {"ticks": 1.5},
        {"arcs": [[1, 2, 3]]},
        {"arcs": [[1, True]]},
        {"collect_error": ["a"]},
        {"more": 1},
    ],
)
def test_another_shape_is_nothing(change: dict[str, object]) -> None:
    assert read(says({**GOOD, **change})) == {}


def test_the_verdict_on_a_run_without_an_answer() -> None:
    ends = {how: died(Ended(how, 1.0, 1.0, b""), LIMITS) for how in (TIMED_OUT, DIED, FORGED)}
    assert [ends[how][0] for how in ends] == [Verdict.TIMEOUT, Verdict.CRASHED, Verdict.FORGED]
    assert died(answered(b""), LIMITS)[0] is Verdict.FORGED
    assert died(says({"memory": True}), LIMITS)[0] is Verdict.MEMORY
    assert died(says({"error": "SystemExit"}), LIMITS) == (Verdict.CRASHED, "SystemExit")


@given(st.floats(0, 20), st.floats(0, 20))
def test_a_timeout_names_its_limit_and_nothing_that_was_measured(cpu_s: float, wall_s: float) -> None:
    said = died(Ended(TIMED_OUT, cpu_s, wall_s, b""), LIMITS)
    assert said == (Verdict.TIMEOUT, "stopped at its limit of 10 s, on the clock or of CPU time")


@pytest.mark.parametrize(
    ("message", "fate"),
    [
        (GOOD, MutantFate.ASSERTED),
        ({**GOOD, "tests": GOOD["tests"][:1]}, MutantFate.SURVIVED),  # type: ignore[index]
        ({**GOOD, "tests": [["a", "error", "", 1]]}, MutantFate.RAISED),
        ({**GOOD, "tests": [["a", "memory", "", 1]]}, MutantFate.STOPPED),
        ({**GOOD, "tests": [["a", "skipped", "", 1]]}, MutantFate.SURVIVED),
        ({**GOOD, "tests": [["a", "xfailed", "", 1]]}, MutantFate.SURVIVED),
        ({**GOOD, "ran": False}, MutantFate.STOPPED),
        ({**GOOD, "collect_error": ["AssertionError", "x"]}, MutantFate.ASSERTED),
        ({**GOOD, "collect_error": ["NameError", "x"]}, MutantFate.RAISED),
        ({**GOOD, "collect_error": ["MemoryError", "x"]}, MutantFate.STOPPED),
        ({**GOOD, "collect_error": ["Skipped", "x"]}, MutantFate.SURVIVED),
        ({"solution_error": "NameError"}, MutantFate.RAISED),
        ({"budget": True}, MutantFate.STOPPED),
        ({"memory": True}, MutantFate.STOPPED),
        ({}, MutantFate.STOPPED),
    ],
)
def test_the_fate_of_a_mutant(message: dict[str, object], fate: MutantFate) -> None:
    assert judge_mutant(read(says(message))).fate is fate

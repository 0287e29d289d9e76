"""Several suites for each function: a real trial process with the tiny model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from harness.trial.spec import ChildEnding, GenerateSpec, TrialSpec, read_suites
from harness.trial.trial_dir import TrialDir

Run = Callable[..., TrialDir]


def asked(spec: TrialSpec, name: str, **changed: object) -> TrialSpec:
    generate = GenerateSpec(spec.generate.functions_file, max_new_tokens=8, batch_size=2, temperature=1.0)
    return replace(spec, name=name, train=None, generate=replace(generate, **changed))  # type: ignore[arg-type]


def test_the_first_of_several_is_greedy_the_others_are_drawn_and_all_repeat(run: Run, spec: TrialSpec) -> None:
    greedy = sorted(read_suites(run(asked(spec, "one")).suites_file), key=lambda suite: suite.function_id)
    several = sorted(read_suites(run(asked(spec, "three", samples=3)).suites_file), key=lambda suite: suite.function_id)
    again = sorted(
        read_suites(run(asked(spec, "again", samples=3, batch_size=6)).suites_file), key=lambda suite: suite.function_id
    )
    assert [suite.function_id for suite in several] == [suite.function_id for suite in greedy for _ in range(3)]
    assert [suite.raw for suite in several[::3]] == [suite.raw for suite in greedy]
    for first in range(0, len(several), 3):
        assert len({suite.raw for suite in several[first : first + 3]}) == 3
    assert several == again


def test_when_the_time_is_up_what_is_written_counts(run: Run, spec: TrialSpec) -> None:
    folder = run(asked(spec, "late", samples=3, until=time.time()))
    result = folder.read_result()
    assert result is not None
    assert result.ending is ChildEnding.COMPLETED, result.reason
    assert not folder.suites_file.exists()


def test_a_single_suite_is_written_as_one_of_several_where_it_need_not_be_whole(run: Run, spec: TrialSpec) -> None:
    suites = {
        whole: {
            suite.function_id: suite for suite in read_suites(run(asked(spec, f"one-{whole}", whole_tests=whole)).suites_file)
        }
        for whole in (True, False)
    }
    assert {name: suite.raw for name, suite in suites[True].items()} == {name: suite.raw for name, suite in suites[False].items()}
    late = run(asked(spec, "late", whole_tests=False, until=time.time()))
    assert not late.suites_file.exists()

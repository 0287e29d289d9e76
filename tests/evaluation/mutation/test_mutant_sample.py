from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.mutation.records import Mutant, MutationSettings
from evaluation.mutation.sample import sample

places = st.lists(st.tuples(st.integers(1, 8), st.sampled_from("abcde")), max_size=40)
seeds = st.text(max_size=5)


def mutants_at(places: list[tuple[int, str]]) -> list[Mutant]:
    return [Mutant(f"# {number}", line, line, operator, "", "f") for number, (line, operator) in enumerate(places)]


@given(places, st.integers(0, 50), seeds)
def test_a_sample_is_the_same_for_a_seed_and_in_source_order(places: list[tuple[int, str]], size: int, seed: str) -> None:
    mutants = mutants_at(places)
    chosen = sample(mutants, size, seed)
    assert len(chosen) == min(size, len(mutants))
    assert len({mutant.source for mutant in chosen}) == len(chosen)
    assert [mutant.line for mutant in chosen] == sorted(mutant.line for mutant in chosen)
    assert sample(mutants, size, seed) == chosen


@given(places, seeds)
def test_all_are_taken_where_all_are_asked_for(places: list[tuple[int, str]], seed: str) -> None:
    mutants = mutants_at(places)
    assert sample(mutants, None, seed) == sample(mutants, len(mutants), seed)
    assert {mutant.source for mutant in sample(mutants, None, seed)} == {mutant.source for mutant in mutants}


@given(places, st.integers(0, 50), seeds)
def test_a_sample_spreads_over_lines_first(places: list[tuple[int, str]], size: int, seed: str) -> None:
    mutants = mutants_at(places)
    lines = [mutant.line for mutant in mutants]
    counts = {line: [one.line for one in sample(mutants, size, seed)].count(line) for line in set(lines)}
    # A line has fewer than another by more than one only where it has no more to give.
    assert all(count >= max(counts.values()) - 1 or count == lines.count(line) for line, count in counts.items())


@given(places, seeds)
def test_a_line_gives_each_operator_once_before_any_twice(places: list[tuple[int, str]], seed: str) -> None:
    mutants = mutants_at([(1, operator) for _, operator in places])
    kinds = {mutant.operator for mutant in mutants}
    assert {mutant.operator for mutant in sample(mutants, len(kinds), seed)} == kinds


@given(places, st.integers(0, 50), seeds)
def test_a_larger_sample_holds_the_smaller_one(places: list[tuple[int, str]], size: int, seed: str) -> None:
    mutants = mutants_at(places)
    smaller, larger = (sample(mutants, count, seed) for count in (size, size + 3))
    assert {mutant.source for mutant in smaller} <= {mutant.source for mutant in larger}


def test_seeds_differ() -> None:
    mutants = mutants_at([(line, "a") for line in range(1, 9)] * 4)
    assert len({tuple(mutant.source for mutant in sample(mutants, 8, str(seed))) for seed in range(5)}) > 1


def test_wrong_numbers_are_errors() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        sample([], -1, "")
    for wrong in ({"mutants_per_function": -1}, {"workers": 0}, {"mutation_scope": "file"}):
        with pytest.raises(ValueError, match=r"mutants_per_function|workers|mutation_scope"):
            MutationSettings(**wrong)

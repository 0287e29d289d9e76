from __future__ import annotations

import json
import marshal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.mutation.instrument import TICK
from evaluation.mutation.records import MutantSet, MutationSettings, Variants
from evaluation.mutation.store import mutants_of, variants_of
from evaluation.records import FocalFunction

SOURCE = """def far(x):
    return x * 3

def helper(x):
    return x + 1

def f(x, low=0):
    total = helper(x)
    if total > 10 and x > low:
        return total - 1
    return total
"""
FOCAL = FocalFunction("f", SOURCE, "f")
OTHER = FocalFunction("g", "def g(a):\n    return a + 1\n", "g")


def run(code: bytes, *, ticks: bool = True) -> Any:
    names: dict[str, Any] = {"__name__": "solution", **({TICK: lambda: None} if ticks else {})}
    exec(marshal.loads(code), names)
    return names["f"]


def test_one_variants_file_holds_all_that_is_run(tmp_path: Path, bytecode: Path) -> None:
    settings = MutationSettings(mutants_per_function=5, cache_dir=tmp_path)
    (made,) = variants_of([FOCAL], settings, bytecode)
    assert [run(code)(11) for code in (made.reference, *made.neutrals)] == [11] * 5
    assert run(made.reference_plain, ticks=False)(11) == 11
    assert len(set(made.neutrals)) == 4
    assert (len(made.mutants), made.uncompilable, made.problem) == (5, 0, "")
    assert {mutant.line for mutant in made.mutants} >= {5, 8, 9}
    assert [mutant.line for mutant in made.mutants] == sorted(mutant.line for mutant in made.mutants)
    assert len({mutant.code for mutant in made.mutants} | {made.reference}) == 6
    for mutant in made.mutants:
        run(mutant.code)
    (stored,) = (tmp_path / "variants").rglob("*.json")
    assert Variants.from_dict(json.loads(stored.read_text("utf-8"))) == made


def test_a_second_scoring_generates_nothing(tmp_path: Path, bytecode: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = MutationSettings(mutants_per_function=3, cache_dir=tmp_path)
    first = variants_of([FOCAL, OTHER, FOCAL], settings, bytecode)
    assert first[0] == first[2] != first[1]
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert variants_of([OTHER, FOCAL], settings, bytecode) == [first[1], first[0]]
    assert all(isinstance(found, MutantSet) for found in mutants_of([FOCAL, OTHER], replace(settings, seed=9), bytecode))
    with pytest.raises(EvaluationError):
        variants_of([FOCAL], replace(settings, seed=9), bytecode)


def test_a_sample_depends_on_its_own_function_only(bytecode: Path) -> None:
    settings = MutationSettings(mutants_per_function=3)
    alone = variants_of([FOCAL], settings, bytecode)
    together = variants_of([OTHER, replace(FOCAL, id="other name")], replace(settings, workers=1), bytecode)
    assert together[1] == alone[0]
    other_seed = variants_of([FOCAL], replace(settings, seed=1), bytecode)
    assert other_seed[0].neutrals != alone[0].neutrals
    assert other_seed[0].reference == alone[0].reference


def test_scope_and_size(bytecode: Path) -> None:
    everything, reachable, none = (
        variants_of([FOCAL], MutationSettings(mutants_per_function=size, mutation_scope=scope), bytecode)[0]
        for size, scope in ((None, "module"), (None, "reachable"), (0, "module"))
    )
    assert {mutant.function for mutant in everything.mutants} == {"far", "helper", "f"}
    assert {mutant.function for mutant in reachable.mutants} == {"helper", "f"}
    assert len(reachable.mutants) == reachable.generated < everything.generated == len(everything.mutants)
    assert (none.mutants, none.generated, none.problem) == ((), 0, "")
    assert none.reference == everything.reference
    assert none.neutrals == everything.neutrals


def test_problems_are_reported_and_a_broken_reference_is_an_error(bytecode: Path) -> None:
    mixed = "def f(a):\n  if a:\n\t   return 1\n  else:\n     return 0\n"
    (made,) = variants_of([FocalFunction("mixed", mixed, "f")], MutationSettings(), bytecode)
    assert made.mutants == ()
    assert "mutmut cannot read the function" in made.problem
    assert run(made.reference)(1) == 1
    with pytest.raises(EvaluationError, match="the reference of bad is broken: SyntaxError"):
        variants_of([FOCAL, FocalFunction("bad", "def f(:\n", "f")], MutationSettings(), bytecode)


def test_half_written_files_are_made_again(tmp_path: Path, bytecode: Path) -> None:
    settings = MutationSettings(mutants_per_function=3, cache_dir=tmp_path)
    first = variants_of([FOCAL], settings, bytecode)
    for path in tmp_path.rglob("*.json"):
        path.write_text("{half", "utf-8")
    assert variants_of([FOCAL], settings, bytecode) == first

"""The control that comes before every scoring: a function and a suite whose verdicts are known."""

from __future__ import annotations

from evaluation.coverage_map import coverage_map
from evaluation.job import Job, Prepared
from evaluation.mutation.instrument import compiled
from evaluation.mutation.neutral import neutral_variants
from evaluation.mutation.records import CompiledMutant, Variants
from evaluation.records import GIB, SOLUTION_PATH, MutantFate, TestVerdict

SOURCE = "def double(number):\n    return number * 2\n"
SUITE = """from solution import double

def test_known_good():
    assert double(3) == 6

def test_forced_failure():
    assert double(3) == 7
"""
MUTANTS = (SOURCE.replace("* 2", "* 3"), SOURCE.replace("* 2", "* 2 + 0"))
CONTROL_TESTS = {"test_known_good": TestVerdict.PASSED, "test_forced_failure": TestVerdict.FAILED}
CONTROL_FATES = (MutantFate.ASSERTED, MutantFate.SURVIVED)
LIMIT_S = 20.0


def control_job() -> Job:
    """One test must pass and one fail, one mutant must be killed and one live."""
    reference, traced = (compiled(SOURCE, SOLUTION_PATH, ticks=ticks) for ticks in (True, False))
    neutrals = tuple(compiled(source, SOLUTION_PATH, ticks=True) for source in neutral_variants(SOURCE, "control", 2))
    codes = [compiled(source, SOLUTION_PATH, ticks=True) for source in MUTANTS]
    mutants = tuple(CompiledMutant(2, 2, "control", "", "double", beyond_mutmut=False, code=code) for code in codes)
    variants = Variants("control", mutants, len(mutants), 0, "", reference, traced, neutrals)
    prepared = Prepared("double", SOURCE, variants, traced, coverage_map(SOURCE, "double"), True, ())
    return Job(prepared, SUITE, 0, LIMIT_S, LIMIT_S, GIB)

"""What the command scores, read from files: functions, suites, and what is wrong with either. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.inputs.functions import read_functions
from evaluation.inputs.lines import InputProblem, InputUnusableError
from evaluation.inputs.suites import read_suites
from evaluation.records import FocalFunction, Suite

__all__ = ["InputProblem", "InputUnusableError", "Inputs", "read_functions", "read_inputs", "read_suites"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a scoring takes.

    Attributes:
        functions: In the order of the file.
        suites: Function id -> suite; functions without one are scored as ``missing``.
        problems: What could not be used.
    """

    functions: tuple[FocalFunction, ...]
    suites: Mapping[str, Suite]
    problems: tuple[InputProblem, ...]


def read_inputs(functions: Path, suites: Path) -> Inputs:
    """Read both; every problem is kept, and the rest is usable.

    Args:
        functions: JSON Lines, gzipped or not; docs/evaluation.md names the fields.
        suites: A folder or JSON Lines.

    Raises:
        InputUnusableError: if there is no usable function, or no suite for any of them: all scores would be 0, which is
            far more often a wrong path than a result.
    """
    found, problems = read_functions(functions)
    written, doubts = read_suites(suites, [function.id for function in found])
    everything = (*problems, *doubts)
    if not written:
        why = f"none of its entries belongs to one of the {len(found)} functions"
        fix = f"name suites by id, e.g. {found[0].id.replace('/', '__')}.py"
        raise InputUnusableError(f"{suites} holds no suite for any function", why=why, fix=fix, problems=everything)
    return Inputs(tuple(found), written, everything)

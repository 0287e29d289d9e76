"""Rows -> focal functions: this package's own fields, and those of HumanEval and MBPP as they are published.

Does not judge whether a function works: the scoring finds that out and says `function_broken`.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from pathlib import Path
from typing import Any

from evaluation.inputs.lines import InputProblem, InputUnusableError, RowError, read_rows, text_field
from evaluation.records import FocalFunction

MBPP_PREFIX = "MBPP/"  # its own ids are bare numbers
KNOWN = "`id`, `source`, `entry_point`, or the fields of HumanEval or MBPP"


def read_functions(path: Path) -> tuple[list[FocalFunction], list[InputProblem]]:
    """Every usable function of a JSON Lines file, and what is wrong with the other rows.

    Raises:
        InputUnusableError: if the file cannot be read or holds no usable function.
    """
    functions: dict[str, FocalFunction] = {}
    places: dict[str, str] = {}
    problems: list[InputProblem] = []
    for where, row in read_rows(path):
        made = row if isinstance(row, InputProblem) else _function_at(where, row)
        if isinstance(made, InputProblem):
            problems.append(made)
        elif made.id in functions:
            why = f"{made.id} stands at {places[made.id]} already, which is kept"
            problems.append(InputProblem(where, "an id comes twice", why, "give each function its own id"))
        else:
            functions[made.id], places[made.id] = made, where
    if not functions:
        why = f"all of its lines have problems: {len(problems)}" if problems else "the file is empty"
        raise InputUnusableError(f"{path} holds no usable function", why=why, fix=f"give {KNOWN}", problems=tuple(problems))
    return list(functions.values()), problems


def function_of(row: dict[str, Any]) -> FocalFunction:
    """One row as a function.

    Raises:
        RowError: if a field is missing or has the wrong type, or no entry point can be found.
    """
    if "source" in row or not ({"canonical_solution", "test_list"} & row.keys()):
        return _own(row)
    return _human_eval(row) if "canonical_solution" in row else _mbpp(row)


def _function_at(where: str, row: dict[str, Any]) -> FocalFunction | InputProblem:
    try:
        return function_of(row)
    except RowError as error:
        return error.at(where)


def _own(row: dict[str, Any]) -> FocalFunction:
    identity, source, entry_point = (text_field(row, name) for name in ("id", "source", "entry_point"))
    oracle, prompt = (None if row.get(name) is None else text_field(row, name) for name in ("oracle_suite", "prompt"))
    return FocalFunction(identity, source, entry_point, oracle, prompt)


def _human_eval(row: dict[str, Any]) -> FocalFunction:
    """Source: Chen et al. 2021 (arXiv 2107.03374), openai/human-eval: the check runs in the namespace of the solution."""
    names = ("task_id", "prompt", "canonical_solution", "entry_point", "test")
    identity, prompt, solution, entry_point, check = (text_field(row, name) for name in names)
    oracle = f"{_imports(entry_point)}\n{check}\n\ndef test_check():\n    check({entry_point})\n"
    return FocalFunction(identity, prompt + solution, entry_point, oracle, prompt)


def _mbpp(row: dict[str, Any]) -> FocalFunction:
    """Source: Austin et al. 2021 (arXiv 2108.07732), google-research-datasets/mbpp, whose lines end in CRLF."""
    number = row.get("task_id")
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise RowError("a field has the wrong type", f"`task_id` is {number!r:.60}", "give a number or a string")
    tests = row["test_list"]
    if not (isinstance(tests, list) and tests and all(isinstance(test, str) for test in tests)):
        raise RowError("a field has the wrong type", f"`test_list` is {tests!r:.60}", "give a list of asserts, as strings")
    source = _unix(text_field(row, "code")) + "\n"
    asserts = [_unix(test) for test in tests]
    entry_point = _called(source, asserts[0])
    setup = _unix(row.get("test_setup_code") or "") if isinstance(row.get("test_setup_code"), str | None) else ""
    bodies = [f"def test_{count}():\n{textwrap.indent(body, '    ')}\n" for count, body in enumerate(asserts, 1)]
    oracle = "\n\n".join([f"{_imports(entry_point)}\n{setup}", *bodies])
    shown = next((row[name] for name in ("prompt", "text") if isinstance(row.get(name), str)), None)
    return FocalFunction(str(number) if isinstance(number, str) else f"{MBPP_PREFIX}{number}", source, entry_point, oracle, shown)


def _imports(entry_point: str) -> str:
    """The name itself too: a star leaves out names with an underscore in front."""
    return f"from solution import *\nfrom solution import {entry_point}"


def _called(source: str, check: str) -> str:
    """The function defined in `source` that an assert calls, the outermost where there are several."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the data set's own strings
            defined = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            calls = [call.func for call in ast.walk(ast.parse(check)) if isinstance(call, ast.Call)]
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RowError("the row is not Python", f"`code` or `test_list`: {error}", "repair it") from error
    name = next((call.id for call in calls if isinstance(call, ast.Name) and call.id in defined), None)
    if name is None:
        raise RowError("no entry point", f"{check!r:.60} calls no function of `code`", "add `id`, `source`, `entry_point`")
    return name


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")

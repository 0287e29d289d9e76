"""A folder or a JSON Lines file -> suites, each assigned to its function by id. Suites are read as text, never imported.

What is too large or not UTF-8 is still handed on, in a form that the scoring refuses, so that the suite gets its verdict.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evaluation.inputs.functions import MBPP_PREFIX
from evaluation.inputs.lines import InputProblem, RowError, is_utf8, read_rows
from evaluation.records import Suite
from evaluation.runner.gate import MAX_SUITE_BYTES

ID_FIELDS = ("id", "function_id", "task_id")
CODE_FIELDS = ("code", "suite", "completion")
NOT_SUITES = frozenset({"__init__.py", "conftest.py"})
_Found = tuple[str, Suite | InputProblem]


def read_suites(path: Path, function_ids: Iterable[str]) -> tuple[dict[str, Suite], list[InputProblem]]:
    """The suites of the known functions, and what is wrong with the others.

    Args:
        path: A folder with one ``ID.py`` or ``test_ID.py`` per function (``/`` in ids as ``__``), or a JSON Lines file.
        function_ids: Of the focal functions.

    Returns:
        Function id -> its suite; problems.

    Raises:
        InputUnusableError: if there is neither a folder nor a readable file.
    """
    names = list(function_ids)
    suites: dict[str, Suite] = {}
    places: dict[str, str] = {}
    problems: list[InputProblem] = []
    for where, made in _in_folder(path, names) if path.is_dir() else _in_file(path, names):
        if isinstance(made, InputProblem):
            problems.append(made)
        elif made.function_id in suites:
            why = f"{made.function_id} has the one at {places[made.function_id]} already, which is kept"
            problems.append(InputProblem(where, "a second suite for a function", why, "leave one of the two out"))
        else:
            suites[made.function_id], places[made.function_id] = made, where
            problems += _doubts(where, made.code)
    return suites, problems


def _in_file(path: Path, names: list[str]) -> Iterator[_Found]:
    ids = _aliases(names)
    for where, row in read_rows(path):
        try:
            yield where, row if isinstance(row, InputProblem) else _suite_of(row, ids)
        except RowError as error:
            yield where, error.at(where)


def _suite_of(row: dict[str, Any], ids: dict[str, str]) -> Suite:
    identity = _first(row, ID_FIELDS)
    if isinstance(identity, bool) or not isinstance(identity, str | int):
        raise RowError("a field has the wrong type", f"the id is {identity!r:.60}", "give a string")
    code = _first(row, CODE_FIELDS)
    if not isinstance(code, str):
        raise RowError("a field has the wrong type", f"the suite of {identity} is {code!r:.60}", "give the text of a pytest file")
    if str(identity) not in ids:
        raise RowError("a suite for an unknown function", f"no function has the id {identity!r:.80}", "correct the id")
    return Suite(ids[str(identity)], code)


def _first(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in row:
            return row[name]
    listed = ", ".join(f"`{name}`" for name in names)
    raise RowError("a field is missing", f"none of {listed}", f"add `{names[0]}`")


def _in_folder(folder: Path, names: list[str]) -> Iterator[_Found]:
    by_file = _file_names(names)
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(folder)
        if file.name in NOT_SUITES or any(part.startswith((".", "__pycache__")) for part in place.parts):
            continue
        where = place.as_posix().encode("utf-8", "backslashreplace").decode()
        function_id = by_file.get("__".join(place.with_suffix("").parts))
        if function_id is None:
            why = "no function has such an id"
            yield where, InputProblem(where, "a file for an unknown function", why, "name it ID.py, with __ for each /")
        else:
            yield where, _read_file(where, file, function_id)


def _read_file(where: str, file: Path, function_id: str) -> Suite | InputProblem:
    """At most a byte more than the scoring takes is read, whatever the file's size."""
    fix = "write the suite as a plain file"
    try:
        if not file.is_file():
            return InputProblem(where, "the suite cannot be read", "not a regular file", fix)
        with file.open("rb") as opened:
            data = opened.read(MAX_SUITE_BYTES + 1)
    except OSError as error:
        return InputProblem(where, "the suite cannot be read", error.strerror or str(error), fix)
    # A cut may fall inside a character; replaced, the text stays too large, which is then the reason that is given.
    errors = "replace" if len(data) > MAX_SUITE_BYTES else "surrogateescape"
    return Suite(function_id, data.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors))


def _doubts(where: str, code: str) -> list[InputProblem]:
    """What is wrong with a suite that is scored all the same."""
    if not is_utf8(code):
        return [InputProblem(where, "wrong encoding", "not UTF-8, so it counts as a syntax error", "write the suite as UTF-8")]
    if len(code) > MAX_SUITE_BYTES or len(code.encode()) > MAX_SUITE_BYTES:
        return [InputProblem(where, "too large", "more than 1 MiB, so it counts as a syntax error", "shorten the suite")]
    return []


def _aliases(names: list[str]) -> dict[str, str]:
    """Names that a suite may give -> function id: the id, and MBPP's bare number."""
    short = {name.removeprefix(MBPP_PREFIX): name for name in names if name.startswith(MBPP_PREFIX)}
    return short | {name: name for name in names}


def _file_names(names: list[str]) -> dict[str, str]:
    """Stems of files -> function id; where two ids would share one, the exact name and then the first id has it."""
    found: dict[str, str] = {}
    aliases = _aliases(names)
    for alias in (*names, *aliases):
        found.setdefault(alias.replace("/", "__"), aliases[alias])
    for alias in (*names, *aliases):
        found.setdefault(f"test_{alias.replace('/', '__')}", aliases[alias])
    return found

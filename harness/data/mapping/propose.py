"""Owns the proposal: which place of the rows becomes which field of a record, by content first and by name second. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass
from typing import Any

from harness.core.records import Record
from harness.data.mapping.apply import Mapped
from harness.data.mapping.clues import ROWS, Clue, clues, columns
from harness.data.mapping.model import Fields, Mapping
from harness.data.mapping.names import likeness
from harness.data.sources.rows import Row

_USUAL = 0.5  # share of the rows from which a place holds what it seems to hold
_NAMED = 0.86  # difflib ratio from which two spellings are one name
_TRIED_SOURCES, _TRIED_ROWS = 3, 20  # reading a row takes milliseconds
_LONGEST_NAME = 200  # a signature may stand there
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True)
class Choice:
    """Why a field got what it got.

    Attributes:
        field: As in the mapping file.
        because: What was seen, in words.
        others: The alternatives seen, each in words; best first.
    """

    field: str
    because: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping and its reasons.

    Attributes:
        mapping: What to begin with.
        choices: One for each field, in the order of the file.
        rows: How many rows were looked at.
    """

    mapping: Mapping
    choices: tuple[Choice, ...]
    rows: int


def propose(source: str, rows: Sequence[Values[str, Any]]) -> Proposal | None:
    """The most likely mapping of rows.

    Args:
        source: Name of their source.
        rows: The first rows; at most `ROWS` are looked at.

    Returns:
        None when no place holds Python functions.
    """
    looked = rows[:ROWS]
    found = clues(looked)
    # A list of functions is rarely the one under test: a set of programs that somebody generated, rather.
    likely = (c for c in found if c.functions >= _USUAL)
    sources = _ranked(likely, lambda c: c.functions - 0.5 * c.tests - ("*" in c.taken.path), "source")
    made = [_proposal(source, looked, found, [s, *(o for o in sources if o is not s)]) for s in sources[:_TRIED_SOURCES]]
    return max(made, key=lambda proposal: _yield(proposal, looked), default=None)  # the first of equals


def _proposal(source: str, looked: Sequence[Values[str, Any]], found: Sequence[Clue], sources: Sequence[Clue]) -> Proposal:
    """The most likely mapping with the first of `sources` as the function under test."""
    best = sources[0]
    tests = _ranked((c for c in found if _could_be_tests(c, best)), lambda c: c.tests + c.agreement(best), "tests")
    chosen = tests[0] if tests else None
    taken = {best.taken.column, *([chosen.taken.column] if chosen else [])}
    rest = [name for name in columns(looked) if name and name not in taken]
    entry_point = _entry_point(rest, looked, best)
    if entry_point is not None:
        rest.remove(entry_point)
    identifier = _identifier(rest, looked)
    parts = [
        _source_choice(best, sources[1:]),
        _tests_choice(chosen, tests[1:], best),
        _id_choice(identifier, rest, looked),
        _entry_choice(entry_point),
        *_named_choices(rest, looked, identifier),
    ]
    fields = Fields.model_validate({name: value for name, value, _ in parts if name and value is not None})
    mapping = Mapping(format="harness-mapping/1", source=source, fields=fields)
    return Proposal(mapping, tuple(choice for _, _, choice in parts), len(looked))


def _yield(proposal: Proposal, looked: Sequence[Values[str, Any]]) -> int:
    """What the first rows give by it: a record counts one, an oracle suite one more."""
    layout = Mapped(proposal.mapping)
    items = [layout.read(Row(f"row {number}", values)) for number, values in enumerate(looked[:_TRIED_ROWS], 1)]
    return sum(1 + (item.oracle_suite is not None) for item in items if isinstance(item, Record))


def _ranked(found: Iterable[Clue], content: Any, field: str) -> list[Clue]:
    """Best first: what the content says, then what the name says; the earlier column where both are equal."""
    return sorted(found, key=lambda c: -(content(c) + 0.5 * likeness(c.taken.place, field)))


def _could_be_tests(clue: Clue, source: Clue) -> bool:
    return (
        clue.taken != source.taken
        and clue.tests >= 0.2
        and (clue.agreement(source) > 0 or likeness(clue.taken.column, "tests") > 0.8)
    )


def _entry_point(names: Sequence[str], rows: Sequence[Values[str, Any]], source: Clue) -> str | None:
    """The column whose values are, in nearly every row, names that the source of that row defines."""
    scores = {name: _naming(name, rows, source) for name in names}
    best = max(names, key=lambda name: (scores[name], likeness(name, "entry_point")), default=None)
    return best if best is not None and scores[best] >= 0.9 else None


def _naming(column: str, rows: Sequence[Values[str, Any]], source: Clue) -> float:
    values = [row.get(column) for row in rows]
    hits = 0
    for value, defined in zip(values, source.defined, strict=True):
        short = isinstance(value, str) and len(value) <= _LONGEST_NAME and "\n" not in value.strip()
        name = _IDENTIFIER.match(value.strip().removeprefix("def ")) if isinstance(value, str) and short else None
        hits += name is not None and name[0].rpartition(".")[2] in defined
    return hits / max(len(values), 1)


def _identifier(names: Sequence[str], rows: Sequence[Values[str, Any]]) -> str | None:
    """A column of different short values, whose name sounds like one."""
    fit = [n for n in names if likeness(n, "id") >= 0.6 and _all_different(n, rows)]
    return max(fit, key=lambda name: likeness(name, "id"), default=None)


def _all_different(column: str, rows: Sequence[Values[str, Any]]) -> bool:
    values = [row.get(column) for row in rows]
    short = all(isinstance(v, str | int) and not isinstance(v, bool) and 0 < len(str(v).strip()) <= 200 for v in values)
    return short and len({str(v).strip() for v in values}) == len(values)


_Part = tuple[str, dict[str, Any] | None, Choice]


def _source_choice(best: Clue, others: Sequence[Clue]) -> _Part:
    because = f"the function under test: {_percent(best.functions)} of the rows hold Python that defines one"
    seen = tuple(f"{_shown(c)} ({_percent(c.functions)})" for c in others[:3])
    return "source", best.taken.model_dump(), Choice("source", because, seen)


def _tests_choice(best: Clue | None, others: Sequence[Clue], source: Clue) -> _Part:
    if best is None:
        return "", None, Choice("oracle_suite", "no column holds tests of it: the records will have no oracle suite")
    # A list of asserts or of single tests belongs together; whole files are alternatives to each other.
    field = "oracle_suite" if "*" not in best.taken.path.split(".") or _whole_files(best) else "oracle_tests"
    of_it = f"; in {_percent(best.agreement(source))} they call what the function's column defines"
    seen = tuple(f"{_shown(c)} ({_percent(c.tests)})" for c in others[:3])
    because = f"its tests: {_percent(best.tests)} of the rows hold tests or asserts{of_it}"
    if field == "oracle_suite" and "*" in best.taken.path:
        because += "; of several, the first that can be used"
    return field, best.taken.model_dump(), Choice(field, because, seen)


def _whole_files(clue: Clue) -> bool:
    """Objects with a code each are files; elements of a plain list are the tests of one file."""
    return clue.files >= _USUAL and not clue.taken.path.endswith("*")


def _id_choice(name: str | None, rest: Sequence[str], rows: Sequence[Values[str, Any]]) -> _Part:
    others = tuple(f"`{n}`" for n in rest if n != name and _all_different(n, rows))[:3]
    if name is None:
        return (
            "id",
            {"row": True},
            Choice("id", "no column of short, distinct values sounds like an id: rows are numbered", others),
        )
    return "id", {"column": name}, Choice("id", "every value of it is different", others)


def _entry_choice(name: str | None) -> _Part:
    if name is None:
        return "entry_point", {"infer": True}, Choice("entry_point", "no column names it: the function that the tests call")
    return "entry_point", {"column": name}, Choice("entry_point", "it names a function that the source defines")


def _named_choices(rest: Sequence[str], rows: Sequence[Values[str, Any]], identifier: str | None) -> list[_Part]:
    """Licence and origin, which only names can tell."""
    texts = [n for n in rest if n != identifier and _short_texts(n, rows)]
    licence = max((n for n in texts if likeness(n, "licence") >= _NAMED), key=lambda n: likeness(n, "licence"), default=None)
    origin = max(
        (n for n in texts if n != licence and likeness(n, "origin") >= _NAMED), key=lambda n: likeness(n, "origin"), default=None
    )
    known = (
        Choice("licence", "the licence of each row")
        if licence
        else Choice("licence", "no column names a licence: put its SPDX identifier here")
    )
    parts: list[_Part] = [("licence", {"column": licence} if licence else {"constant": "unknown"}, known)]
    if origin:
        parts.append(("origin", {"column": origin}, Choice("origin", "where the row comes from")))
    return parts


def _short_texts(column: str, rows: Sequence[Values[str, Any]]) -> bool:
    values = [row[column] for row in rows if row.get(column) is not None]
    return bool(values) and all(isinstance(v, str) and len(v) <= 200 for v in values)


def _shown(clue: Clue) -> str:
    how = {"text": "", "json": ", JSON", "code": ", fenced code"}[clue.taken.take]
    return f"`{clue.taken.place}`{how}"


def _percent(share: float) -> str:
    return f"{share:.0%}"

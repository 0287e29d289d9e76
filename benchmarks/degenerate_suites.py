"""Test files for one small function: some look good to a scorer without checking what it returns, some are honest.

Owns the function, the records and the reading of ``suites/*.txt``, where the files stand as plain text, one section each:
``# %% name``, ``# why: ...``, then a whole pytest file. A name between @ signs marks a fragment that other sections of its
file include; `_facts` fills in what is known of the function. Does not run anything of the suites; for tests and benchmarks.
"""

from __future__ import annotations

import dis
import hashlib
import marshal
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Literal

FOLDER = Path(__file__).parent / "suites"
# Family -> what a scorer may give its suites. The order is that of a report.
FAMILIES: dict[str, Literal["none", "partial"]] = {
    "known": "none",  # the 19 files and the two mutmut exploits that were measured first
    "own_answer": "none",  # the expected values come from the function itself
    "no_check": "none",  # the check cannot fail, or its failure is lost
    "shape_only": "none",  # names, signature, type: nothing about a result
    "implementation": "none",  # code objects, traces, addresses
    "reference_copy": "none",  # finds the reference and compares with it
    "run_order": "none",  # tells an early run from a late one
    "verdict": "none",  # forges or destroys the verdict
    "partial": "partial",  # one honest test beside a trick
}
PARTIAL_CONTROL = "honest test alone"
# Suites of these families call the function, then play their trick; `_mixed` makes the call an honest check.
MIXED = ("implementation", "run_order")
CALLS = ("\n    clamp(9, 0, 3)\n    clamp(-9, 0, 3)\n", "\n    clamp(9, 0, 3)\n")

FOCAL = '''def clamp(value, low, high):
    """Limit value to low..high."""
    below = low - value
    if below > 0:
        return value + below
    above = value - high
    if above > 0:
        return value - above
    return value
'''


@dataclass(frozen=True, slots=True)
class Degenerate:
    """A test file that must not earn what it seems to be worth.

    Attributes:
        name: Unique over all families.
        code: A whole pytest file for `FOCAL`.
        why: What makes it look good.
        family: A key of `FAMILIES`, or ``mixed``.
        credit: ``none``: no number of the suite may be above 0. ``partial``: its ``test_honest`` counts, its
            ``test_trick`` earns nothing, and no number may be above that of `partial_control`.
    """

    name: str
    code: str
    why: str
    family: str
    credit: Literal["none", "partial"]


@dataclass(frozen=True, slots=True)
class Example:
    """A test file with real checks. `why` says what they are."""

    name: str
    code: str
    why: str


@cache
def degenerate() -> tuple[Degenerate, ...]:
    """All degenerate suites, family by family.

    Raises:
        ValueError: if a file of `FOLDER` is malformed.
    """
    written = [
        Degenerate(name, code, why, family, credit)
        for family, credit in FAMILIES.items()
        for name, why, code in _sections(family)
        if name != PARTIAL_CONTROL
    ]
    return (*written, *filter(None, map(_mixed, written)))


def _mixed(suite: Degenerate) -> Degenerate | None:
    """The same trick behind an honest check in the same test, so that a control with a broken function does not find it."""
    calls = next((calls for calls in CALLS if calls in suite.code), None)
    if suite.family not in MIXED or calls is None:
        return None
    code = suite.code.replace(calls, "\n    assert clamp(9, 0, 3) == 3\n", 1)
    return Degenerate(f"honest check, then {suite.name}", code, suite.why, "mixed", "partial")


@cache
def partial_control() -> Example:
    """The honest test that every partial suite holds, alone."""
    return next(Example(name, code, why) for name, why, code in _sections("partial") if name == PARTIAL_CONTROL)


@cache
def weak() -> tuple[Example, ...]:
    """True but weak checks: they may kill what crashes, returns nothing or leaves the type, and not more."""
    return tuple(Example(name, code, why) for name, why, code in _sections("weak"))


@cache
def honest() -> tuple[Example, ...]:
    """Suites in many styles that must be valid, pass and kill."""
    return tuple(Example(name, code, why) for name, why, code in _sections("honest"))


def _sections(family: str) -> list[tuple[str, str, str]]:
    """Name, why and code of every section of one file, with fragments and facts filled in."""
    fragments = dict(_facts())
    found = []
    for section in (FOLDER / f"{family}.txt").read_text("utf-8").removeprefix("# %% ").split("\n# %% "):
        name, _, rest = section.partition("\n")
        if name.startswith("@"):
            fragments[name] = rest.strip("\n")
            continue
        first, _, code = rest.partition("\n")
        if not first.startswith("# why: "):
            raise ValueError(f"{family}.txt: section {name!r} has no line '# why: ...'; add it below the name")
        for fragment, text in fragments.items():
            code = code.replace(fragment, text)
        found.append((name, first.removeprefix("# why: "), code))
    return found


@cache
def _facts() -> dict[str, str]:
    """What a suite's author can read off the reference, as Python literals of the running interpreter."""
    module = compile(FOCAL, "solution.py", "exec", dont_inherit=True)
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    # Format 2 has no references, so that the bytes depend on no reference count.
    bare = marshal.dumps(code.replace(co_filename="", co_firstlineno=1), 2)
    return {
        "@SOURCE@": repr(FOCAL),
        "@SOURCE_MD5@": repr(hashlib.md5(FOCAL.encode()).hexdigest()),
        "@CO_CODE@": repr(code.co_code),
        "@CO_CONSTS@": repr(code.co_consts),
        "@CO_VARNAMES@": repr(code.co_varnames),
        "@CO_VARNAMES_TEXT@": repr(str(code.co_varnames)),
        "@OPNAMES@": repr([instruction.opname for instruction in dis.get_instructions(code)]),
        "@MARSHAL_SHA256@": repr(hashlib.sha256(bare).hexdigest()),
        "@LINES@": repr(sorted({line for _, _, line in code.co_lines() if line})),
        "@CODE_SIZE@": repr(sys.getsizeof(code)),
        "@SURROGATE@": "\ud800",
        "@PARENTHESES@": "(" * 5000 + ")" * 5000,
    }

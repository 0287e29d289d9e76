"""What `harness preflight` found, check by check, and how a failed look becomes one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.core.errors import ExitCode, HarnessError


class State(StrEnum):
    """How a check went; only `FAIL` would stop the sweep."""

    OK = "ok"
    WARNING = "warning"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        state: How it went.
        found: What is there, for a person; never the value of a credential.
        fix: What to do about it; empty when there is nothing to do.
        code: Exit code that the sweep would end with; OK unless it fails.
    """

    name: str
    state: State
    found: str
    fix: str = ""
    code: ExitCode = ExitCode.OK


def good(name: str, found: str) -> Found:
    """Nothing to do."""
    return Found(name, State.OK, found)


def doubtful(name: str, found: str, fix: str) -> Found:
    """The sweep can start, but a person should know."""
    return Found(name, State.WARNING, found, fix)


def failed(name: str, error: HarnessError) -> Found:
    """The sweep would stop with this error."""
    return Found(name, State.FAIL, f"{error.what}: {error.why}", error.fix, error.code)


def look(name: str, at: Callable[[], Found]) -> Found:
    """A check whose HarnessError is its answer."""
    try:
        return at()
    except HarnessError as error:
        return failed(name, error)

"""How what `harness preflight` looks at becomes a check: good, doubtful, or failed with the error that a sweep would end with."""

from __future__ import annotations

from collections.abc import Callable

from harness.console.checks import Check, CheckState
from harness.core.errors import HarnessError


def good(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name, CheckState.OK, found)


def doubtful(name: str, found: str, fix: str) -> Check:
    """The sweep can start, but a person should know."""
    return Check(name, CheckState.WARN, found, fix)


def failed(name: str, error: HarnessError) -> Check:
    """The sweep would stop with this error."""
    return Check(name, CheckState.FAIL, f"{error.what}: {error.why}", error.fix, error.code)


def look(name: str, at: Callable[[], Check]) -> Check:
    """A check whose HarnessError is its answer."""
    try:
        return at()
    except HarnessError as error:
        return failed(name, error)

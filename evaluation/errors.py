"""The two errors of this package. A broken tool or sandbox is one of these, never a score."""

from __future__ import annotations


class EvaluationError(Exception):
    """Scoring itself is broken: a tool, a reference function, or the runner.

    Args:
        what: What went wrong, one line.
        why: The observed cause.
        fix: What to do next.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(": ".join(part for part in (what, why) if part))
        self.what = what
        self.why = why
        self.fix = fix


class SandboxUnavailableError(EvaluationError):
    """The asked sandbox does not work on this machine, so no suite was run."""

"""The one exception a user may see, and the exit codes of every command.

Owns the wording contract: what happened, why, and how to fix it. Printing is the CLI's.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every `harness` command; documented in docs/exit-codes.md."""

    OK = 0
    UNEXPECTED = 1  # a bug: the traceback is written to a file that the message names
    BAD_INPUT = 2  # the sweep file, an option, or a data file is wrong
    ENVIRONMENT = 3  # platform, missing package, missing or unusable model
    STORAGE = 4  # disk full, read-only folder, database out of reach
    CONFLICT = 5  # a study or file of that name exists and differs
    NO_MEMORY = 6  # not even the smallest configuration of the space fits the budget
    NO_RESULT = 7  # the sweep ended without one completed trial, or the study has no front
    SANDBOX = 8  # generated tests cannot be run safely, or the scorer itself is broken
    NEEDS_MAPPING = 9  # the data is readable, but which column is what has to be said: `harness data map`
    NOT_BETTER = 10  # the candidate is not shown to be better than the champion, which stays
    INTERRUPTED = 130  # Ctrl-C; state is saved and the same command takes it up again


class HarnessError(Exception):
    """An error that a person can act on.

    Args:
        what: What went wrong, one line.
        why: The observed cause, with the offending value.
        fix: What to do next.
        code: Exit code of the process.
    """

    def __init__(self, what: str, *, why: str, fix: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.code = code

    def lines(self) -> tuple[str, str, str]:
        """The three lines the CLI prints."""
        return (f"error: {self.what}", f"  why: {self.why}", f"  fix: {self.fix}")

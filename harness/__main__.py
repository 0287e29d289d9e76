"""The entry point: runs the CLI and turns whatever goes wrong into three lines and an exit code."""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.environment import ENVIRONMENT

_COLLECT = (100_000, 10, 10)
"""Python's own begins with 700: importing MLflow makes a million objects that stay, which are looked through again and again."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_FULL_WORDS = ("disk is full", "no space left", "readonly database", "read-only file system", "disk i/o error")


def main() -> None:
    """Run `harness`."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Run one command; returns its exit code."""
    os.environ.update(ENVIRONMENT)
    gc.set_threshold(*_COLLECT)
    from harness.cli import cli

    try:
        return int(cli(argv, prog_name="harness", standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return int(ExitCode.BAD_INPUT)
    except click.Abort:
        return int(ExitCode.INTERRUPTED)
    except HarnessError as error:
        return report(error, as_json="--json" in argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; Python would complain at exit
        return int(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 -- the border: a person never sees a traceback
        return report(storage_error(error) or unexpected(error), as_json="--json" in argv)


def report(error: HarnessError, *, as_json: bool) -> int:
    """Print an error; returns the exit code."""
    if as_json:
        said = {"event": "error", "what": error.what, "why": error.why, "fix": error.fix, "code": int(error.code)}
        sys.stdout.write(json.dumps(said) + "\n")
        return int(error.code)
    sys.stderr.write("\n".join(error.lines()) + "\n")
    return int(error.code)


def storage_error(error: BaseException) -> HarnessError | None:
    """A full or read-only disk, wherever in the call chain it was noticed."""
    link: BaseException | None = error
    while link is not None:
        text = str(link).lower()
        if getattr(link, "errno", None) in _FULL or any(word in text for word in _FULL_WORDS):
            return HarnessError(
                "the disk refused a write",
                why=str(link).splitlines()[0][:300],
                fix="free disk space or make the folder writable, then run the same command: what is stored is taken up again",
                code=ExitCode.STORAGE,
            )
        link = link.__cause__ or link.__context__
    return None


def unexpected(error: BaseException) -> HarnessError:
    """A bug: the traceback goes to a file."""
    path = Path(tempfile.gettempdir()) / f"harness-traceback-{os.getpid()}.txt"
    try:
        path.write_text("".join(traceback.format_exception(error)), "utf-8")
        where = f"please report it with {path}"
    except OSError:
        where = "please report it"
    return HarnessError(
        f"unexpected {type(error).__name__}",
        why=str(error).splitlines()[0] if str(error) else "no message",
        fix=where,
        code=ExitCode.UNEXPECTED,
    )


if __name__ == "__main__":
    main()

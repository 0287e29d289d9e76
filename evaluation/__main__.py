"""``python -m evaluation``: runs a command and turns whatever goes wrong into a few lines and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback

import click

from evaluation.command import ExitCode, InterruptedScoringError, cli, print_problems
from evaluation.errors import EvaluationError, SandboxUnavailableError
from evaluation.inputs.both import InputUnusableError


def main() -> None:
    """Run `evaluation`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the workers in the same orderly way
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Run one command.

    Returns:
        Its exit code, one of `ExitCode`.
    """
    try:
        return int(cli(argv, prog_name="evaluation", standalone_mode=False) or ExitCode.OK)
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_INPUT
    except (click.Abort, KeyboardInterrupt, InterruptedScoringError) as stop:
        click.echo(f"interrupted: {str(stop) or 'nothing was written'}", err=True)
        return ExitCode.INTERRUPTED
    except EvaluationError as error:
        return _report(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; Python would complain at exit
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 -- the border: a bug is told apart from bad input by its exit code
        traceback.print_exc()
        click.echo(f"error: unexpected {type(error).__name__}\n  fix: please report it with the lines above", err=True)
        return ExitCode.UNEXPECTED


def _report(error: EvaluationError) -> int:
    if isinstance(error, InputUnusableError):
        print_problems(error.problems)
    lines = [f"error: {error.what}", f"  why: {error.why}" if error.why else "", f"  fix: {error.fix}" if error.fix else ""]
    click.echo("\n".join(line for line in lines if line), err=True)
    if isinstance(error, InputUnusableError):
        return ExitCode.BAD_INPUT
    return ExitCode.SANDBOX if isinstance(error, SandboxUnavailableError) else ExitCode.TOOL


if __name__ == "__main__":
    main()

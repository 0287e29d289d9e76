"""The process of one suite: reads it, compiles it once, and forks a run per version of the function. Runs no suite code itself.

It never reads what a run is about: the run takes its request from the channel after the fork.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import sys
import types
import warnings

from evaluation.copies.copied import find_copies
from evaluation.runner.confine import Confinement
from evaluation.runner.forks import run_forked
from evaluation.runner.gate import Refusal, inspect_suite
from evaluation.runner.measure import Tracer
from evaluation.runner.pytest_session import SUITE_FILE, prepare
from evaluation.runner.run import execute
from evaluation.runner.tidy import empty
from evaluation.runner.wire import (
    CLOSE,
    HEADER,
    RUN,
    ChannelClosedError,
    Limits,
    Message,
    Request,
    frame,
    pack_ended,
    read_exactly,
    read_frame,
    write_all,
)

MAX_READING_BYTES = 2 << 30  # address space; parsing 1 MiB of numbers takes 600 MiB


class SuiteProcess:
    """Prepared by the zygote, once; `serve` is called in a fork of it.

    Args:
        confinement: How this process and its runs are fenced in.
    """

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self._session = prepare(confinement.folder)
        self._tracer = Tracer()
        self._path = f"{confinement.folder}/{SUITE_FILE}"

    def serve(self) -> None:
        """Read the suite, answer what the gate says, then run what is asked for until told to close. Never returns."""
        status = 1
        with contextlib.suppress(ChannelClosedError, OSError):
            self._confinement.enter_suite()
            resource.setrlimit(resource.RLIMIT_AS, (MAX_READING_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
            self._serve(json.loads(read_frame(0)))
            status = 0
        os._exit(status)

    def _serve(self, asked: Message) -> None:
        read = {} if asked["again"] else _look(asked)
        code = None
        if "refused" not in read:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = compile(asked["suite"], self._path, "exec", dont_inherit=True)
            _preload([*read.pop("imports", []), *asked["imports"]])
        write_all(1, frame(json.dumps(read).encode()))
        while (command := read_exactly(0, 1)) == RUN and code is not None:
            self._run(code)
        if command != CLOSE:
            raise ChannelClosedError
        self._empty()

    def _empty(self) -> None:
        """Every run starts from an empty folder: a file left by an earlier run would tell mutants from the reference.

        Where something cannot be removed this process ends, and its zygote with it: the next suite gets a folder of its own.
        """
        if not empty(self._confinement.folder):
            raise ChannelClosedError

    def _run(self, code: types.CodeType) -> None:
        limits = Limits.unpack(read_exactly(0, HEADER.size))
        self._empty()

        def task(send: object) -> Message:
            asked = [read_frame(0)]
            self._confinement.enter_run()
            _shut_off()
            return execute(Request.unpack(asked.pop()), code, (self._session, self._tracer), send)  # type: ignore[arg-type]

        write_all(1, frame(pack_ended(run_forked(task, limits, self._confinement))))


def _look(asked: Message) -> Message:
    """What the text alone says about the suite."""
    read = inspect_suite(asked["suite"], asked["entry_point"])
    if isinstance(read, Refusal):
        return {"refused": read.verdict, "detail": read.detail}
    copies = find_copies(asked["suite"], frozenset(asked["examples"]), asked["entry_point"].split(".")[-1])
    found = {"forbidden": read.forbidden, "random": read.random, "imports": read.imports}
    return {**found, "copies": dataclasses.astuple(copies)}


def _shut_off() -> None:
    """Standard streams lead nowhere; only the answer's descriptor stays open."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(4, 256)


def _preload(names: list[str]) -> None:
    """Import installed packages once for all runs; they are trusted, and the folder of the suite is not on the path."""
    for name in names:
        if name.split(".")[0] in {"solution", "conftest"} or name in sys.modules:
            continue
        with contextlib.suppress(BaseException):
            __import__(name)

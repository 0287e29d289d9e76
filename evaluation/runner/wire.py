"""How the scorer and a zygote talk: one-byte commands down, length-prefixed frames up and down. Standard library only.

Down (standard input of the zygote): ``SUITE`` opens a suite process, which reads one frame with the suite; ``RUN`` and a fixed
header start one run, which alone reads the frame behind it; ``CLOSE`` ends the suite process. Nobody above a run reads what the
run is about, so no run finds another version of the function in its memory. Up (standard output): one frame per answer.
"""

from __future__ import annotations

import marshal
import os
import struct
from dataclasses import dataclass
from typing import Any

SUITE, RUN, CLOSE = b"S", b"R", b"Q"
LENGTH = struct.Struct(">I")
HEADER = struct.Struct(">ddQ")
ANSWER = struct.Struct(">Bdd")
MAX_FRAME_BYTES = 64 << 20


class ChannelClosedError(Exception):
    """The other side is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run.

    Attributes:
        wall_s: Seconds on the clock until it is killed.
        cpu_s: CPU seconds until it is killed; unlike wall seconds they mean the same on a loaded machine.
        memory_bytes: Address space.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int

    def pack(self) -> bytes:
        """The header of a run."""
        return HEADER.pack(self.wall_s, self.cpu_s, self.memory_bytes)

    @classmethod
    def unpack(cls, data: bytes) -> Limits:
        """Inverse of `pack`."""
        return cls(*HEADER.unpack(data))


@dataclass(frozen=True, slots=True)
class Request:
    """What one run does; written by the scorer, read by the run alone.

    Attributes:
        code: The marshalled module under test.
        entry_point: Name that suites import; a dotted name means a method of that class.
        budget: Loop and call ticks until the run is stopped.
        keep: Test ids to run, in this order; None runs all, with pytest.
        fail_fast: Stop at the first failing test.
        sabotage: Empty, or the name of a way to break the function.
        measure: Record the executed arcs of the module.
        seed: Of `random`.
    """

    code: bytes
    entry_point: str
    budget: int
    keep: tuple[str, ...] | None = None
    reverse: bool = False
    fail_fast: bool = False
    sabotage: str = ""
    measure: bool = False
    seed: int = 0

    def pack(self) -> bytes:
        """For the trusted direction only: marshal is not safe against a hostile writer."""
        return marshal.dumps([getattr(self, name) for name in self.__slots__])

    @classmethod
    def unpack(cls, data: bytes) -> Request:
        """Inverse of `pack`."""
        return cls(*marshal.loads(data))  # noqa: S302 - written by the scorer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        how: One of the constants below.
        cpu_s: CPU seconds it took.
        wall_s: Seconds on the clock.
        data: What it answered, as JSON; empty unless `how` is ANSWERED.
    """

    how: int
    cpu_s: float
    wall_s: float
    data: bytes


ANSWERED, TIMED_OUT, DIED, FORGED, FULL = range(5)  # FULL: the disk lost space while it ran, perhaps to others


def pack_ended(ended: Ended) -> bytes:
    """For the way up."""
    return ANSWER.pack(ended.how, ended.cpu_s, ended.wall_s) + ended.data


def unpack_ended(data: bytes) -> Ended:
    """Inverse of `pack_ended`.

    Raises:
        struct.error: if the frame is too short.
    """
    how, cpu_s, wall_s = ANSWER.unpack_from(data)
    return Ended(how, cpu_s, wall_s, data[ANSWER.size :])


def read_exactly(fd: int, size: int) -> bytes:
    """Read `size` bytes.

    Raises:
        ChannelClosedError: if the channel ends before.
    """
    parts = bytearray()
    while len(parts) < size:
        part = os.read(fd, min(size - len(parts), 1 << 20))
        if not part:
            raise ChannelClosedError
        parts += part
    return bytes(parts)


def read_frame(fd: int) -> bytes:
    """Read one length-prefixed frame.

    Raises:
        ChannelClosedError: if the channel ends, or the length is absurd.
    """
    (size,) = LENGTH.unpack(read_exactly(fd, LENGTH.size))
    if size > MAX_FRAME_BYTES:
        raise ChannelClosedError
    return read_exactly(fd, size)


def write_all(fd: int, data: bytes) -> None:
    """Write everything.

    Raises:
        ChannelClosedError: if nobody reads any more.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BrokenPipeError as error:
        raise ChannelClosedError from error


def frame(data: bytes) -> bytes:
    """`data` with its length in front."""
    return LENGTH.pack(len(data)) + data


def describe(error: BaseException) -> str:
    """Type and first line of a suite's exception, cut short; its `__str__` may raise too."""
    try:
        text = (str(error).strip().splitlines() or [""])[0].encode("utf-8", "backslashreplace").decode()
    except BaseException:  # noqa: BLE001 - suite code again
        text = ""
    return f"{type(error).__name__}: {text}"[:200].rstrip(": ")


Message = dict[str, Any]

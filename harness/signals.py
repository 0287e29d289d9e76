"""Ctrl-C and SIGTERM as a wish to stop, for as long as a command runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.guard.supervise import StopSignal


@contextmanager
def stopping(stop: StopSignal) -> Iterator[None]:
    """Route SIGINT and SIGTERM to `stop`: once ends cleanly, twice at once. The handlers before are put back."""

    def request(_signal: int, _frame: FrameType | None) -> None:
        stop.request()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

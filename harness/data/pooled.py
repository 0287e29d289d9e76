"""Owns a pool of processes that is fed a stream: results in order, few tasks on the way, ended with the caller."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING = 3  # tasks per worker on the way: enough to keep it busy, few enough to hold


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int, alone: int = 1) -> Iterator[Result]:
    """``map(function, tasks)`` over processes.

    Args:
        function: A module's own function.
        tasks: Consumed only a little ahead of the results.
        workers: Processes; below 2 everything stays in this one.
        alone: So many first tasks are done in this process: where there are no more, no other is started.
    """
    rest = iter(tasks)
    yield from map(function, islice(rest, alone if workers > 1 else None))
    first = next(rest, None)
    if first is None:
        return
    with _pool(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for task in chain([first], rest):
            waiting.append(pool.submit(function, task))
            if len(waiting) >= workers * _WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that die with the block, also when it is left by an exception."""
    # spawn: a fork of a process with threads (tokenizers, pyarrow) may hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
    try:
        yield pool
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _ignore_interrupts() -> None:
    # A terminal sends Ctrl-C to the whole group; the parent alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

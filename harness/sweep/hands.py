"""The threads of a crew: one for each trial process, one for scoring. What they meet goes back through a queue.

Owns the threads and nothing else: no store, no screen, no decision.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Task = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Post:
    """What a task came to.

    Attributes:
        number: The trial it was for.
        result: What it returned.
        error: What it raised instead.
    """

    number: int
    result: Any = None
    error: BaseException | None = None


class Hand:
    """A thread that carries out one task at a time.

    Args:
        name: Of the thread.
        posts: Where results go.
        at_end: Called in the thread when it ends.
    """

    def __init__(self, name: str, posts: queue.SimpleQueue[Post], at_end: Task | None = None) -> None:
        self._tasks: queue.SimpleQueue[tuple[int, Task] | None] = queue.SimpleQueue()
        self._posts = posts
        self._at_end = at_end
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def give(self, number: int, task: Task) -> None:
        """Have a task done after those given before."""
        self._tasks.put((number, task))

    def end(self, timeout_s: float) -> None:
        """Let the thread end after its last task; waits for it."""
        self._tasks.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (given := self._tasks.get()) is not None:
            number, task = given
            try:
                self._posts.put(Post(number, task()))
            except BaseException as error:  # noqa: BLE001 - the border of the thread: the loop raises it again
                self._posts.put(Post(number, error=error))
        if self._at_end is not None:
            self._at_end()

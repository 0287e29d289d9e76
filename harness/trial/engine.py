"""What continues prompts: the one way in for whatever writes.

`harness.trial.transformers_engine` is the only engine so far. Another one (a vLLM server, llama.cpp) needs this method, nothing
else: prompts are token ids, because templates and prefilled beginnings are harness's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Ids = list[int]
Seeds = Sequence[int | None]


class TooManyRowsError(MemoryError):
    """The device has too little memory for so many continuations at once."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How prompts are continued.

    Attributes:
        max_new_tokens: Of each continuation.
        stop: Text that ends a continuation; it stays in it.
        temperature / top_p: Of continuations with a seed.
        until: Seconds since the epoch at which everything ends as it is, or None.
    """

    max_new_tokens: int
    stop: str
    temperature: float = 1.0
    top_p: float = 1.0
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """What was written behind a prompt.

    Attributes:
        ids: Its tokens. What follows an end-of-sequence token is padding.
        seconds: From when its batch was begun until it was there.
    """

    ids: Ids
    seconds: float


class Engine(Protocol):
    """Continues prompts."""

    def write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Continuation]]:
        """Continue every prompt, all together.

        Args:
            prompts: Token ids.
            seeds: For each prompt one entry a continuation, as many for each: None takes the likeliest token every time, a number
                draws; the same number continues the same prompt in the same way, whatever is written beside it.
            how: The same for all.

        Returns:
            For each prompt its continuations, in the order of the seeds.

        Raises:
            TooManyRowsError: fewer at a time may do.
        """
        ...

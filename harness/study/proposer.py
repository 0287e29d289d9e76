"""The sampler as a sweep holds it: here, or in a process of its own where proposing imports torch.

Owns which of the two, and the wire between them; the process itself is started by whoever gives the exchange.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution

from harness.config.sections import Sampler
from harness.core.errors import ExitCode, HarnessError
from harness.study.history import Past
from harness.study.sampling import ProposalAsk, propose

REMOTE = frozenset({"gp"})
"""Samplers that import torch."""
REMOTE_MODULE = "harness.study.proposing"

Exchange = Callable[[str], str]


class Proposer:
    """Proposals for one study.

    Args:
        ask: What is asked for every time.
        exchange: Sends a line to ``python -m harness.study.proposing`` and gives back its answer; needed by the samplers
            in `REMOTE` alone.
    """

    def __init__(self, ask: ProposalAsk, exchange: Exchange | None = None) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # else every proposal announces its study in memory
        self._ask = ask
        self._exchange = exchange

    def next(self, history: Sequence[Past], number: int | None = None) -> dict[str, Any] | None:
        """As `propose`.

        Raises:
            HarnessError: ENVIRONMENT when the other process cannot propose.
        """
        if self._ask.settings.name not in REMOTE:
            return propose(history, self._ask, number)
        if self._exchange is None:
            raise HarnessError(
                f"the sampler {self._ask.settings.name} cannot propose here",
                why="it imports torch, which this process never does",
                fix="use study.sampler.name: tpe",
                code=ExitCode.ENVIRONMENT,
            )
        return read_answer(self._exchange(request(history, self._ask, number)))


def request(history: Sequence[Past], ask: ProposalAsk, number: int | None = None) -> str:
    """A question as one line of JSON."""
    return json.dumps(
        {
            "distributions": {name: distribution_to_json(axis) for name, axis in ask.distributions.items()},
            "directions": list(ask.directions),
            "settings": ask.settings.model_dump(mode="json"),
            "seed": ask.seed,
            "number": number,
            "history": [past.to_dict() for past in history],
        }
    )


def answer(line: str) -> str:
    """The answer to one line, as one line."""
    asked = json.loads(line)
    ask = ProposalAsk(
        {name: json_to_distribution(axis) for name, axis in asked["distributions"].items()},
        tuple(asked["directions"]),
        Sampler.model_validate(asked["settings"]),
        asked["seed"],
    )
    proposal = propose([Past.from_dict(past) for past in asked["history"]], ask, asked["number"])
    return json.dumps({"proposal": proposal})


def read_answer(line: str) -> dict[str, Any] | None:
    """The proposal in an answer.

    Raises:
        HarnessError: ENVIRONMENT when it holds an error instead.
    """
    said = json.loads(line)
    if "error" in said:
        raise HarnessError(
            "the sampler's process cannot propose",
            why=said["error"],
            fix="run `harness doctor`, or use study.sampler.name: tpe",
            code=ExitCode.ENVIRONMENT,
        )
    proposal: dict[str, Any] | None = said["proposal"]
    return proposal

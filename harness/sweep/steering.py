"""`harness stop`, `enqueue` and `budget`: what another terminal asks of a study, whether it is being swept or not.

Owns checking what is asked, and telling the person what came of it. Serving the requests is `harness.sweep.board`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from harness.core.errors import HarnessError
from harness.study.given_settings import given_settings
from harness.study.requests import RequestKind, Requests
from harness.study.store import translated
from harness.sweep.status import Desk, budget_of

ANSWER_WITHIN_S = 5.0
_LOOK_S = 0.1


def stop_trial(desk: Desk, number: int, wait_s: float = ANSWER_WITHIN_S) -> str:
    """Ask for the end of one trial; it is recorded as stopped, and its settings are not tried again.

    Returns:
        What came of it, one line.

    Raises:
        HarnessError: BAD_INPUT when there is no such trial, or it has ended.
    """
    with translated(desk.paths.study_url):
        opened = {trial.asked.number for trial in desk.ledger.open_trials()}
        if number not in opened:
            raise _not_open(desk, number, opened)
        return _asked(desk, RequestKind.STOP, {"trial": number}, wait_s)


def _not_open(desk: Desk, number: int, opened: set[int]) -> HarnessError:
    told = next((told for told in desk.ledger.told() if told.number == number), None)
    why = f"it ended as {told.ending.value}: {told.reason}" if told else "it has not begun"
    running = ", ".join(map(str, sorted(opened))) or "none"
    return HarnessError(f"trial {number} cannot be stopped", why=why, fix=f"trials that can be: {running}")


def enqueue_settings(desk: Desk, texts: Sequence[str]) -> str:
    """Queue settings, to be tried before anything is proposed.

    Args:
        desk: The study.
        texts: ``name=value`` each; what is left out is proposed by the sampler.

    Returns:
        What came of it, one line.

    Raises:
        HarnessError: BAD_INPUT for an unknown parameter or a value outside the space.
    """
    with translated(desk.paths.study_url):
        given = given_settings(desk.ledger.config().space, texts)
        desk.ledger.enqueue(given)
        place, left = desk.ledger.queued(), desk.ledger.remaining(budget_of(desk.ledger))
        line = f"queued as number {place}: " + ", ".join(f"{name}={value}" for name, value in given.items())
        if left < place:
            rest = f"only {left} trials are" if left > 1 else "only one trial is" if left else "no trial is"
            return f"{line}; {rest} left: `harness budget {desk.ledger.name} --trials N` asks for more"
        return line if desk.swept(desk.holders()) else f"{line}; nobody sweeps the study now"


def change_budget(desk: Desk, n_trials: int | None, timeout_s: float | None, wait_s: float = ANSWER_WITHIN_S) -> str:
    """Change how much is tried, also of a sweep under way.

    Args:
        desk: The study.
        n_trials: Trials in all, those that have ended included; None leaves it.
        timeout_s: Seconds of a sweep after which no trial starts; None leaves it.
        wait_s: How long an answer is waited for.

    Returns:
        What came of it, one line.

    Raises:
        HarnessError: BAD_INPUT when nothing is to be changed.
    """
    payload = {name: value for name, value in (("n_trials", n_trials), ("timeout_s", timeout_s)) if value is not None}
    if not payload:
        raise HarnessError("nothing is to be changed", why="neither --trials nor --timeout is given", fix="give one of them")
    ledger = desk.ledger
    with translated(desk.paths.study_url):
        swept = desk.swept(desk.holders())
        if not swept:
            # Noted at once, and asked for as well: a sweep on another machine that has not begun its first trial shows no sign.
            ledger.note("budget", {**(ledger.noted("budget") or {}), **payload})
            if ledger.remaining(budget_of(ledger)) and ledger.noted("finished"):
                ledger.note("finished", None)  # else the next sweep of the file would begin another study
        answer = _asked(desk, RequestKind.BUDGET, payload, wait_s)
        left = ledger.remaining(budget_of(ledger))
        return (
            answer
            if swept
            else f"noted: {budget_of(ledger)} trials in all, {left} of them left, for the next `harness sweep FILE`"
        )


def _asked(desk: Desk, kind: RequestKind, payload: dict[str, Any], wait_s: float) -> str:
    """Put a request down and wait a moment for its answer."""
    requests = Requests(desk.storage, desk.ledger.name)
    identifier = requests.ask(kind, payload)
    if not desk.swept(desk.holders()):
        return "noted; nobody sweeps the study now, the next sweep does it"
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        found = requests.find(identifier)
        if found is not None and found.answer is not None:
            return found.answer
        time.sleep(_LOOK_S)
    return f"asked; no answer within {wait_s:g} s, `harness status {desk.ledger.name}` shows whether it is still open"

"""Requests from another terminal: kept, read in order, answered once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from optuna.storages import RDBStorage

from harness.study.requests import RequestKind, Requests

Opener = Callable[[str], RDBStorage]


def test_requests_are_read_in_order_and_answered_once(opened: Opener, store_url: str) -> None:
    here, there = Requests(opened(store_url), "s"), Requests(opened(store_url), "s")
    assert there.pending() == ()
    stop = here.ask(RequestKind.STOP, {"trial": 4})
    budget = here.ask(RequestKind.BUDGET, {"n_trials": 50})
    Requests(opened(store_url), "other").ask(RequestKind.STOP, {"trial": 1})
    seen = there.pending()
    assert [(r.id, r.kind, dict(r.payload), r.answer) for r in seen] == [
        (stop, RequestKind.STOP, {"trial": 4}, None),
        (budget, RequestKind.BUDGET, {"n_trials": 50}, None),
    ]
    assert all(-1.0 < r.age_s < 60.0 for r in seen)
    assert there.done(stop, "trial 4 was stopped")
    assert not here.done(stop, "no: it had ended"), "the first answer stands"
    assert [r.id for r in here.pending()] == [budget]
    answered = here.find(stop)
    assert answered is not None
    assert answered.answer == "trial 4 was stopped"
    assert here.find(10_000) is None
    assert not Requests(opened(store_url), "other").done(budget, "x"), "another study's request is not ours to answer"


def test_of_several_that_answer_one_does(opened: Opener, store_url: str) -> None:
    storage = opened(store_url)
    requests = Requests(storage, "s")
    asked = [requests.ask(RequestKind.STOP, {"trial": n}) for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        for identifier in asked:
            answered = list(pool.map(lambda who, i=identifier: requests.done(i, str(who)), range(4)))
            assert sum(answered) == 1

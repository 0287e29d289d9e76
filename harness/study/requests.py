"""What another terminal asks of whoever sweeps a study: rows in the study's database, answered once.

Owns asking, reading and answering. Carrying a request out is the sweep's; queueing settings is Optuna's own (`store.enqueue`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import ColumnElement, insert, select, update

from harness.study.tables import REQUESTS, clock, ensure, present

_ROW = REQUESTS.c


class RequestKind(StrEnum):
    """What can be asked."""

    STOP = "stop"
    """End a trial; payload: ``trial``."""
    BUDGET = "budget"
    """Change how much is tried; payload: ``n_trials`` and ``timeout_s``, either absent where it stays."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        id: Of the row; rises with time.
        kind: What is asked.
        payload: Its details.
        age_s: Seconds since it was asked, by the database's clock.
        answer: What came of it, for a person; None while nobody has answered.
    """

    id: int
    kind: RequestKind
    payload: Mapping[str, Any]
    age_s: float
    answer: str | None


class Requests:
    """The requests of one study.

    Args:
        storage: Of the study; SQLite or PostgreSQL.
        study: Its name.
    """

    def __init__(self, storage: RDBStorage, study: str) -> None:
        self._engine = storage.engine
        self._study = study
        self._made = False

    def ask(self, kind: RequestKind, payload: Mapping[str, Any]) -> int:
        """Put a request down; returns its id.

        Raises:
            HarnessError: STORAGE for another database.
        """
        self._ensure()
        with self._engine.begin() as connection:
            values = {"study": self._study, "kind": kind.value, "payload": json.dumps(dict(payload)), "at": clock(connection)}
            made = connection.execute(insert(REQUESTS).values(values).returning(_ROW.id))
            return int(made.scalar_one())

    def pending(self) -> tuple[Request, ...]:
        """Unanswered requests, oldest first; creates nothing."""
        return self._read(_ROW.done_at.is_(None))

    def find(self, identifier: int) -> Request | None:
        """One request, answered or not."""
        return next(iter(self._read(_ROW.id == identifier)), None)

    def done(self, identifier: int, answer: str) -> bool:
        """Answer a request.

        Returns:
            Whether this call did; False when it had been answered before, by whomever. Of several processes one gets True.
        """
        self._ensure()
        with self._engine.begin() as connection:
            open_ = (_ROW.id == identifier, _ROW.study == self._study, _ROW.done_at.is_(None))
            answered = update(REQUESTS).where(*open_).values(done_at=clock(connection), answer=answer)
            return connection.execute(answered).rowcount == 1

    def _ensure(self) -> None:
        if not self._made:
            ensure(self._engine)
            self._made = True

    def _read(self, which: ColumnElement[bool]) -> tuple[Request, ...]:
        self._made = self._made or present(self._engine)
        if not self._made:
            return ()
        with self._engine.connect() as connection:
            columns = (_ROW.id, _ROW.kind, _ROW.payload, (clock(connection) - _ROW.at), _ROW.answer)
            rows = connection.execute(select(*columns).where(_ROW.study == self._study, which).order_by(_ROW.id)).all()
        return tuple(
            Request(identifier, RequestKind(kind), json.loads(payload), float(age), answer)
            for identifier, kind, payload, age, answer in rows
        )

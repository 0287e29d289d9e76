"""Who works on which trial: one row a trial in the study's database, kept by beats, taken over from the dead.

Owns taking, keeping and losing. All times are the database's: two machines whose clocks differ agree on an age. A process of this
very machine is judged by whether it lives, so neither a jump of the clock nor a suspended laptop costs anyone a trial; a process
elsewhere is dead once it has not beaten for `ttl_s` seconds. What is done about an orphaned trial is the sweep's.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from harness.study.owner import Life, Owner
from harness.study.tables import LEASES, clock, ensure, present

TTL_S = 60.0
_ROW = LEASES.c


@dataclass(frozen=True, slots=True)
class Lease:
    """Somebody's hold on a trial.

    Attributes:
        owner: Who.
        age_s: Seconds since the last beat, by the database's clock.
        held_s: Seconds since it was taken.
        status: What the holder last said of the trial: rung, phase, step, total, used_bytes, eta_s.
        dead: Whether anyone may take it over.
    """

    owner: Owner
    age_s: float
    held_s: float
    status: Mapping[str, Any]
    dead: bool


class Leases:
    """One process's view of the leases of one study. Any thread may call; calls wait for each other.

    Args:
        storage: Of the study; SQLite or PostgreSQL.
        study: Its name.
        owner: In whose name leases are taken.
        ttl_s: Seconds without a beat after which a holder elsewhere is dead.

    Raises:
        HarnessError: STORAGE for another database.
    """

    def __init__(self, storage: RDBStorage, study: str, owner: Owner, *, ttl_s: float = TTL_S) -> None:
        self._engine = storage.engine
        self._study = study
        self._owner = owner
        self._ttl_s = ttl_s
        self._held: dict[int, float] = {}  # -> when the database last said so, seconds since boot
        self._turn = threading.Lock()
        self._made = False

    @property
    def held(self) -> frozenset[int]:
        """Trials that this process took and has not lost as far as it knows."""
        with self._turn:
            return frozenset(self._held)

    def take(self, number: int) -> bool:
        """Take a trial that is free, or whose holder is dead; a repeated call keeps it.

        Returns:
            Whether this process holds it now. Of any number of processes that try at once, one gets True.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer; whether the lease was taken then shows in the next call.
        """
        with self._turn:
            if self._surely_held(number):
                return True
            self._ensure()
            asked_at = _since_boot_s()
            taken = self._renew(number) or self._insert(number) or self._take_over(number)
            if taken:
                self._held[number] = asked_at
            else:
                self._held.pop(number, None)
            return taken

    def beat(self, status: Mapping[int, Mapping[str, Any]] | None = None) -> frozenset[int]:
        """Keep all that this process holds.

        Args:
            status: Trial -> what to tell of it; JSON-ready.

        Returns:
            Trials that it held and that are another's now, or nobody's; each is returned once.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer; nothing counts as lost by that.
        """
        with self._turn:
            if not self._held:
                return frozenset()
            asked_at = _since_boot_s()
            with self._engine.begin() as connection:
                mine = update(LEASES).where(*self._mine()).values(beat_at=clock(connection)).returning(_ROW.number)
                kept = set(connection.execute(mine).scalars())
                for number in sorted(kept & (status or {}).keys()):
                    told = json.dumps(dict((status or {})[number]))
                    connection.execute(update(LEASES).where(*self._mine(number)).values(status=told))
            lost = frozenset(self._held.keys() - kept)
            self._held = dict.fromkeys(self._held.keys() & kept, asked_at)
            return lost

    def release(self, number: int) -> None:
        """Give a trial back; harmless where it is not this process's."""
        with self._turn:
            self._ensure()
            with self._engine.begin() as connection:
                connection.execute(delete(LEASES).where(*self._mine(number)))
            self._held.pop(number, None)

    def release_all(self) -> None:
        """Give everything back that is in this process's name."""
        with self._turn:
            self._ensure()
            with self._engine.begin() as connection:
                connection.execute(delete(LEASES).where(*self._mine()))
            self._held.clear()

    def drop(self, numbers: Iterable[int]) -> None:
        """Remove leases, whoever holds them: for trials that have ended."""
        with self._turn:
            self._ensure()
            with self._engine.begin() as connection:
                connection.execute(delete(LEASES).where(_ROW.study == self._study, _ROW.number.in_(sorted(set(numbers)))))

    def holders(self) -> dict[int, Lease]:
        """Every lease of the study by its trial's number; creates nothing."""
        self._made = self._made or present(self._engine)
        if not self._made:
            return {}
        with self._engine.connect() as connection:
            now = clock(connection)
            columns = (_ROW.number, _ROW.owner, (now - _ROW.beat_at), (now - _ROW.taken_at), _ROW.status)
            rows = connection.execute(select(*columns).where(_ROW.study == self._study).order_by(_ROW.number)).all()
        return {number: self._lease(owner, float(age), float(held), status) for number, owner, age, held, status in rows}

    def dead(self) -> frozenset[int]:
        """Trials whose holder is dead."""
        return frozenset(number for number, lease in self.holders().items() if lease.dead)

    def _lease(self, owner: str, age_s: float, held_s: float, status: str) -> Lease:
        holder = Owner.parse(owner)
        life = holder.life()
        dead = life is Life.DEAD or (life is Life.ELSEWHERE and age_s > self._ttl_s)
        return Lease(holder, age_s, held_s, json.loads(status), dead)

    def _ensure(self) -> None:
        if not self._made:
            ensure(self._engine)
            self._made = True

    def _surely_held(self, number: int) -> bool:
        """Whether the database said so too lately for anyone to have taken it since: a write costs SQLite 30 ms here."""
        said = self._held.get(number)
        return said is not None and _since_boot_s() - said < self._ttl_s / 4

    def _mine(self, number: int | None = None) -> tuple[ColumnElement[bool], ...]:
        mine = (_ROW.study == self._study, _ROW.owner == self._owner.text)
        return mine if number is None else (*mine, _ROW.number == number)

    def _renew(self, number: int) -> bool:
        with self._engine.begin() as connection:
            beat = update(LEASES).where(*self._mine(number)).values(beat_at=clock(connection))
            return connection.execute(beat).rowcount == 1

    def _insert(self, number: int) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(LEASES).values(study=self._study, number=number, **self._fresh(connection)))
        except IntegrityError:
            return False  # somebody else's
        return True

    def _take_over(self, number: int) -> bool:
        """Compare-and-swap: only from the holder that was seen, and only while it is as dead as it was seen."""
        with self._engine.connect() as connection:
            there = and_(_ROW.study == self._study, _ROW.number == number)
            owner = connection.execute(select(_ROW.owner).where(there)).scalar_one_or_none()
        if owner is None:
            return self._insert(number)
        life = Owner.parse(owner).life()
        if life is Life.ALIVE:
            return False
        with self._engine.begin() as connection:
            still_dead = true() if life is Life.DEAD else _ROW.beat_at < clock(connection) - self._ttl_s
            swap = update(LEASES).where(there, _ROW.owner == owner, still_dead)
            return connection.execute(swap.values(**self._fresh(connection))).rowcount == 1

    def _fresh(self, connection: Connection) -> dict[str, Any]:
        now = clock(connection)
        return {"owner": self._owner.text, "taken_at": now, "beat_at": now, "status": "{}"}


def _since_boot_s() -> float:
    """Goes on while the machine sleeps, as the others' clocks do."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

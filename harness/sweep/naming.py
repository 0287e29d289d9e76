"""Which study a sweep goes on with: the named one, or for an unnamed file the first that is not finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from optuna.storages import BaseStorage

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.study.ledger import Ledger
from harness.study.store import create_ledger, load_ledger, study_names, translated
from harness.sweep.lock import StudyLock


@dataclass(frozen=True, slots=True)
class Claimed:
    """A study this process may work on: it holds the lock."""

    ledger: Ledger
    lock: StudyLock
    resumed: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where studies live: the Optuna storage, its URL for messages, and the folder of trial folders."""

    storage: BaseStorage
    url: str
    trials: Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What all trials of a study have in common.

    Attributes:
        config: The sweep file.
        data: Digest of the data it comes to, hex.
    """

    config: SweepConfig
    data: str

    def half_made(self, ledger: Ledger) -> bool:
        """Whether whoever created the study, from these settings, died before it was whole; nothing has begun in it then."""
        begun = ledger.noted("data_digest") is not None or ledger.remaining(1) == 0
        return not begun and ledger.identity in ("", self.config.identity())

    def create(self, place: Place, name: str) -> Ledger:
        """A study of these; the rest of one that is `half_made`."""
        ledger = create_ledger(place.storage, name, self.config)
        ledger.note("data_digest", self.data)
        return ledger

    def other_settings(self, ledger: Ledger) -> bool:
        """Whether the study was created from settings under which figures mean something else."""
        return ledger.identity != self.config.identity()

    def other_data(self, ledger: Ledger) -> bool:
        """Whether the study's trials were trained and scored on other data."""
        return ledger.noted("data_digest") not in (None, self.data)


def claim_study(place: Place, wanted: Wanted, stem: str, say: Callable[[str], None]) -> Claimed:
    """Open or create the study of a sweep file.

    Args:
        place: Where studies live.
        wanted: Settings and data.
        stem: The file's name without its suffix, used when `study.name` is absent.
        say: Told why a study was passed over.

    Raises:
        HarnessError: CONFLICT when the named study has another space or other data, or is being swept by another process.
    """
    with translated(place.url):
        if wanted.config.study.name is not None:
            claimed = _claim_named(place, wanted, wanted.config.study.name)
        else:
            names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
            claimed = next(filter(None, (_claim_unnamed(place, wanted, name, say) for name in names)))
        claimed.ledger.renew(wanted.config)
        return claimed


def claim_existing(place: Place, name: str) -> Claimed:
    """Open a study as it is.

    Raises:
        HarnessError: BAD_INPUT when there is none, CONFLICT when it is being swept.
    """
    with translated(place.url):
        return Claimed(load_ledger(place.storage, name), _locked(place, name), resumed=True)


def _locked(place: Place, name: str) -> StudyLock:
    lock = StudyLock(place.trials / name)
    if not lock.acquire():
        raise HarnessError(
            f"study {name!r} is being swept already",
            why=f"process {lock.holder()} holds its lock",
            fix="wait for it, or give study.name another name",
            code=ExitCode.CONFLICT,
        )
    return lock


def _claim_named(place: Place, wanted: Wanted, name: str) -> Claimed:
    lock = _locked(place, name)
    if name not in study_names(place.storage):
        return Claimed(wanted.create(place, name), lock, resumed=False)
    ledger = load_ledger(place.storage, name)
    try:
        if wanted.half_made(ledger):
            ledger = wanted.create(place, name)
        _require_same(ledger, wanted)
    except HarnessError:
        lock.release()
        raise
    return Claimed(ledger, lock, resumed=True)


def _require_same(ledger: Ledger, wanted: Wanted) -> None:
    if wanted.other_settings(ledger):
        raise HarnessError(
            f"study {ledger.name!r} exists with other settings",
            why=f"{_difference(ledger.config(), wanted.config)} changed since it was created; its trials could not be compared",
            fix="give study.name another name, or restore the settings; nothing was changed",
            code=ExitCode.CONFLICT,
        )
    if wanted.other_data(ledger):
        before = str(ledger.noted("data_digest"))
        raise HarnessError(
            f"study {ledger.name!r} exists with other data",
            why=f"its trials were made with the functions of digest {before[:12]}..., now it is {wanted.data[:12]}...",
            fix="give study.name another name, or restore the data; nothing was changed",
            code=ExitCode.CONFLICT,
        )


def _claim_unnamed(place: Place, wanted: Wanted, name: str, say: Callable[[str], None]) -> Claimed | None:
    lock = StudyLock(place.trials / name)
    if not lock.acquire():
        say(f"study {name} is being swept by process {lock.holder()}: taking the next name")
        return None
    if name not in study_names(place.storage):
        return Claimed(wanted.create(place, name), lock, resumed=False)
    ledger = load_ledger(place.storage, name)
    if wanted.half_made(ledger):
        ledger = wanted.create(place, name)
    if ledger.noted("finished") is None:
        other = "settings" if wanted.other_settings(ledger) else "data" if wanted.other_data(ledger) else None
        if other is None:
            return Claimed(ledger, lock, resumed=True)
        say(f"study {name} is unfinished but has other {other}: left as it is")
    lock.release()
    return None


def _difference(old: SweepConfig, new: SweepConfig) -> str:
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    free = ("guard", "workers", "study", "promotion", "tracking")
    changed = [key for key in before if before[key] != after[key] and key not in free]
    return ", ".join(changed) or "its settings"

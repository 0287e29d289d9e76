"""Everything that `harness fsck` compares, read once: the study, its leases, MLflow's runs and versions, the trial folders.

Owns the reading. What disagrees is `fsck_rules`'s to say, putting it right `fsck_repair`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.study.leases import Lease, Leases
from harness.study.ledger import Ledger, OpenTrial, Told
from harness.sweep.paths import Paths
from harness.tracking.survey import KnownRun, KnownVersion, Survey

LOST_AND_FOUND = "lost+found"
_TRIAL_FOLDER = re.compile(r"trial-(\d+)(?:-on-test)?")
_HALF_WRITTEN = re.compile(r"\.(?P<name>.+?)(?:\.old)?\.(?P<pid>\d+)")
_HALF_FOLDER = re.compile(r"\..+\.tmp")


@dataclass(frozen=True, slots=True)
class Left:
    """A file or folder that something writes and then renames, still under its temporary name.

    Attributes:
        path: Where.
        pid: The process that wrote it; None where the name does not say.
    """

    path: Path
    pid: int | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A study and all that belongs to it, at one moment.

    Attributes:
        study: Its name.
        objectives: Names of its objectives.
        opened: Trials that were asked for and not told.
        told: Trials that ended.
        leases: Trial -> who works on it.
        runs: MLflow's runs of it, newest first, deleted ones too.
        versions: Registry versions that came out of it.
        promoted: What the study notes of its promotion.
        registered: Whether the registry holds what is noted as promoted.
        gone: Folders of versions that are not there, although this machine keeps promoted adapters of that name.
        folders: Number of a trial -> its folders.
        checkpoints: Trials whose folder holds checkpoints.
        left: Half-written files.
        swept_by: Process id of the sweep on this machine; None where none runs.
    """

    study: str
    objectives: tuple[str, ...]
    opened: tuple[OpenTrial, ...]
    told: tuple[Told, ...]
    leases: Mapping[int, Lease]
    runs: tuple[KnownRun, ...]
    versions: tuple[KnownVersion, ...]
    promoted: Mapping[str, Any] | None
    registered: bool
    gone: frozenset[str]
    folders: Mapping[int, tuple[Path, ...]]
    checkpoints: frozenset[int]
    left: tuple[Left, ...]
    swept_by: str | None

    @property
    def living(self) -> frozenset[int]:
        """Trials that somebody alive works on."""
        return frozenset(number for number, lease in self.leases.items() if not lease.dead)

    @property
    def alive(self) -> bool:
        """Whether anybody sweeps the study, here or elsewhere."""
        return self.swept_by is not None or bool(self.living)

    @property
    def numbers(self) -> frozenset[int]:
        """Every trial that was ever started."""
        return frozenset({opened.asked.number for opened in self.opened} | {told.number for told in self.told})


@dataclass(frozen=True, slots=True)
class Opened:
    """What a scene is read from.

    Attributes:
        paths: Where everything is kept.
        ledger: The study.
        leases: Of the study; takes none.
        survey: MLflow.
    """

    paths: Paths
    ledger: Ledger
    leases: Leases
    survey: Survey

    @property
    def folder(self) -> Path:
        """Of the study's trials."""
        return self.paths.trials / self.ledger.name


def read_scene(opened: Opened, swept_by: str | None) -> Scene:
    """Look at everything once.

    Args:
        opened: Where to look.
        swept_by: Process id of the sweep on this machine, if any.

    Raises:
        HarnessError: the file system refuses.
    """
    ledger, promoted = opened.ledger, opened.ledger.noted("promoted")
    # Runs first: a trial that starts between the two looks has no run that could seem to be nobody's.
    runs, versions = opened.survey.runs(), opened.survey.versions()
    folders = _trial_folders(opened.folder)
    name = promoted["name"] if promoted else None
    return Scene(
        study=ledger.name,
        objectives=tuple(objective.name for objective in ledger.config().objectives),
        opened=ledger.open_trials(),
        told=ledger.told(),
        leases=opened.leases.holders(),
        runs=runs,
        versions=versions,
        promoted=promoted,
        registered=bool(promoted) and opened.survey.is_registered(str(name), int(promoted["version"])),
        gone=frozenset(v.folder for v in versions if not Path(v.folder).is_dir() and (opened.paths.adapters / v.name).is_dir()),
        folders=folders,
        checkpoints=frozenset(n for n, found in folders.items() if any((path / "checkpoints").is_dir() for path in found)),
        left=tuple(half_written((opened.folder, opened.paths.adapters / str(name or ledger.name)))),
        swept_by=swept_by,
    )


def _trial_folders(folder: Path) -> dict[int, tuple[Path, ...]]:
    found: dict[int, tuple[Path, ...]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _TRIAL_FOLDER.fullmatch(path.name)
        if match is not None and path.is_dir():
            found[int(match[1])] = (*found.get(int(match[1]), ()), path)
    return found


def half_written(places: Iterable[Path]) -> list[Left]:
    """Temporary names in folders and in the folders right below them: ``.NAME.PID``, ``.NAME.old.PID``, ``.NAME.tmp``.

    What carries the number of a process that lives is left out: it may be writing yet.
    """
    found = []
    for place in places:
        below = [path for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []
        for folder in (place, *(path for path in below if path.name != LOST_AND_FOUND)):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                match = _HALF_WRITTEN.fullmatch(path.name)
                if match is not None and not Path(f"/proc/{match['pid']}").exists():
                    found.append(Left(path, int(match["pid"])))
                elif _HALF_FOLDER.fullmatch(path.name) and path.is_dir():
                    found.append(Left(path, None))
    return found

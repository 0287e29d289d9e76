"""A sweep on a disk that runs full, and again once there is room. Run as root of a mount namespace of its own: `unshare -rm`.

Usage: python crash_disk.py FOLDER N. Mounts a small disk on FOLDER and fills it at the N-th commit of the sweep.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import crash_check as check
from benchmarks.crash_points import watch
from benchmarks.crash_stage import OBJECTIVES, STUDY, Stage, ended, import_all


def main() -> None:
    disk, nth = Path(sys.argv[1]), int(sys.argv[2])
    outside = disk.with_name(f"{disk.name}-said")
    outside.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    import_all()
    stage = Stage(disk / "place", n_trials=3, said=outside)
    stage.prepare()
    first = stage.sweep(lambda: watch(stage.root, Filling(disk / "ballast", nth)))
    codes = [ended(first)]
    said = stage.out(first)[-1]
    seen = check.points(stage.stores, STUDY)
    (disk / "ballast").unlink()
    codes.append(ended(stage.sweep()))
    wrong = check.lost(stage.stores, STUDY, 3, seen) + check.duplicated(stage.stores, STUDY, 3, seen)
    wrong += check.orphans(stage.stores, STUDY, stage.temporary)
    wrong += check.disagreements(stage.stores, STUDY, OBJECTIVES) + stage.fsck()
    sys.stdout.write(json.dumps({"codes": codes, "said": said, "reached": len(seen), "wrong": wrong}) + "\n")


class Filling:
    """Takes all that is left of a disk at the n-th commit."""

    def __init__(self, ballast: Path, nth: int) -> None:
        self._ballast, self._left = ballast, nth

    def __call__(self, what: str) -> None:
        self._left -= what.startswith("commit")
        if self._left == 0:
            self._left = -1
            with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(1 << 12)):
                    pass
            os.sync()


if __name__ == "__main__":
    main()

"""A simulated sweep, left as it would be by a process that died before one of its writes, and taken up from there.

Usage: python crash_writes.py FOLDER EVERY FIRST. One undisturbed sweep is photographed before its writes FIRST, FIRST + EVERY,
and so on; each photograph is put back in its place, swept on, and compared with what the undisturbed sweep decided.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import crash_check as check
from benchmarks.crash_points import Photographer, watch
from benchmarks.crash_stage import OBJECTIVES, STUDY, Stage, ended, import_all

TRIALS = 3


def main() -> None:
    folder, every, first = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    import_all()
    stage, album = Stage(folder / "place", TRIALS), folder / "album"
    album.mkdir()
    stage.prepare()
    photographer = Photographer(stage.root, album, lambda number: number % every == first % every)
    code = ended(stage.sweep(lambda: watch(stage.root, photographer)))
    names, wanted = (album / "names").read_text("utf-8").splitlines(), check.decisions(stage.stores, STUDY)
    wrong = [f"the undisturbed sweep: {what}" for what in [*looked_at(stage, {}), *([f"exit code {code}"] if code else [])]]
    photographs = sorted(int(path.name) for path in album.iterdir() if path.name.isdigit())
    for number in photographs:
        shutil.rmtree(stage.root)
        (album / str(number)).rename(stage.root)
        wrong += [f"before write {number}, {names[number]}: {what}" for what in taken_up(stage, wanted)]
    sys.stdout.write(json.dumps({"moments": len(names), "tried": len(photographs), "wrong": wrong}) + "\n")


def taken_up(stage: Stage, wanted: list[tuple[object, ...]]) -> list[str]:
    seen = check.points(stage.stores, STUDY)
    pid = stage.sweep()
    code = ended(pid)
    if code:
        return [f"exit code {code}: {stage.out(pid)[-1:]}"]
    differs = ["decided otherwise"] if check.decisions(stage.stores, STUDY) != wanted else []
    return [*differs, *looked_at(stage, seen)]


def looked_at(stage: Stage, seen: check.Points) -> list[str]:
    found = check.lost(stage.stores, STUDY, TRIALS, seen) + check.duplicated(stage.stores, STUDY, TRIALS, seen)
    return found + check.orphans(stage.stores, STUDY, stage.temporary) + check.disagreements(stage.stores, STUDY, OBJECTIVES)


if __name__ == "__main__":
    main()

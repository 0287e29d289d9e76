"""Simulated sweeps with two workers, killed at random moments, so often in all. Usage: python crash_random.py FOLDER KILLS"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.crash import Found, torment
from benchmarks.crash_stage import Stage, import_all


def main() -> None:
    import_all()
    found, draw, kills = Found(), random.Random(3), int(sys.argv[2])
    for number in range(kills):  # a fast machine is through with a sweep before all of them came
        if found.kills < kills:
            stage = Stage(Path(sys.argv[1]) / f"place{number}", n_trials=4, workers=2, pace_ms=50)
            torment(stage, kills - found.kills, draw, found)
    wrong = [*found.lost, *found.duplicated, *found.orphans, *found.disagreements]
    sys.stdout.write(json.dumps({"kills": found.kills, "wrong": wrong}) + "\n")


if __name__ == "__main__":
    main()

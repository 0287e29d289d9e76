"""How fast the memory guard decides and kills, what it gets wrong, and what watching costs.

``--json`` prints one line:

* ``detection_ms_p50``, ``detection_ms_p99``: from the moment a trial crosses its budget to the decision to kill it, at 50 Hz.
  Real host memory (the child notes when it and its keeper cross) and the scripted NVML (the script says when) together;
  ``..._host`` and ``..._gpu`` apart.
* ``tree_gone_ms_p50``, ``tree_gone_ms_p99``: from that decision until the trial and its two children are gone and reaped.
* ``false_kills`` of ``harmless`` curves, ``missed`` of ``harmful`` ones (each crosses its budget at least 60 ms before the
  device is full; missed means no decision before that), ``unwatchable``: steeper ones drawn beside, which admission exists
  for. Played through the pure rules with simulated looks at 50 Hz (``benchmarks/guard_played.py``, seeded);
  ``real_missed`` and ``real_false_kills``: a sample of them through the scripted library and the real loop.
* ``squeezes_in_time``: a neighbour fills the device; decided so early that the kill is over (0.1 s) before it is full. Beside
  it ``squeezes_in_time_by_level``, the level rule alone on the same curves.
* ``watchdog_cpu_pct``: CPU time of the whole watching process from its first look to its last, over 10 s at 50 Hz, in
  percent of one core; the larger of host and scripted GPU, of a trial as the harness runs it: a keeper and one process with
  nine threads. ``watchdog_cpu_pct_family``: on the host, of a trial with two children of its own.
* ``sleeping_cpu_pct``: the same for a loop that only sleeps 20 ms at a time, measured beside it: the floor, which grows with
  what else runs on the machine, as every look starts with cold caches.
* ``look_gap_ms_p99``: between two looks of the real loop; its period is 20 ms.

Times include whatever else the machine does meanwhile: nothing is repeated or left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
GUARD_TESTS = HERE.parent / "tests" / "guard"
sys.path[:0] = [str(HERE.parent), str(GUARD_TESTS), str(HERE)]


def real(count: int, seed: int) -> dict[str, Any]:
    """What benchmarks/guard_real.py finds, in a process of its own: the loader reads LD_LIBRARY_PATH at the start alone."""
    from guard_support import ScriptedNvml, build_nvml

    with tempfile.TemporaryDirectory() as name:
        library = Path(name) / "library"
        library.mkdir()
        env = ScriptedNvml(build_nvml(library), Path(name)).env()
        env["PYTHONPATH"] += f":{HERE}"
        argv = (sys.executable, str(HERE / "guard_real.py"), str(count), str(seed))
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def share(values: list[float], fraction: float) -> float:
    """The nearest-rank quantile, one decimal."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(fraction * len(ordered)))], 1)


def measure(count: int, curves: int, seed: int) -> dict[str, float]:
    """Every figure by name."""
    import guard_played

    found = real(count, seed)
    both = {name: found["host"][name] + found["gpu"][name] for name in ("detection", "gone", "gaps")}
    return {
        "detection_ms_p50": share(both["detection"], 0.5),
        "detection_ms_p99": share(both["detection"], 0.99),
        "detection_ms_p99_host": share(found["host"]["detection"], 0.99),
        "detection_ms_p99_gpu": share(found["gpu"]["detection"], 0.99),
        "tree_gone_ms_p50": share(both["gone"], 0.5),
        "tree_gone_ms_p99": share(both["gone"], 0.99),
        "kills": len(both["gone"]),
        **guard_played.play(seed, curves),
        "real_missed": found["gpu"]["missed"],
        "real_false_kills": found["gpu"]["false_kills"],
        "watchdog_cpu_pct": round(max(found["host"]["cpu_pct"], found["gpu"]["cpu_pct"]), 2),
        "watchdog_cpu_pct_gpu": round(found["gpu"]["cpu_pct"], 2),
        "watchdog_cpu_pct_family": round(found["cpu_pct"]["family"], 2),
        "sleeping_cpu_pct": round(found["cpu_pct"]["sleeping"], 2),
        "look_gap_ms_p99": share(both["gaps"], 0.99),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--kills", type=int, default=40, help="real kills on the host, and as many on the scripted GPU")
    parser.add_argument("--curves", type=int, default=1000, help="simulated curves of each sort")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(options.kills, options.curves, options.seed)
    print(json.dumps(figures) if options.json else "\n".join(f"{name:28} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()

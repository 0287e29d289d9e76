"""How fast the watchdog ends a trial that outgrows its budget, and what watching costs.

For 10, 20 and 50 Hz: milliseconds from the start of the overshoot (a child that takes 48 MiB more than it may, after a
random wait) until every process of it is gone, median and 95th percentile; microseconds of CPU of one poll; and the
share of one core that polling takes. Host memory, real processes. ``--json`` prints one line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from harness.core.admission import Budget
from harness.guard.host import HostProbe
from harness.guard.supervise import Launch, Watch, supervise

RATES = (10.0, 20.0, 50.0)
BUDGET = Budget(128 << 20, 1 << 40, "benchmark")
OVERSHOOT = """
import sys, time
held = b"x" * (80 << 20)
time.sleep(0.2 + float(sys.argv[2]))
open(sys.argv[1], "w").write(str(time.monotonic()))
more = b"x" * (80 << 20)
time.sleep(30)
"""
IDLE = "import time; time.sleep(3)"


def latency_ms(folder: Path, poll_hz: float) -> float:
    """Milliseconds from the overshoot to the last process gone."""
    stamp = folder / "stamp"
    wait = str(random.random() / poll_hz)
    launch = Launch((sys.executable, "-I", "-S", "-c", OVERSHOOT, str(stamp), wait), folder / "log", dict(os.environ))
    ended = supervise(launch, Watch(HostProbe(), BUDGET, poll_hz))
    gone = time.monotonic()
    if ended.killed is None:
        msg = f"not killed: {ended}"
        raise RuntimeError(msg)
    return 1000 * (gone - float(stamp.read_text()))


def poll_cost(folder: Path, poll_hz: float) -> tuple[float, float]:
    """CPU microseconds of one poll, and the share of a core, over a child that sleeps 3 s."""
    polls: list[int] = []
    started = time.process_time()
    launch = Launch((sys.executable, "-c", IDLE), folder / "log", dict(os.environ))
    ended = supervise(launch, Watch(HostProbe(), BUDGET, poll_hz, lambda sample: polls.append(sample.used_bytes)))
    spent = time.process_time() - started
    return 1e6 * spent / len(polls), spent / ended.duration_s


def measure(repeats: int) -> dict[str, float]:
    """Every figure by name."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for poll_hz in RATES:
            times = sorted(latency_ms(Path(name), poll_hz) for _ in range(repeats))
            cost_us, share = poll_cost(Path(name), poll_hz)
            figures[f"latency_ms_median_{poll_hz:.0f}hz"] = round(times[len(times) // 2], 1)
            figures[f"latency_ms_p95_{poll_hz:.0f}hz"] = round(times[min(len(times) - 1, int(0.95 * len(times)))], 1)
            figures[f"poll_cpu_us_{poll_hz:.0f}hz"] = round(cost_us, 1)
            figures[f"cpu_share_{poll_hz:.0f}hz"] = round(share, 5)
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--repeats", type=int, default=20, help="overshoots per rate")
    options = parser.parse_args()
    figures = measure(options.repeats)
    print(json.dumps(figures) if options.json else "\n".join(f"{name:28} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()

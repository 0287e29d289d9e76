"""Running one child process under watch, from its start to its end: the one door for processes that do one thing.

Owns the order: baseline, start, watch, memory back. The loop is `harness.guard.watching`'s, the promise that nothing survives
the keeper's; processes that do one job after another are `harness.guard.worker`'s.
"""

from __future__ import annotations

from harness.guard.child import Child, Launch
from harness.guard.watcher import StopSignal, Watch, Watcher, first_sight
from harness.guard.watching import Ended, Run, memory_back

__all__ = ["Ended", "Launch", "StopSignal", "Watch", "supervise"]


def supervise(launch: Launch, watch: Watch) -> Ended:
    """Run a child to its end, whichever way it comes, and leave no process behind.

    The child runs in a session of its own with stdin from /dev/null and no core files. It ends with this process,
    however that ends: SIGKILL included. Above budget, at the time limit and on a second request it gets SIGKILL with
    all it started; on a first request SIGTERM, and SIGKILL after the grace. A device that cannot be read for a while, or
    for good, does not end it: it goes on unwatched, under the cap that its own allocator keeps.

    Raises:
        DeviceLostError: if the probe's device is gone; the child has been killed.
        HarnessError: if the child cannot be started.
    """
    child = Child(launch)
    try:
        watcher = Watcher(watch, first_sight(watch.probe, child.pid))
        child.start()
        run = Run(child, watcher, launch.timeout_s, () if watch.stop is None else (watch.stop,))
        returncode = run.follow()
    finally:
        child.close()
    return run.ended(returncode, child.log_tail(), memory_back(watch, watcher.peak_bytes))

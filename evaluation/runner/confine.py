"""Which fences the processes of a zygote stand behind, and how each of them enters its own.

Order matters: each step takes away what the one before still needed.
Zygote: user, mounts (in `evaluation.runner.kernel`), Landlock with file rules, the base system-call filter. Suite process and
run: a further Landlock scope each, so that neither can signal the one above it; the run also gets the tighter filter.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from evaluation.runner import identity, kernel, landlock, seccomp

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
MAX_TASKS = 64
TRUNCATE_FROM_ABI = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a zygote is told to do; written by `evaluation.sandbox.levels`.

    Attributes:
        level: ``bwrap``, ``namespaces`` or ``bare``: what stands around the zygote.
        folder: The only place that runs may write to.
        readable: What they may read.
        spare_uid: User to become, which takes a zygote that is root; 0 to stay.
        parent: Process id of the scorer, or 0 where it cannot be seen.
        landlock: Whether to enter Landlock domains.
        seccomp: Whether to install system-call filters.
    """

    level: str
    folder: str
    readable: tuple[str, ...]
    spare_uid: int
    parent: int
    landlock: bool
    seccomp: bool


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a zygote's children need to know.

    Attributes:
        folder: The only place that runs may write to; emptied before each.
        tasks: Processes and threads of this user, or None where that limit would count what is not ours.
        filtered: Whether the run filter is installed; then no run can start a process.
        scope: The Landlock scope of suite processes and runs, or None.
    """

    folder: str
    tasks: int | None
    filtered: bool
    scope: landlock.Domain | None

    @property
    def can_fork(self) -> bool:
        """Whether a run may leave processes behind."""
        return not self.filtered

    @property
    def signals_scoped(self) -> bool:
        """Whether `kill(-1)` in a suite process reaches its own descendants only."""
        return self.scope is not None or os.getpid() <= kernel.FIRST_PIDS

    def enter_suite(self) -> None:
        """Called by a suite process, first of all."""
        kernel.harden(0)
        if self.scope is not None:
            self.scope.enter()

    def enter_run(self) -> None:
        """Called by a run, last before it touches the suite."""
        kernel.die_with_parent()
        with contextlib.suppress(PermissionError):
            os.setpgid(0, 0)
        if self.scope is not None:
            self.scope.enter()
        if self.filtered:
            seccomp.run_filter(os.getpid()).install()


def enter_zygote(plan: Plan) -> Confinement:
    """Fence this process in, for good.

    Raises:
        KernelRefusedError: if the kernel refuses a step that the plan asks for.
    """
    kernel.harden(plan.parent)
    tasks = _task_limit(plan)
    if plan.level == "namespaces":
        kernel.enter_namespaces(plan.folder)
    if plan.spare_uid:
        os.chown(plan.folder, plan.spare_uid, plan.spare_uid)
        identity.become_unprivileged(plan.spare_uid, keep_reading=True)
    kernel.harden(0)
    scope = None
    if plan.landlock:
        landlock.file_domain([*plan.readable, *DEVICES], [plan.folder, "/dev/null"]).enter()
        scope = landlock.scope_domain()
    if plan.seccomp:
        seccomp.base_filter(guard_truncate=landlock.abi() < TRUNCATE_FROM_ABI).install()
        seccomp.run_filter(os.getpid())  # assembled once, for all runs
    return Confinement(plan.folder, tasks, plan.seccomp, scope)


def _task_limit(plan: Plan) -> int | None:
    """What RLIMIT_NPROC has to be for a run to get `MAX_TASKS`; asked while /proc can be read."""
    if plan.spare_uid or (plan.level != "bare" and os.getuid() != 0):
        return MAX_TASKS  # nobody else counts as this user
    return None if os.getuid() == 0 else _tasks_of_user() + MAX_TASKS


def _tasks_of_user() -> int:
    """Threads of this user on the machine: outside a user namespace that is what RLIMIT_NPROC counts."""
    user, total = os.getuid(), 0
    for status in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if status.stat().st_uid == user:
                total += len(list((status / "task").iterdir()))
    return total

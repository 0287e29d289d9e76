"""Which layers this machine has, tried rather than assumed, and which of them are enough.

Landlock, seccomp and limits are the floor: they need no privilege and no namespaces. Around them stands ``bwrap`` (own root file
system, no network, own processes), ``namespaces`` (the same by plain kernel calls, with the file system as it is) or nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from dataclasses import dataclass

from evaluation.errors import SandboxUnavailableError
from evaluation.sandbox.launch import Fence, Level, floor
from evaluation.sandbox.zygote import Zygote, ZygoteDiedError

AROUND = {
    Level.BWRAP: "bubblewrap (own file system, network and processes)",
    Level.NAMESPACES: "kernel namespaces (own network and processes, the file system read-only)",
    Level.BARE: "nothing",
}


@dataclass(frozen=True, slots=True)
class SandboxStrength:
    """What the fence on this machine keeps out.

    Attributes:
        level: The strongest level that works here.
        network_isolated: Suites reach no network, loopback of the machine included.
        filesystem_isolated: Suites read only Python and system libraries, and write only to their own folder.
        layers: All layers that work here.
        missing: Layers that do not.
        detail: One line for a person: what is missing, and how to get it.
    """

    level: str
    network_isolated: bool
    filesystem_isolated: bool
    layers: tuple[str, ...]
    missing: tuple[str, ...]
    detail: str


def sandbox_strength() -> SandboxStrength:
    """The strongest fence that works here, tried for real (under a second); raises nothing."""
    with contextlib.suppress(OSError, SandboxUnavailableError):
        return strength_of(choose("auto"))
    has = dict(zip(("landlock", "seccomp"), floor(), strict=True))
    missing = tuple(name for name, there in has.items() if not there) or ("processes",)
    detail = f"not safe: no {' and no '.join(missing)} here; suites are not run without `unsafe`"
    return SandboxStrength("none", False, False, (), missing, detail)


def strength_of(fence: Fence) -> SandboxStrength:
    """What a fence keeps out."""
    around = [] if fence.level is Level.BARE else [str(fence.level)]
    inner = [name for name in ("landlock", "seccomp") if getattr(fence, name)]
    others = [str(level) for level in Level if level is not Level.BARE and level is not fence.level]
    missing = (*fence.missing(), *(others if fence.level is Level.BARE else ()))
    network = fence.seccomp or fence.level is not Level.BARE
    files = fence.landlock or fence.level is Level.BWRAP
    hint = "" if fence.level is not Level.BARE else "; install bubblewrap for a second fence around it"
    unsafe = f"; UNSAFE without {' and '.join(fence.missing())}" if fence.missing() else ""
    detail = f"{', '.join([*inner, 'limits'])}; around it {AROUND[fence.level]}{hint}{unsafe}"
    return SandboxStrength(fence.level, network, files, (*around, *inner, "rlimits"), missing, detail)


def choose(requested: str, *, unsafe: bool = False) -> Fence:
    """The fence to use.

    Args:
        requested: ``auto`` or a level's name.
        unsafe: Go on where a layer of the floor is missing.

    Raises:
        SandboxUnavailableError: if the level does not work here, or the floor is missing.
    """
    return _choose(requested, unsafe, os.environ.get("PATH", ""))


@functools.cache
def _choose(requested: str, unsafe: bool, _path: str) -> Fence:
    has_landlock, has_seccomp = floor()
    if not (has_landlock and has_seccomp) and not unsafe:
        gone = " and ".join(name for name, there in zip(("Landlock", "seccomp"), floor(), strict=True) if not there)
        fix = "use a kernel from 5.13 on with Landlock enabled, outside of sandboxes that hide it, or say unsafe: true"
        raise SandboxUnavailableError("generated tests cannot be run safely", why=f"no {gone} on this machine", fix=fix)
    wanted = list(Level) if requested == "auto" else [Level(requested)]
    reasons = []
    for level in wanted:
        fence = Fence(level, has_landlock, has_seccomp)
        reason = probe(fence)
        if reason is None:
            return fence
        reasons.append(f"{level}: {reason}")
    fix = "install bubblewrap, allow user namespaces, or set sandbox to auto"
    raise SandboxUnavailableError(f"the sandbox {requested!r} does not work here", why="; ".join(reasons), fix=fix)


def probe(fence: Fence) -> str | None:
    """Start and end a zygote behind this fence; the reason why it does not work, or None."""
    if fence.level is Level.BWRAP and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    try:
        zygote = Zygote(fence, None)
        zygote.wait_ready()
        zygote.end()
    except ZygoteDiedError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return None

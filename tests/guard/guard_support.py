"""Running scripts, with and without a scripted NVML, as the tests of this folder and benchmarks/guard.py do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GIB = 1 << 30
MIB = 1 << 20
TOTAL = 8 * GIB
RESERVED = 300 * MIB
UUID = "GPU-5c1fe0d2-0000"
SONAME = "libnvidia-ml.so.1"


def build_nvml(folder: Path, *omit: str) -> Path:
    """Compile tests/guard/scripted_nvml.c into a folder; `omit`: MEMORY_V2, PROCESSES."""
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{SONAME}")
    leave_out = tuple(f"-DOMIT_{name}" for name in omit)
    subprocess.run(("gcc", *flags, *leave_out, "-o", str(folder / SONAME), str(HERE / "scripted_nvml.c")), check=True)
    return folder


class ScriptedNvml:
    """A folder with the library, and a script for it; the format stands at the head of scripted_nvml.c.

    A new one plays one 8 GiB card whose memory is taken by the processes in `takers`.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        self.library = library
        self.folder = folder
        self.script = folder / "script"
        self.takers = folder / "takers"
        self.clock = folder / "clock"
        self.write(device(), f"takers {self.takers}")

    def write(self, *lines: str) -> None:
        """A new script, in place at once."""
        part = self.folder / "script.part"
        part.write_text("".join(f"{line}\n" for line in lines))
        part.rename(self.script)

    def add(self, *lines: str) -> None:
        """More lines: they belong to the last device."""
        self.write(*self.script.read_text().splitlines(), *lines)

    def env(self) -> dict[str, str]:
        paths = {"NVML_SCRIPT": self.script, "NVML_TAKERS": self.takers, "NVML_CLOCK": self.clock}
        return {**project_env(), "LD_LIBRARY_PATH": str(self.library), **{name: str(path) for name, path in paths.items()}}

    def run(self, *argv: str) -> str:
        """Run Python under the script; its stdout."""
        return run_python(argv, self.env())


def device(uuid: str = UUID, total: int = TOTAL, reserved: int = RESERVED, name: str = "Scripted GPU 8GB") -> str:
    return f"device {uuid} {total} {reserved} {name}"


def instance(uuid: str, total: int, name: str = "Scripted MIG 1g") -> str:
    return f"instance {uuid} {total} 0 {name}"


def error(function: str, code: int, from_ms: float = 0, to_ms: float | str = "inf") -> str:
    return f"error {function} {code} {from_ms} {to_ms}"


def project_env() -> dict[str, str]:
    """An environment in which `harness` and the modules of the tests here can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"), str(HERE)))}


def run_python(argv: tuple[str, ...], env: Mapping[str, str], timeout_s: float = 60) -> str:
    done = subprocess.run((sys.executable, *argv), env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout

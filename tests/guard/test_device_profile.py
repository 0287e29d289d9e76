"""The profile of a device: for real on the host, against a minimal driver for the GPU's side."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from guard_support import project_env, run_python

from harness.core.memory import DeviceProfile
from harness.guard.device_profile import ProfileAsk, driver_version, measured_profile
from harness.guard.host import HostProbe

MIB = 1 << 20
CONFIG = {"model_type": "llama", "hidden_size": 64, "vocab_size": 100}

# An 8 GiB card whose memory is taken by lines "PID BYTES" for as long as the process lives.
DRIVER = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory;
static unsigned long long taken(void) {
    unsigned long long sum = 0, bytes; int pid; FILE *file = fopen(getenv("TAKEN"), "r");
    if (!file) return 0;
    while (fscanf(file, "%d %llu", &pid, &bytes) == 2) if (kill(pid, 0) == 0) sum += bytes;
    fclose(file);
    return sum;
}
int nvmlInitWithFlags(unsigned int flags) { (void)flags; return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "error"; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) { *handle = handle; return index ? 2 : 0; }
int nvmlDeviceGetName(void *handle, char *name, unsigned int n) { (void)handle; snprintf(name, n, "Card"); return 0; }
int nvmlDeviceGetMemoryInfo_v2(void *handle, memory *m) {
    (void)handle; m->total = 8ULL << 30; m->reserved = 0; m->used = taken(); m->free = m->total - m->used; return 0;
}
"""

# Plays a trial's child: 480 MiB of context, 34 MiB held for a 32 MiB workspace; then 40 MiB of kernels and a training.
CHILD = """
import json, os, sys, time
from dataclasses import asdict
from pathlib import Path
from harness.trial.measure import MeasureAsk, StageFacts, ask_file, go_file, stage_file, write_atomic
folder, mode, MIB = Path(sys.argv[2]), sys.argv[1], 1 << 20
def take(mib):
    with open(os.environ["TAKEN"], "a") as file:
        file.write(f"{os.getpid()} {mib * MIB}\\n")
def hold(stage, *mib):
    write_atomic(stage_file(folder, stage), json.dumps(asdict(StageFacts(*(m * MIB for m in mib), "Card", "2.13"))))
    while not go_file(folder, stage).exists():
        time.sleep(0.01)
ask = MeasureAsk(**json.loads(ask_file(folder).read_text()))
assert (ask.device, ask.config["hidden_size"]) == ("cuda:0", 64)
if mode != "nothing":
    take(480 + 34)
hold("ready", 32, 34, 32, 34)
if mode == "crash":
    sys.exit("torch.OutOfMemoryError: out of memory")
take(40 + 1066)
hold("trained", 400, 1100, 1000, 1100)
"""

HOST_CHILD = """
import json, sys, time
from dataclasses import asdict
from pathlib import Path
from harness.trial.measure import StageFacts, go_file, stage_file, write_atomic
held, folder = b"x" * (100 << 20), Path(sys.argv[1])
write_atomic(stage_file(folder, "ready"), json.dumps(asdict(StageFacts(0, 0, 0, 0, "cpu", "2.13"))))
while not go_file(folder, "ready").exists():
    time.sleep(0.01)
"""

SCENE = """
import dataclasses, json, os, sys
from pathlib import Path
from harness.guard.device_profile import ProfileAsk, measured_profile
from harness.guard.nvml import NvmlProbe
probe = NvmlProbe()
ask = ProfileAsk({config}, 2, dict(os.environ), program=(sys.executable, "-c", os.environ["CHILD"], sys.argv[1]))
found = measured_profile(probe, ask, Path(sys.argv[2]))
probe.close()
print(json.dumps(dataclasses.asdict(found)))
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to build the driver (apt install gcc)")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    flags = ("-shared", "-fPIC", "-Wall", "-Werror", "-Wl,-soname,libnvidia-ml.so.1")
    subprocess.run(("gcc", *flags, "-o", str(folder / "libnvidia-ml.so.1"), str(folder / "driver.c")), check=True)
    return folder


def on_the_card(driver: Path, folder: Path, mode: str) -> dict[str, Any]:
    environ = {**project_env(), "LD_LIBRARY_PATH": str(driver), "TAKEN": str(folder / "taken"), "CHILD": CHILD}
    found: dict[str, Any] = json.loads(run_python(("-c", SCENE.format(config=CONFIG), mode, str(folder)), environ))
    return found


def test_a_card_is_measured_once(driver: Path, tmp_path: Path) -> None:
    found = on_the_card(driver, tmp_path, "train")
    profile = found["profile"]
    assert profile["context_bytes"] == 520 * MIB  # the later one: kernels are loaded when first used
    assert profile["workspace_bytes"] == 32 * MIB
    assert profile["fragmentation_percent"] == 10
    assert found["measured"]
    assert found["provenance"].startswith("measured on Card, driver ")
    assert "torch 2.13 on 20" in found["provenance"]
    assert on_the_card(driver, tmp_path, "crash") == found  # remembered: the child is not started again


def test_a_training_that_fails_leaves_the_context(driver: Path, tmp_path: Path) -> None:
    found = on_the_card(driver, tmp_path, "crash")
    assert found["profile"]["context_bytes"] == 480 * MIB
    assert found["profile"]["fragmentation_percent"] == DeviceProfile.cuda().fragmentation_percent
    assert found["provenance"].endswith("fragmentation assumed: torch.OutOfMemoryError: out of memory")


def test_a_card_that_shows_nothing_is_assumed(driver: Path, tmp_path: Path) -> None:
    found = on_the_card(driver, tmp_path, "nothing")
    assert not found["measured"]
    assert found["provenance"].startswith(f"assumed: a context of {6 * MIB} bytes cannot be")
    assert found["profile"] == dataclasses.asdict(DeviceProfile.cuda(2))


def test_the_host_is_measured_once(tmp_path: Path) -> None:
    probe = HostProbe()
    found = measured_profile(probe, ProfileAsk(None, 2, project_env()), tmp_path)
    assert found.measured, found.provenance
    assert 200 * MIB < found.profile.context_bytes < 1500 * MIB
    assert dataclasses.replace(found.profile, context_bytes=0) == dataclasses.replace(DeviceProfile.host(2), context_bytes=0)
    assert measured_profile(probe, ProfileAsk(None, 2, project_env(), program=("false",)), tmp_path) == found
    other = measured_profile(probe, ProfileAsk(None, 4, project_env(), program=("false",)), tmp_path)
    assert other.profile == DeviceProfile.host(4)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit('no such library')", "no such library"),
        ("import time; time.sleep(60)", "the measuring process took longer than 0.5 s"),
        ("pass", "the measuring process ended with code 0"),
        ("import sys, pathlib; pathlib.Path(sys.argv[1], 'ready.json').write_text('{')", ""),
    ],
)
def test_what_cannot_be_measured_is_assumed_and_said(script: str, why: str, tmp_path: Path) -> None:
    ask = ProfileAsk(CONFIG, 2, dict(os.environ), timeout_s=0.5, program=(sys.executable, "-c", script))
    found = measured_profile(HostProbe(), ask, tmp_path)
    assert found.profile == DeviceProfile.host(2)
    assert found.provenance.startswith(f"assumed: {why}")
    assert not found.measured
    assert not list(tmp_path.rglob("*.json"))


def test_a_damaged_memory_is_none(tmp_path: Path) -> None:
    ask = ProfileAsk(None, 2, project_env(), program=(sys.executable, "-c", HOST_CHILD))
    assert measured_profile(HostProbe(), ask, tmp_path).measured
    (kept,) = (tmp_path / "device").iterdir()
    whole = kept.read_text()
    gone = dataclasses.replace(ask, program=("false",))
    assert measured_profile(HostProbe(), gone, tmp_path).measured
    for text in ("", "[]", '{"version": 1}', whole.replace('"version": 1', '"version": 0'), whole.replace('"kind"', '"sort"')):
        kept.write_text(text)
        assert not measured_profile(HostProbe(), gone, tmp_path).measured


def test_the_driver_says_its_version(tmp_path: Path) -> None:
    text = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (x@y)  Wed\nGCC version: 12.3.0\n"
    (tmp_path / "version").write_text(text)
    assert driver_version(tmp_path / "version") == "580.159.04"
    assert driver_version(tmp_path / "absent") == "unknown"

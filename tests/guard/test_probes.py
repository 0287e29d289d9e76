from __future__ import annotations

import json
from pathlib import Path

import probe_contract
import pynvml
import pytest
from guard_support import GIB, MIB, RESERVED, TOTAL, UUID, ScriptedNvml, device, error, instance, project_env, run_python

CHECKS = [check.__name__ for check in probe_contract.CHECKS]
SCRIPT = str(Path(probe_contract.__file__))


@pytest.fixture(scope="module")
def host_verdicts() -> dict[str, str]:
    verdicts: dict[str, str] = json.loads(run_python((SCRIPT, "cpu"), project_env()))
    return verdicts


@pytest.fixture(scope="module")
def nvml_verdicts(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    verdicts: dict[str, str] = json.loads(ScriptedNvml(nvml_library, tmp_path_factory.mktemp("state")).run(SCRIPT, "cuda"))
    return verdicts


@pytest.fixture(scope="module")
def old_nvml_verdicts(old_nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    verdicts: dict[str, str] = json.loads(ScriptedNvml(old_nvml_library, tmp_path_factory.mktemp("old")).run(SCRIPT, "cuda"))
    return verdicts


@pytest.fixture(scope="module")
def gpu_verdicts() -> dict[str, str]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        pytest.skip(f"no GPU here: {error}")
    pynvml.nvmlShutdown()
    verdicts: dict[str, str] = json.loads(run_python((SCRIPT, "cuda"), project_env(), timeout_s=300))
    return verdicts


@pytest.mark.parametrize("check", CHECKS)
def test_host_probe_keeps_the_contract(check: str, host_verdicts: dict[str, str]) -> None:
    assert host_verdicts[check] == ""


@pytest.mark.parametrize("check", CHECKS)
def test_nvml_probe_keeps_the_contract(check: str, nvml_verdicts: dict[str, str]) -> None:
    assert nvml_verdicts[check] == ""


@pytest.mark.parametrize("check", CHECKS)
def test_nvml_probe_keeps_the_contract_on_an_old_driver(check: str, old_nvml_verdicts: dict[str, str]) -> None:
    assert old_nvml_verdicts[check] == ""


@pytest.mark.parametrize("check", CHECKS)
def test_nvml_probe_keeps_the_contract_on_a_real_gpu(check: str, gpu_verdicts: dict[str, str]) -> None:
    assert gpu_verdicts[check] == ""


SHOW = """
from harness.core.errors import HarnessError
from harness.guard.select import no_gpu_reason, open_probe
import sys
visible = sys.argv[2] if len(sys.argv) > 2 else None
try:
    probe = open_probe(sys.argv[1], visible)
    print(probe.kind, probe.sample().free_bytes, probe.available())
    probe.close()
except HarnessError as error:
    print(type(error).__name__, int(error.code), *error.lines(), sep=chr(10))
else:
    if probe.kind == "host":
        print(no_gpu_reason(visible))
"""
FREE = TOTAL - RESERVED


def test_free_leaves_the_drivers_reserve_out_in_both_struct_versions(nvml: ScriptedNvml, old_nvml: ScriptedNvml) -> None:
    expected = ["cuda", str(FREE), str(FREE)]
    assert nvml.run("-c", SHOW, "cuda").split() == expected
    nvml.add(error("memory_v2", 25))
    assert nvml.run("-c", SHOW, "cuda").split() == expected
    assert old_nvml.run("-c", SHOW, "cuda").split() == expected


def test_auto_takes_the_gpu_where_there_is_one_and_says_why_not(nvml: ScriptedNvml) -> None:
    assert nvml.run("-c", SHOW, "auto").startswith("cuda")
    assert nvml.run("-c", SHOW, "auto", "").splitlines()[1] == "CUDA_VISIBLE_DEVICES= shows no GPU"
    nvml.write()
    kind, why = nvml.run("-c", SHOW, "auto").splitlines()
    assert (kind.split()[0], why) == ("host", "the driver lists no GPU")
    nvml.write(error("init", 9))
    kind, why = nvml.run("-c", SHOW, "auto").splitlines()
    assert (kind.split()[0], why) == ("host", "NVML: Driver Not Loaded: the kernel module is not loaded")


@pytest.mark.parametrize(
    ("code", "what"),
    [(18, "reboot"), (9, "modprobe"), (4, "/dev/nvidia"), (999, "install the NVIDIA driver")],
)
def test_a_driver_that_cannot_be_used_names_the_fix_in_three_lines(nvml: ScriptedNvml, code: int, what: str) -> None:
    nvml.write(error("init", code), device())
    kind, exit_code, first, why, fix = nvml.run("-c", SHOW, "cuda").splitlines()
    assert (kind, exit_code, first) == ("HarnessError", "3", "error: GPU 0 cannot be used")
    assert why.startswith("  why: NVML: ")
    assert what in fix
    assert "device: cpu" in fix


def test_a_missing_library_names_the_fix(nvml: ScriptedNvml) -> None:
    env = {**nvml.env(), "LD_LIBRARY_PATH": str(nvml.folder)}
    (nvml.folder / "libnvidia-ml.so.1").write_text("not a library")
    shown = run_python(("-c", SHOW, "cuda"), env)
    assert "libnvidia-ml.so.1" in shown
    assert "install the NVIDIA driver" in shown


SEVERAL = (
    device("GPU-aaaa-1", 4 * GIB, 0, "First GPU"),
    device("GPU-aabb-2", 16 * GIB, GIB, "Second GPU"),
    device("GPU-cccc-3", 40 * GIB, 0, "Cut GPU"),
    "mig",
    instance("MIG-dddd-4", 5 * GIB),
)


@pytest.mark.parametrize(
    ("name", "visible", "free"),
    [
        ("cuda", None, 4 * GIB),
        ("cuda:1", None, 15 * GIB),
        ("cuda:0", "1,0", 15 * GIB),
        ("cuda:1", "GPU-aabb-2,GPU-aaaa-1", 4 * GIB),
        ("cuda", "GPU-aab", 15 * GIB),  # CUDA takes the beginning of a UUID
        ("cuda", "MIG-dddd-4", 5 * GIB),
        ("auto", "MIG-dddd-4", 5 * GIB),
    ],
)
def test_the_right_one_of_several_devices(nvml: ScriptedNvml, name: str, visible: str | None, free: int) -> None:
    nvml.write(*SEVERAL)
    arguments = (name,) if visible is None else (name, visible)
    assert nvml.run("-c", SHOW, *arguments).split() == ["cuda", str(free), str(free)]


@pytest.mark.parametrize(
    ("name", "visible", "says"),
    [
        ("cuda:7", None, "GPU 7 cannot be used"),
        ("cuda", "GPU-other", "GPU GPU-other cannot be used"),
        ("cuda", "GPU-aa", "GPU GPU-aa cannot be used"),  # two begin so
        ("cuda", "MIG-other", "GPU MIG-other cannot be used"),
        ("cuda:1", "0", "is hidden"),
        ("cuda:2", None, "MIG"),
    ],
)
def test_a_device_that_is_not_there_is_explained(nvml: ScriptedNvml, name: str, visible: str | None, says: str) -> None:
    nvml.write(*SEVERAL)
    shown = nvml.run("-c", SHOW, name, *(() if visible is None else (visible,)))
    assert shown.startswith("HarnessError\n")
    assert says in shown


FAIL = """
import os, pathlib, sys
from harness.core.errors import HarnessError
from harness.guard.nvml import NvmlProbe
probe = NvmlProbe()
probe.watch(os.getpid())
with pathlib.Path(os.environ["NVML_SCRIPT"]).open("a") as script:
    script.write(f"error memory {sys.argv[1]} 0 inf" + chr(10))
for ask in (probe.sample, probe.available):
    try:
        ask()
    except HarnessError as error:
        print(type(error).__name__, error.what, "|", error.why)
probe.close()
"""


def test_a_lost_device_is_an_error_of_its_own(nvml: ScriptedNvml) -> None:
    line = "DeviceLostError Scripted GPU 8GB stopped answering | NVML: GPU is lost"
    assert nvml.run("-c", FAIL, "15").splitlines() == [line] * 2


@pytest.mark.parametrize("code", [4, 10, 18, 999])
def test_a_device_that_cannot_be_read_is_not_lost(nvml: ScriptedNvml, code: int) -> None:
    shown = nvml.run("-c", FAIL, str(code)).splitlines()
    assert [line.split("|")[0] for line in shown] == ["UnreadableError the memory of Scripted GPU 8GB cannot be read "] * 2


OWN = """
import json, os, pathlib, sys
from harness.guard.nvml import NvmlProbe
probe = NvmlProbe()
probe.watch(os.getpid())
with pathlib.Path(os.environ["NVML_TAKERS"]).open("a") as takers:
    takers.write(f"{os.getpid()} {3 << 20}" + chr(10))
print(json.dumps([probe.own_bytes(), probe.own_bytes(), probe.sample().used_bytes, probe.notes]))
"""


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("listed na",), "without a size"),
        (("listed none",), "list"),
        (("listed shifted",), "list"),
        ((error("processes", 4),), "Insufficient Permissions"),
        ((error("processes", 13),), "Function Not Found"),
    ],
)
def test_the_fall_of_free_memory_counts_where_the_driver_does_not_tell(
    nvml: ScriptedNvml, lines: tuple[str, ...], why: str
) -> None:
    nvml.add(*lines)
    own, again, used, notes = json.loads(nvml.run("-c", OWN))
    assert (own, again, used) == (None, None, 3 * MIB)
    assert len(notes) == 1
    assert why in notes[0]


def test_what_the_driver_lists_for_the_tree_is_told(nvml: ScriptedNvml) -> None:
    nvml.add("process 999999 12345 0 inf")
    assert json.loads(nvml.run("-c", OWN)) == [3 * MIB, 3 * MIB, 3 * MIB, []]


LISTED = """
import os, pynvml, time
pynvml.nvmlInit()
handle = pynvml.nvmlDeviceGetHandleByUUID("A_UUID".encode())
def show():
    processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    print(sorted((process.pid, process.usedGpuMemory) for process in processes), memory.used, memory.total - memory.free)
show()
with open(os.environ["NVML_CLOCK"], "w") as clock:
    clock.write(f"{time.monotonic_ns() - 1_000_000_000} {os.getpid()}")
show()
print(os.getpid())
""".replace("A_UUID", UUID)


def test_a_script_plays_series_and_processes_by_its_clock(nvml: ScriptedNvml) -> None:
    lines = ("linear", "at 0 0", "at 500 1000", "at 1e9 1000", "other 0 7", "process 5 NA 0 inf", "process 6 1 0 900")
    nvml.write(f"clock {nvml.clock}", device(), *lines)
    before, after, pid = nvml.run("-c", LISTED).splitlines()
    assert before == f"[] 0 {RESERVED}"
    assert after == f"[(5, None), ({pid}, 1000)] 1007 {RESERVED + 1007}"

from __future__ import annotations

import json
from pathlib import Path

import probe_contract
import pytest
from guard_support import MockNvml, project_env, run_python

CHECKS = [check.__name__ for check in probe_contract.CHECKS]
SCRIPT = str(Path(probe_contract.__file__))


@pytest.fixture(scope="module")
def host_verdicts() -> dict[str, str]:
    verdicts: dict[str, str] = json.loads(run_python((SCRIPT, "cpu"), project_env()))
    return verdicts


@pytest.fixture(scope="module")
def nvml_verdicts(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    verdicts: dict[str, str] = json.loads(MockNvml(nvml_library, tmp_path_factory.mktemp("state")).run(SCRIPT, "cuda"))
    return verdicts


@pytest.mark.parametrize("check", CHECKS)
def test_host_probe_keeps_the_contract(check: str, host_verdicts: dict[str, str]) -> None:
    assert host_verdicts[check] == ""


@pytest.mark.parametrize("check", CHECKS)
def test_nvml_probe_keeps_the_contract(check: str, nvml_verdicts: dict[str, str]) -> None:
    assert nvml_verdicts[check] == ""


SHOW = """
from harness.core.errors import HarnessError
from harness.guard.select import open_probe
import sys
try:
    probe = open_probe(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    print(probe.kind, probe.sample().free_bytes, probe.available())
    probe.close()
except HarnessError as error:
    print(type(error).__name__, int(error.code), *error.lines(), sep=chr(10))
"""
FREE = (8 << 30) - (300 << 20)


@pytest.mark.parametrize("marker", [None, "no_v2"])
def test_free_leaves_the_drivers_reserve_out_in_both_struct_versions(nvml: MockNvml, marker: str | None) -> None:
    if marker:
        (nvml.state / marker).touch()
    assert nvml.run("-c", SHOW, "cuda").split() == ["cuda", str(FREE), str(FREE)]


def test_auto_takes_the_gpu_where_there_is_one_and_the_host_where_not(nvml: MockNvml) -> None:
    assert nvml.run("-c", SHOW, "auto").startswith("cuda")
    (nvml.state / "no_gpu").touch()
    assert nvml.run("-c", SHOW, "auto").startswith("host")


def test_auto_without_a_driver_is_the_host() -> None:
    assert run_python(("-c", SHOW, "cpu"), project_env()).startswith("host")


def test_devices_by_uuid_and_position_in_the_visible_list(nvml: MockNvml) -> None:
    assert nvml.run("-c", SHOW, "cuda:1", "3,GPU-mock").startswith("cuda")
    assert nvml.run("-c", SHOW, "auto", "").startswith("host")
    assert "HarnessError\n3" in nvml.run("-c", SHOW, "cuda:0", "GPU-other")
    assert "HarnessError\n3" in nvml.run("-c", SHOW, "cuda:1")
    assert "is hidden" in nvml.run("-c", SHOW, "cuda:1", "0")


def test_a_parent_of_mig_instances_is_explained(nvml: MockNvml) -> None:
    (nvml.state / "error").write_text("4")
    shown = nvml.run("-c", SHOW, "cuda")
    assert "MIG" in shown
    assert shown.startswith("HarnessError\n3")


LOSE = """
import os, pathlib
from harness.guard.nvml import NvmlProbe
from harness.guard.probe import DeviceLostError
probe = NvmlProbe()
probe.watch(os.getpid())
(pathlib.Path(os.environ["NVML_MOCK"]) / "error").write_text("15")
for ask in (probe.sample, probe.available):
    try:
        ask()
    except DeviceLostError as error:
        print(error.what, "|", error.why)
probe.close()
"""


def test_a_lost_device_is_an_error_of_its_own(nvml: MockNvml) -> None:
    assert nvml.run("-c", LOSE).splitlines() == ["Mock GPU 8GB stopped answering | NVML: GPU is lost"] * 2

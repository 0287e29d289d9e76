from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.guard.cgroup import CgroupMemory, CgroupReader, cgroup_memory
from harness.guard.host import HostProbe
from harness.guard.select import nvml_device, open_probe

GIB = 1 << 30


@pytest.mark.parametrize(
    ("index", "visible", "expected"),
    [
        (0, None, 0),
        (2, None, 2),
        (0, "", None),
        (0, "2,1", 2),
        (1, "2, 1", 1),
        (2, "2,1", None),
        (0, "GPU-1a", "GPU-1a"),
        (1, "0,MIG-7", "MIG-7"),
        (0, "-1,0", None),  # CUDA stops at the first invalid entry
        (1, "0,-1,1", None),
    ],
)
def test_visible_devices_are_counted_as_cuda_counts(index: int, visible: str | None, expected: int | str | None) -> None:
    assert nvml_device(index, visible) == expected


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", ""])
def test_unknown_device_names_are_bad_input(device: str) -> None:
    with pytest.raises(HarnessError) as caught:
        open_probe(device)
    assert caught.value.code is ExitCode.BAD_INPUT


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_cgroup_v2_limit_of_an_ancestor_counts_and_cache_is_free(tmp_path: Path) -> None:
    stat = f"anon 5\ninactive_file {GIB}\n"
    _write(tmp_path / "a", {"memory.max": f"{4 * GIB}\n", "memory.current": f"{2 * GIB}\n", "memory.stat": stat})
    _write(tmp_path / "a/b", {"memory.max": "max\n", "memory.current": "1\n", "memory.stat": stat})
    (tmp_path / "self").write_text("0::/a/b\n")
    assert cgroup_memory(tmp_path, tmp_path / "self") == CgroupMemory(4 * GIB, 3 * GIB)


def test_cgroup_v2_high_is_a_limit_and_the_tightest_of_nested_groups_counts(tmp_path: Path) -> None:
    _write(tmp_path, {"memory.stat": "inactive_file 0\n"})  # the root has no limit files
    outer = {"memory.max": f"{8 * GIB}", "memory.high": f"{6 * GIB}", "memory.current": f"{2 * GIB}", "memory.stat": ""}
    inner = {"memory.max": "max", "memory.high": "max", "memory.current": f"{GIB}", "memory.stat": ""}
    _write(tmp_path / "a", outer)
    _write(tmp_path / "a/b", inner)
    (tmp_path / "self").write_text("0::/a/b\n")
    assert cgroup_memory(tmp_path, tmp_path / "self") == CgroupMemory(6 * GIB, 4 * GIB)
    _write(tmp_path / "a/b", {"memory.high": f"{3 * GIB}"})
    assert cgroup_memory(tmp_path, tmp_path / "self") == CgroupMemory(3 * GIB, 2 * GIB)


def test_a_reader_follows_what_is_charged_at_once_and_the_limit_when_renewed(tmp_path: Path) -> None:
    _write(tmp_path, {"memory.max": f"{4 * GIB}", "memory.current": f"{GIB}", "memory.stat": ""})
    (tmp_path / "self").write_text("0::/\n")
    reader = CgroupReader(tmp_path, tmp_path / "self")
    assert reader.read() == CgroupMemory(4 * GIB, 3 * GIB)
    _write(tmp_path, {"memory.max": f"{3 * GIB}", "memory.current": f"{2 * GIB}"})
    assert reader.read() == CgroupMemory(4 * GIB, 2 * GIB)
    reader.renew()
    assert reader.read() == CgroupMemory(3 * GIB, GIB)


def test_the_host_probe_keeps_within_its_group(tmp_path: Path) -> None:
    _write(tmp_path, {"memory.max": f"{GIB}", "memory.current": f"{GIB // 2}", "memory.stat": ""})
    (tmp_path / "self").write_text("0::/\n")
    probe = HostProbe(CgroupReader(tmp_path, tmp_path / "self"))
    assert (probe.available(), probe.sample().total_bytes) == (GIB // 2, GIB)


def test_cgroup_v1_limit(tmp_path: Path) -> None:
    files = {"memory.limit_in_bytes": f"{2 * GIB}", "memory.usage_in_bytes": f"{GIB}", "memory.stat": "total_inactive_file 0\n"}
    _write(tmp_path / "memory/docker/x", files)
    (tmp_path / "self").write_text("9:cpu,memory:/docker/x\n1:name=systemd:/\n")
    assert cgroup_memory(tmp_path, tmp_path / "self") == CgroupMemory(2 * GIB, GIB)


def test_cgroup_v1_path_outside_the_namespace_falls_back_to_the_mount(tmp_path: Path) -> None:
    files = {"memory.limit_in_bytes": f"{2 * GIB}", "memory.usage_in_bytes": f"{3 * GIB}", "memory.stat": ""}
    _write(tmp_path / "memory", files)
    (tmp_path / "self").write_text("4:memory:/not/visible/here\n")
    assert cgroup_memory(tmp_path, tmp_path / "self") == CgroupMemory(2 * GIB, 0)


def test_no_limit_is_none(tmp_path: Path) -> None:
    files = {"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "1", "memory.stat": ""}
    _write(tmp_path / "memory", files)
    (tmp_path / "self").write_text("4:memory:/\n0::/\n")
    assert cgroup_memory(tmp_path, tmp_path / "self") is None
    assert cgroup_memory(tmp_path, tmp_path / "absent") is None

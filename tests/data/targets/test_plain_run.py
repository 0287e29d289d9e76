"""Whole test files under plain pytest, behind every fence that works here."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.sandbox import Fence, Level, probe
from harness.data.targets.plain_run import Conditions, Ran, agreed, run_plain


@pytest.fixture(params=list(Level))
def fence(request: pytest.FixtureRequest) -> Fence:
    fence = Fence(request.param)
    problem = probe(fence)
    if problem is not None:
        pytest.skip(f"{request.param} does not work here: {problem}")
    return fence


def test_a_file_is_run_with_the_project_to_read_and_nothing_to_write(fence: Fence, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def price(x):\n    return x + 1\n")
    text = f"""
import socket
import subprocess
from pathlib import Path

import pytest

from shop import price


def test_right():
    assert price(1) == 2

def test_wrong():
    assert price(1) == 3

def test_refused():
    with pytest.raises(OSError):
        Path({str(tmp_path)!r}, "written").write_text("x")
    with pytest.raises(OSError):
        subprocess.run(["true"])
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)

@pytest.mark.parametrize("x", [1, 2])
def test_cases(x):
    assert x == 1

def test_skipped():
    pytest.skip("not today")
"""
    ran = run_plain(text, "test_shop.py", [tmp_path], fence)
    assert ran.problem == ""
    assert ran.tests == {
        "test_right": True,
        "test_wrong": False,
        "test_refused": True,
        "test_cases[1]": True,
        "test_cases[2]": False,
        "test_skipped": False,
    }
    assert not ran.passed
    assert not (tmp_path / "written").exists()


def test_a_file_that_cannot_be_imported_says_why(fence: Fence, tmp_path: Path) -> None:
    ran = run_plain("import nowhere\n", "test_x.py", [tmp_path], fence)
    assert ran.problem == "ModuleNotFoundError: No module named 'nowhere'"
    assert not ran.passed


def test_a_file_that_ends_its_process_has_not_passed(fence: Fence, tmp_path: Path) -> None:
    ran = run_plain("import os\n\ndef test_x():\n    os._exit(0)\n", "test_x.py", [tmp_path], fence)
    assert ran.problem == "its process ended before the tests did"


def test_no_tests_is_no_pass(fence: Fence, tmp_path: Path) -> None:
    assert not run_plain("x = 1\n", "test_x.py", [tmp_path], fence).passed


def test_the_environment_can_be_another(fence: Fence, tmp_path: Path) -> None:
    text = """
import os
import time

def test_seed():
    assert os.environ["PYTHONHASHSEED"] == "3"

def test_local_time():
    assert time.timezone == -9 * 3600
"""
    elsewhere = Conditions(environ={"PYTHONHASHSEED": "3", "TZ": "JST-9"})
    assert run_plain(text, "test_x.py", [tmp_path], fence, elsewhere).passed
    assert run_plain(text, "test_x.py", [tmp_path], fence).tests == {"test_seed": False, "test_local_time": False}


def test_what_holds_in_all_runs() -> None:
    ran = agreed([Ran({"a": True, "b": True}, ""), Ran({"a": True, "b": False}, ""), Ran({}, "it did not end")])
    assert ran == Ran({"a": False, "b": False}, "it did not end")

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from clamp import CLAMP

from evaluation import sandbox_strength

GOOD = "from solution import clamp\n\ndef test_low():\n    assert clamp(0, 1, 3) == 1\n"
WRONG = "from solution import clamp\n\ndef test_low():\n    assert clamp(0, 1, 3) == 2\n"
SLOW = "from solution import clamp\nimport time\n\ndef test_low():\n    time.sleep(0.25)\n    assert clamp(0, 1, 3) == 1\n"
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
ROOT = Path(__file__).parents[2]


def evaluation(*arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluation", *map(str, arguments)]
    environment = {**ENVIRONMENT, **changes}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False)


def functions_file(folder: Path, *names: str) -> Path:
    path = folder / "functions.jsonl"
    rows = [{"id": name, "source": CLAMP, "entry_point": "clamp", "oracle_suite": GOOD} for name in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def suites_folder(folder: Path, **codes: str) -> Path:
    made = folder / "suites"
    made.mkdir(exist_ok=True)
    for name, code in codes.items():
        (made / f"{name}.py").write_text(code, "utf-8")
    return made


def test_score_writes_the_reports_and_says_what_it_could_not_use(tmp_path: Path, cache_dir: Path) -> None:
    functions = functions_file(tmp_path, "d/1", "d/2", "d/3")
    functions.write_text(functions.read_text("utf-8") + "{broken\n", "utf-8")
    suites = suites_folder(tmp_path, d__1=GOOD, test_d__2=WRONG, other=GOOD)
    out = tmp_path / "reports" / "x.json"
    done = evaluation("score", "--functions", functions, "--suites", suites, "--out", out, "--mutants", 4, "--cache", cache_dir)
    assert done.returncode == 0, done.stderr
    assert re.search(r"pass rate +33\.3 +0\.0 to 100\.0 +100\.0 +33\.3 +33\.3 +3", done.stdout)
    assert "suites: 1 valid, 1 failed_on_reference, 1 missing" in done.stdout
    assert done.stdout.index("d/2") < done.stdout.index("d/3")
    assert "input: functions.jsonl:4: the line is not JSON" in done.stderr
    assert "input: other.py: a file for an unknown function" in done.stderr
    found = json.loads(out.read_text("utf-8"))
    assert [row["verdict"] for row in found["scores"]] == ["valid", "failed_on_reference", "missing"]
    assert [row["where"] for row in found["problems"]] == ["functions.jsonl:4", "other.py"]
    assert found["settings"]["mutants_per_function"] == 4
    assert len(pd.read_parquet(out.with_suffix(".parquet"))) == 3
    assert out.with_suffix(".html").read_text("utf-8").count("<details class=f") == 3
    before = out.read_bytes()
    again = evaluation("score", "--functions", functions, "--suites", suites, "--out", out, "--mutants", 4, "--cache", cache_dir)
    assert (again.returncode, out.read_bytes()) == (0, before)


def test_many_problems_are_counted(tmp_path: Path, cache_dir: Path) -> None:
    functions = functions_file(tmp_path, "d")
    suites = suites_folder(tmp_path, d=GOOD, **{f"x{number}": "" for number in range(30)})
    done = evaluation("score", "--functions", functions, "--suites", suites, "--mutants", 0, "--cache", cache_dir)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("unknown function") == 20
    assert "and 10 more problems" in done.stderr
    assert "mutation score" not in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--functions": "none.jsonl"}, "no such file"),
        ({"--suites": "none"}, "no such file"),
        ({"--out": "x.html"}, "does not end in .json"),
        ({"--mutants": "-1"}, "x>=0"),
        ({"--mutants": "few"}, "not a valid integer"),
        ({"--workers": "0"}, "x>=1"),
        ({"--sandbox": "docker"}, "'docker' is not one of"),
        ({"--no-such": "1"}, "No such option"),
    ],
)
def test_bad_input_is_exit_code_2(changed: dict[str, str], said: str, tmp_path: Path) -> None:
    options = {"--functions": functions_file(tmp_path, "d"), "--suites": suites_folder(tmp_path, d=GOOD), **changed}
    done = evaluation("score", *(part for pair in options.items() for part in pair))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_usable_function_says_why(tmp_path: Path) -> None:
    functions = tmp_path / "f.jsonl"
    functions.write_text('{"id": "a"}\n', "utf-8")
    done = evaluation("score", "--functions", functions, "--suites", suites_folder(tmp_path, a=GOOD))
    assert done.returncode == 2
    assert "input: f.jsonl:1: a field is missing: no `source`" in done.stderr
    assert [line.split(":")[0] for line in done.stderr.splitlines()[-3:]] == ["error", "  why", "  fix"]


def test_what_cannot_be_written_is_exit_code_4_before_anything_runs(tmp_path: Path) -> None:
    functions, suites = functions_file(tmp_path, "d"), suites_folder(tmp_path, d=GOOD)
    for options in (("--out", functions / "x.json", "--cache", tmp_path / "cache"), ("--cache", functions / "cache")):
        done = evaluation("score", "--functions", functions, "--suites", suites, *options)
        assert done.returncode == 4
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "cache").exists()


def test_the_cache_is_kept_where_the_desktop_standard_says(tmp_path: Path) -> None:
    functions, suites = functions_file(tmp_path, "d"), suites_folder(tmp_path, d=GOOD)
    options = ("score", "--functions", functions, "--suites", suites, "--mutants", 1)
    assert evaluation(*options, XDG_CACHE_HOME=str(tmp_path / "there")).returncode == 0
    assert list((tmp_path / "there" / "evaluation").rglob("*.json"))
    assert evaluation(*options, XDG_CACHE_HOME="not/absolute", HOME=str(tmp_path / "home")).returncode == 0
    assert list((tmp_path / "home" / ".cache" / "evaluation").rglob("*.json"))


def heed(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scoring_goes_on_where_it_stopped(
    number: signal.Signals, tmp_path: Path, living: Callable[[str], list[int]]
) -> None:
    names = [f"d{index}" for index in range(8)]
    functions = functions_file(tmp_path, *names)
    suites = suites_folder(tmp_path, **{name: f"{SLOW}# {name}\n" for name in names})
    cache, out = tmp_path / "cache", tmp_path / "x.json"
    options = [
        "score",
        "--functions",
        functions,
        "--suites",
        suites,
        "--cache",
        cache,
        "--out",
        out,
        "--mutants",
        0,
        "--workers",
        2,
    ]
    command = [sys.executable, "-m", "evaluation", *map(str, options)]
    # A shell's background job ignores SIGINT, and so would what the tests start from there.
    started = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: heed(signal.SIGINT)
    )
    findings = cache / "findings"
    deadline = time.monotonic() + 60
    while len(list(findings.rglob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    started.send_signal(number)
    _, said = started.communicate(timeout=30)
    assert started.returncode == 130
    match = re.search(r"interrupted: (\d+) of 8 functions are scored and kept in", said)
    assert match, said
    assert 1 <= int(match[1]) < 8
    assert not out.exists()
    assert living(str(tmp_path)) == []
    kept = {path: path.stat().st_mtime_ns for path in findings.rglob("*.json")}
    assert evaluation(*options).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(findings.rglob("*.json"))) > len(kept)
    assert len(json.loads(out.read_bytes())["scores"]) == 8


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path, cache_dir: Path) -> None:
    functions, suites = functions_file(tmp_path, "d"), suites_folder(tmp_path, d=GOOD)
    options = ["score", "--functions", functions, "--suites", suites, "--mutants", 0, "--cache", cache_dir]
    assert evaluation(*options).stderr == ""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "evaluation", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode("utf-8", "replace")
    os.close(ours)
    assert done.returncode == 0
    assert "scoring suites" in shown or "making mutants" in shown


def test_two_reports_are_compared(tmp_path: Path, cache_dir: Path) -> None:
    names = ["d1", "d2", "d3"]
    functions = functions_file(tmp_path, *names)
    for report, code in (("old", WRONG), ("new", GOOD)):
        suites = suites_folder(tmp_path, **dict.fromkeys(names, code))
        out = tmp_path / f"{report}.json"
        done = evaluation(
            "score", "--functions", functions, "--suites", suites, "--mutants", 2, "--cache", cache_dir, "--out", out
        )
        assert done.returncode == 0, done.stderr
    done = evaluation("compare", tmp_path / "old.json", tmp_path / "new.json", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["base"], found["warnings"]) == ("old", [])
    first = found["comparisons"][0]
    assert (first["metric"], first["report"], first["mean"], first["wins"], first["n"]) == ("pass_rate", "new", 1.0, 3, 3)
    assert first["p_adjusted"] >= first["p_value"] > 0
    shown = evaluation("compare", tmp_path / "old.json", tmp_path / "new.json")
    assert re.search(r"pass rate +new +\+100\.0 +\+100\.0 to \+100\.0", shown.stdout)
    for wrong in ((tmp_path / "old.json",), (tmp_path / "old.json", functions), (tmp_path / "old.json", tmp_path / "none.json")):
        done = evaluation("compare", *wrong)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_the_doctor_names_every_layer() -> None:
    done = evaluation("doctor")
    strength = sandbox_strength()
    assert done.returncode == (3 if strength.level == "none" else 0)
    assert all(layer in done.stdout for layer in (*strength.layers, *strength.missing))


def test_a_sandbox_that_does_not_work_is_exit_code_3(tmp_path: Path) -> None:
    functions, suites = functions_file(tmp_path, "d"), suites_folder(tmp_path, d=GOOD)
    options = ("score", "--functions", functions, "--suites", suites, "--sandbox", "bwrap", "--cache", tmp_path / "cache")
    done = evaluation(*options, PATH=str(tmp_path))
    assert done.returncode == 3
    assert "bwrap is not installed" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("  fix: ")


def test_help_names_every_option_and_command() -> None:
    assert all(name in evaluation("--help").stdout for name in ("score", "compare", "doctor"))
    shown = evaluation("score", "--help").stdout
    names = ["functions", "suites", "out", "mutants", "scope", "workers", "sandbox", "unsafe", "cache", "seed"]
    assert [name for name in names if f"--{name}" not in shown] == []

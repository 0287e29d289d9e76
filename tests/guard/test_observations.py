from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from guard_support import project_env

from harness.core.calibration import Observation
from harness.core.errors import ExitCode, HarnessError
from harness.guard.observations import ObservationStore

WRITER = """
import sys
from pathlib import Path
from harness.core.calibration import Observation
from harness.guard.observations import ObservationStore
store, name, count = ObservationStore(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for n in range(count):
    store.append(Observation("card", name, "nf4" + "x" * 2000, n + 1, n, False))
    print(n, flush=True)
"""


def seen(n: int, model: str = "m") -> Observation:
    return Observation("NVIDIA A10G", model, "nf4 checkpointing", 1000 + n, 990 + n, censored=n % 2 == 1)


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-c", WRITER, str(path), name, str(count)), env=project_env(), stdout=subprocess.PIPE, text=True
    )


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    store = ObservationStore(tmp_path / "new" / "observations.jsonl")
    assert store.read() == ()
    for n in range(3):
        store.append(seen(n, "modèle"))
    assert ObservationStore(tmp_path / "new" / "observations.jsonl").read() == tuple(seen(n, "modèle") for n in range(3))


@pytest.mark.parametrize("left", [b'{"version": 1, "device": "NVI', b"\xff\xfe\x00", b'{"version": 1}', b"x" * 200_000])
def test_a_half_written_last_line_is_ignored_and_gone_after_the_next_append(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "observations.jsonl"
    store = ObservationStore(path)
    store.append(seen(0))
    whole = path.read_bytes()
    path.write_bytes(whole + left)
    assert store.read() == (seen(0),)
    store.append(seen(1))
    assert store.read() == (seen(0), seen(1))
    assert path.read_bytes().startswith(whole + b"{")


def test_a_file_of_nothing_but_a_half_line_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    path.write_bytes(b'{"version"')
    ObservationStore(path).append(seen(0))
    assert ObservationStore(path).read() == (seen(0),)


def test_other_versions_and_damaged_lines_are_skipped_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    store = ObservationStore(path)
    store.append(seen(0))
    good = json.loads(path.read_text())
    bad = [
        {**good, "version": 2, "new_field": 1},
        {**good, "predicted_bytes": 0},
        {**good, "observed_bytes": "many"},
        {**good, "censored": 1},
        {key: value for key, value in good.items() if key != "group"},
    ]
    lines = [*map(json.dumps, bad), "[1]", "", "not json", "\x00\x00"]
    with path.open("a") as file:
        file.writelines(line + "\n" for line in lines)
    store.append(seen(1))
    assert store.read() == (seen(0), seen(1))
    assert len(path.read_text().splitlines()) == 2 + len(lines)


def test_fields_that_a_later_program_adds_do_not_hide_an_observation(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    ObservationStore(path).append(seen(0))
    path.write_text(json.dumps({**json.loads(path.read_text()), "torch": "2.13"}) + "\n")
    assert ObservationStore(path).read() == (seen(0),)


def test_a_writer_killed_at_any_time_leaves_every_line_that_it_reported(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    for round_ in range(3):
        process = writer(path, f"round {round_}", 100_000)
        assert process.stdout is not None
        for _ in range(20 + round_):
            process.stdout.readline()
        time.sleep(0.001 * round_)
        process.send_signal(signal.SIGKILL)
        reported = 20 + round_ + len(process.stdout.read().splitlines())
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        found = [entry.observed_bytes for entry in ObservationStore(path).read() if entry.model == f"round {round_}"]
        assert found == list(range(len(found)))
        assert reported <= len(found) <= reported + 2
        ObservationStore(path).append(seen(round_))  # no lock was left behind
    assert [entry for entry in ObservationStore(path).read() if entry.model == "m"] == [seen(n) for n in range(3)]


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    processes = [writer(path, name, 150) for name in ("a", "b")]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = ObservationStore(path).read()
    for name in ("a", "b"):
        assert [entry.observed_bytes for entry in found if entry.model == name] == list(range(150))
    assert len(path.read_bytes().splitlines()) == 300


def test_a_full_disk_is_a_storage_error_and_the_next_append_repairs(tmp_path: Path) -> None:
    path = tmp_path / "observations.jsonl"
    ObservationStore(path).append(seen(0))
    script = f"""
import resource, signal, sys
from pathlib import Path
from harness.core.calibration import Observation
from harness.core.errors import HarnessError
from harness.guard.observations import ObservationStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 40},) * 2)
try:
    ObservationStore(Path(sys.argv[1])).append(Observation("card", "m", "nf4", 1, 1, False))
except HarnessError as error:
    sys.exit(int(error.code))
"""
    done = subprocess.run((sys.executable, "-c", script, str(path)), env=project_env(), check=False, timeout=60)
    assert done.returncode == ExitCode.STORAGE
    assert not path.read_bytes().endswith(b"\n")
    ObservationStore(path).append(seen(1))
    assert ObservationStore(path).read() == (seen(0), seen(1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HarnessError, match="observed peaks"):
        ObservationStore(tmp_path / "observations.jsonl").append(seen(0))


def test_a_folder_in_the_place_of_the_file_is_a_storage_error(tmp_path: Path) -> None:
    for act in (ObservationStore(tmp_path).read, lambda: ObservationStore(tmp_path).append(seen(0))):
        with pytest.raises(HarnessError, match="observed peaks") as caught:
            act()
        assert caught.value.code is ExitCode.STORAGE

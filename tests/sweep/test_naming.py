"""Which study a sweep goes on with, on a real store and with real locks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.study.store import open_storage
from harness.sweep.lock import StudyLock
from harness.sweep.naming import Place, Wanted, claim_existing, claim_study


def config(name: str | None = None, high: int = 64) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "model": {"name": "x"},
            "data": {"source": "human-eval"},
            "space": {"r": {"low": 8, "high": high}},
            "study": {"name": name},
        }
    )


@pytest.fixture
def place(tmp_path: Path, new_study_url: Callable[[], str]) -> Place:
    url = new_study_url()
    return Place(open_storage(url), url, tmp_path / "trials")


def claim(place: Place, settings: SweepConfig, data: str = "d" * 64) -> tuple[str, bool]:
    said: list[str] = []
    claimed = claim_study(place, Wanted(settings, data), "quickstart", said.append)
    claimed.lock.release()
    return claimed.ledger.name, claimed.resumed


def test_an_unfinished_study_is_taken_up_and_a_finished_one_followed(place: Place) -> None:
    assert claim(place, config()) == ("quickstart", False)
    assert claim(place, config()) == ("quickstart", True)
    claimed = claim_existing(place, "quickstart")
    claimed.ledger.note("finished", value=True)
    claimed.lock.release()
    assert claim(place, config()) == ("quickstart-2", False)


def test_an_unnamed_file_with_other_settings_starts_beside(place: Place) -> None:
    claim(place, config())
    assert claim(place, config(high=32)) == ("quickstart-2", False)


def test_an_unnamed_file_whose_data_changed_starts_beside_the_unfinished_study(place: Place) -> None:
    claim(place, config())
    assert claim(place, config(), "e" * 64) == ("quickstart-2", False)
    assert claim(place, config()) == ("quickstart", True)


def test_a_named_study_with_other_data_is_a_conflict_and_stays_free(place: Place) -> None:
    claim(place, config("mine"))
    with pytest.raises(HarnessError, match="exists with other data") as caught:
        claim(place, config("mine"), "e" * 64)
    assert caught.value.code == ExitCode.CONFLICT
    assert claim(place, config("mine")) == ("mine", True)


def test_a_named_study_with_another_space_is_a_conflict(place: Place) -> None:
    claim(place, config("mine"))
    with pytest.raises(HarnessError, match="exists with other settings") as caught:
        claim(place, config("mine", high=32))
    assert caught.value.code is ExitCode.CONFLICT
    assert "space" in caught.value.why
    assert claim(place, config("mine")) == ("mine", True)


def test_a_study_in_use_is_left_alone(place: Place) -> None:
    held = StudyLock(place.trials / "quickstart")
    assert held.acquire()
    assert claim(place, config()) == ("quickstart-2", False)
    with pytest.raises(HarnessError, match="is being swept already"):
        claim(place, config("quickstart"))
    held.release()
    assert claim(place, config()) == ("quickstart", False)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from harness.sweep.lock import StudyLock\n"
        "lock = StudyLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "True"
    lock = StudyLock(tmp_path)
    assert not lock.acquire()
    assert lock.holder() == str(child.pid)
    child.kill()
    child.communicate()
    assert lock.acquire()
    lock.release()

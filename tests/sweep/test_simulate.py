from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sweep_place import Place

from harness.core.errors import HarnessError
from harness.simulation.timeline import read_moments
from harness.sweep.simulate import SWITCHES, switches

SECTIONS: dict[str, Any] = {
    "space": {"r": {"low": 2, "high": 64, "log": True}, "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    "training": {"r": 16, "learning_rate": 1e-3, "max_steps": 18, "max_length": 512, "max_completion_tokens": 300},
    "halving": {"rungs": [{"training": 0.34, "validation": 0.5}]},
    "study": {"n_trials": 8, "name": "played"},
}


def front_of(place: Place) -> list[dict[str, Any]]:
    done = place.harness("pareto", "played", "--folder", "mlruns/simulated", "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return rows


@pytest.mark.slow
def test_a_killed_simulation_ends_where_an_uninterrupted_one_does(place: Place, tiny_model: Path, tmp_path: Path) -> None:
    file = place.write("played", tiny_model, **SECTIONS)
    place.environ[SWITCHES] = "pace_ms=300"
    running = place.start("sweep", str(file), "--simulate")
    running.until(lambda event: event["event"] == "trial_started" and event["label"] == "trial 3")
    running.kill()
    del place.environ[SWITCHES]
    taken_up = place.harness("sweep", str(file), "--simulate", "--json")
    assert taken_up.returncode == 0, taken_up.stderr
    killed = front_of(place)
    moments = read_moments(place.folder / "mlruns" / "simulated" / "trials" / "played" / "timeline.jsonl")
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)
    assert {moment.trial for moment in moments} == set(range(8))

    other = tmp_path / "other"
    other.mkdir()
    whole = Place(other, Path(place.environ["HARNESS_CACHE"]))
    done = whole.harness("sweep", str(whole.write("played", tiny_model, **SECTIONS)), "--simulate", "--json")
    assert done.returncode == 0, done.stderr
    assert front_of(whole) == killed


def test_curves_without_simulate_are_refused(place: Place) -> None:
    done = place.harness("sweep", "none.yaml", "--curves", "table.jsonl")
    assert done.returncode != 0
    assert "--simulate" in done.stderr


def test_switches_are_read_and_refused() -> None:
    plan, pace_s = switches("pace_ms=20, deaths=0.1", 4)
    assert (plan.deaths, plan.seed, pace_s) == (0.1, 4, 0.02)
    assert switches("", 0)[1] == 0.0
    with pytest.raises(HarnessError, match="makes no sense"):
        switches("deathz=1", 0)

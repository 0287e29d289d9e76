from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.champions import PREVIOUS, champion, champions, count_of_test_uses, count_test_use, crown, roll_back
from harness.tracking.registered import Registered
from harness.tracking.registry import Candidate, register, version_by_alias
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

NAME = "unit-test-writer"


@pytest.fixture
def run_id(tracker: Tracker) -> str:
    return tracker.start_run("trial 4", params={}, tags={})


def crowned(store: Store, adapter: Path, run_id: str, weights: bytes) -> Registered:
    (adapter / "adapter_model.safetensors").write_bytes(weights)
    made = register(store, NAME, Candidate(adapter, run_id))
    crown(store, NAME, made.number)
    found = champion(store, NAME)
    assert found is not None
    assert found.number == made.number
    return found


def previous(store: Store) -> int | None:
    found = version_by_alias(store, NAME, PREVIOUS)
    return None if found is None else found.number


def test_an_adapter_becomes_a_version_with_its_files(store: Store, run_id: str, adapter: Path) -> None:
    made = register(store, NAME, Candidate(adapter, run_id, {"pass_rate": 0.46}, {"study": "demo"}))
    assert (made.number, made.run_id) == (1, run_id)
    assert champion(store, NAME) is None, "registering moves no alias"
    held = Path(made.artifact_uri.removeprefix("file://"))
    assert (held / "adapter_model.safetensors").read_bytes() == b"weights 1"
    model = store.client.get_logged_model(made.model_id)
    assert model.source_run_id == run_id
    assert {m.key: m.value for m in model.metrics} == {"test/pass_rate": 0.46}
    assert made.tags["test.pass_rate"] == "0.46"


def test_the_table_of_versions_shows_metrics_without_what_goes_with_them(store: Store, run_id: str, adapter: Path) -> None:
    metrics = {"pass_rate": 0.46, "pass_rate_low": 0.4, "pass_rate_high": 0.5}
    made = register(store, NAME, Candidate(adapter, run_id, metrics, description="what it is"))
    assert made.scores() == {"pass_rate": 0.46}
    assert store.client.get_model_version(NAME, "1").description == "what it is"
    logged = store.client.get_logged_model(made.model_id).metrics
    assert {metric.key for metric in logged} == {f"test/{name}" for name in metrics}


def test_the_same_weights_are_registered_once(store: Store, run_id: str, adapter: Path) -> None:
    first = register(store, NAME, Candidate(adapter, run_id))
    assert register(store, NAME, Candidate(adapter, run_id)) == first
    assert len(store.client.search_model_versions(f"name = '{NAME}'")) == 1


def test_the_alias_moves_remembers_and_goes_back(store: Store, run_id: str, adapter: Path) -> None:
    crowned(store, adapter, run_id, b"weights 1")
    assert (champions(store, NAME), previous(store)) == ([1], None)
    second = crowned(store, adapter, run_id, b"weights 2")
    assert (second.number, previous(store)) == (2, 1)
    crown(store, NAME, 2)  # repeated after a crash
    assert (champion(store, NAME), previous(store)) == (second, 1)
    crowned(store, adapter, run_id, b"weights 3")
    assert (champions(store, NAME), previous(store)) == ([1, 2, 3], 2)

    was, now = roll_back(store, NAME)
    assert (was.number, now.number, previous(store)) == (3, 2, 1)
    was, now = roll_back(store, NAME)
    assert (was.number, now.number, previous(store)) == (2, 1, None)
    with pytest.raises(HarnessError, match="cannot be rolled back") as caught:
        roll_back(store, NAME)
    assert caught.value.code is ExitCode.NO_RESULT
    found = champion(store, NAME)
    assert found is not None
    assert found.number == 1, "a refused rollback moved the alias"


def test_rolling_back_ends_also_where_an_early_version_was_promoted_again(store: Store, run_id: str, adapter: Path) -> None:
    for weights in (b"weights 1", b"weights 2", b"weights 1", b"weights 3", b"weights 2"):
        crowned(store, adapter, run_id, weights)
    assert champions(store, NAME) == [1, 2, 1, 3, 2]
    assert [roll_back(store, NAME)[1].number for _ in range(4)] == [3, 1, 2, 1]
    with pytest.raises(HarnessError, match="cannot be rolled back"):
        roll_back(store, NAME)


def test_an_alias_that_was_moved_by_hand_is_believed(store: Store, run_id: str, adapter: Path) -> None:
    for weights in (b"weights 1", b"weights 2", b"weights 3"):
        crowned(store, adapter, run_id, weights)
    store.client.set_registered_model_alias(NAME, "champion", "2")
    assert champions(store, NAME) == [1, 2]
    assert roll_back(store, NAME)[1].number == 1


def test_champions_from_before_there_was_a_line(store: Store, run_id: str, adapter: Path) -> None:
    for weights in (b"weights 1", b"weights 2"):
        crowned(store, adapter, run_id, weights)
    store.client.delete_registered_model_tag(NAME, "champions")
    store.client.set_model_version_tag(NAME, "2", "previous_champion", "1")
    assert champions(store, NAME) == [1, 2]


def test_weights_that_are_registered_again_are_described_anew(store: Store, run_id: str, adapter: Path) -> None:
    register(store, NAME, Candidate(adapter, run_id, {"pass_rate": 0.5}, {"forced": "true"}, "by force"))
    again = register(store, NAME, Candidate(adapter, run_id, {"pass_rate": 0.6}, {"forced": "false"}, "won"))
    assert (again.number, again.tags["forced"], again.tags["test.pass_rate"]) == (1, "false", "0.6")
    assert store.client.get_model_version(NAME, "1").description == "won"


def test_a_champion_whose_predecessor_was_deleted_stays(store: Store, run_id: str, adapter: Path) -> None:
    crowned(store, adapter, run_id, b"weights 1")
    crowned(store, adapter, run_id, b"weights 2")
    store.client.delete_model_version(NAME, "1")
    with pytest.raises(HarnessError, match="cannot be rolled back") as caught:
        roll_back(store, NAME)
    assert "version 1 is registered no more" in caught.value.why
    found = champion(store, NAME)
    assert found is not None
    assert found.number == 2


def test_nothing_promoted_yet(store: Store, tracker: Tracker, tmp_path: Path) -> None:
    assert champion(store, NAME) is None
    with pytest.raises(HarnessError, match="holds no adapter"):
        register(store, NAME, Candidate(tmp_path, tracker.sweep_run))
    with pytest.raises(HarnessError, match="has no champion"):
        roll_back(store, NAME)


def test_looks_at_the_test_functions_are_counted_by_digest(store: Store) -> None:
    assert count_of_test_uses(store, NAME, "aa" * 32) == 0
    assert [count_test_use(store, NAME, "aa" * 32), count_test_use(store, NAME, "aa" * 32)] == [1, 2]
    assert count_test_use(store, NAME, "bb" * 32) == 1
    assert count_of_test_uses(store, NAME, "aa" * 32) == 2


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no MLflow store") as caught:
        Store.existing(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    assert caught.value.code is ExitCode.NO_RESULT
    assert not list(tmp_path.iterdir())

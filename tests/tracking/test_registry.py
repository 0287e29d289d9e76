from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.tracking.registry import Candidate, champion, register_champion
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

NAME = "unit-test-writer"


def test_an_adapter_becomes_the_champion_with_its_files(store: Store, tracker: Tracker, adapter: Path) -> None:
    run_id = tracker.start_run("trial 4", params={}, tags={})
    made = register_champion(store, NAME, Candidate(adapter, run_id, {"pass_rate": 0.46}, {"study": "demo"}))
    assert (made.number, made.previous, made.run_id) == (1, None, run_id)
    assert champion(store, NAME) == made
    held = Path(made.artifact_uri.removeprefix("file://"))
    assert (held / "adapter_model.safetensors").read_bytes() == b"weights 1"
    model = store.client.get_logged_model(made.model_id)
    assert model.source_run_id == run_id
    assert {m.key: m.value for m in model.metrics} == {"test/pass_rate": 0.46}
    assert store.client.get_model_version(NAME, "1").tags["test.pass_rate"] == "0.46"


def test_the_same_weights_are_registered_once(store: Store, tracker: Tracker, adapter: Path) -> None:
    run_id = tracker.start_run("trial 4", params={}, tags={})
    first = register_champion(store, NAME, Candidate(adapter, run_id))
    assert register_champion(store, NAME, Candidate(adapter, run_id)) == first
    assert len(store.client.search_model_versions(f"name = '{NAME}'")) == 1


def test_the_alias_moves_and_remembers(store: Store, tracker: Tracker, adapter: Path) -> None:
    run_id = tracker.start_run("trial 4", params={}, tags={})
    first = register_champion(store, NAME, Candidate(adapter, run_id))
    (adapter / "adapter_model.safetensors").write_bytes(b"weights 2")
    second = register_champion(store, NAME, Candidate(adapter, run_id))
    assert (second.number, second.previous) == (2, 1)
    assert champion(store, NAME) == second
    (adapter / "adapter_model.safetensors").write_bytes(b"weights 1")
    back = register_champion(store, NAME, Candidate(adapter, run_id))
    assert (back.number, back.previous, back.adapter_sha256) == (1, 2, first.adapter_sha256)


def test_no_champion_is_none_and_no_adapter_is_an_error(store: Store, tracker: Tracker, tmp_path: Path) -> None:
    assert champion(store, NAME) is None
    with pytest.raises(HarnessError, match="holds no adapter"):
        register_champion(store, NAME, Candidate(tmp_path, tracker.sweep_run))
    assert champion(store, NAME) is None

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.champions import crown
from harness.tracking.registry import Candidate, register
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker
from harness.tracking.versions import Asked, Registry, link_back, parse_version

NAME = "unit-test-writer"
WORD = st.text(st.characters(exclude_characters="@/", exclude_categories=("C", "Z", "P")), min_size=1, max_size=9)


@given(WORD, WORD, st.integers(1, 10**6))
def test_a_name_an_alias_and_a_number_are_read_as_they_are_written(name: str, alias: str, number: int) -> None:
    assert parse_version(name) == Asked(name, "champion")
    for asked in (Asked(name, alias), Asked(name, None, number)):
        assert parse_version(str(asked)) == asked


@pytest.mark.parametrize(
    "given", ["", ".", "..", "a/b", "a/b/3", "a@b@c", "/tmp/adapter", "a@b/3", "./adapter", "a/", "@champion"]
)
def test_what_is_no_name_is_none(given: str) -> None:
    assert parse_version(given) is None


@pytest.fixture
def registered(store: Store, tracker: Tracker, adapter: Path) -> Registry:
    run_id = tracker.start_run("trial 4", params={}, tags={})
    crown(
        store,
        NAME,
        register(store, NAME, Candidate(adapter, run_id, {"pass_rate": 0.46, "pass_rate_low": 0.3}, {"study": "demo"})).number,
    )
    return Registry.at(store.tracking_uri)


def test_a_version_is_found_by_name_alias_number_and_weights(registered: Registry) -> None:
    one = registered.find(Asked(NAME))
    assert (str(one), one.aliases, one.tags["study"]) == (f"{NAME}/1", ("champion",), "demo")
    assert one.scores() == {"pass_rate": 0.46}  # what goes with it is with the logged model
    assert registered.find(Asked(NAME, None, 1)) == one
    assert registered.with_weights(one.adapter_sha256) == one
    assert registered.with_weights("0" * 64) is None


def test_its_files_are_fetched_and_a_store_without_them_says_so(registered: Registry, tmp_path: Path) -> None:
    one = registered.find(Asked(NAME))
    (tmp_path / "to").mkdir()
    registered.fetch(one, tmp_path / "to")
    assert (tmp_path / "to" / "adapter_model.safetensors").read_bytes() == b"weights 1"
    shutil.rmtree(one.artifact_uri.removeprefix("file://"))
    with pytest.raises(HarnessError, match="files of unit-test-writer/1 are gone") as caught:
        registered.fetch(one, tmp_path / "to")
    assert caught.value.code is ExitCode.STORAGE


@pytest.mark.parametrize(
    ("asked", "what", "why", "code"),
    [
        (Asked("nobody"), "nothing is registered as 'nobody'", NAME, ExitCode.BAD_INPUT),
        (Asked(NAME, "challenger"), "has no alias 'challenger'", "champion", ExitCode.BAD_INPUT),
        (Asked(NAME, None, 7), "has no version 7", "versions: 1", ExitCode.BAD_INPUT),
    ],
)
def test_what_is_not_there_is_said_with_what_is(registered: Registry, asked: Asked, what: str, why: str, code: ExitCode) -> None:
    with pytest.raises(HarnessError, match=what) as caught:
        registered.find(asked)
    assert why in caught.value.why
    assert caught.value.code is code


def test_a_model_without_champion_is_a_result_that_is_missing(registered: Registry, store: Store) -> None:
    store.client.delete_registered_model_alias(NAME, "champion")
    with pytest.raises(HarnessError, match="no champion yet") as caught:
        registered.find(Asked(NAME))
    assert caught.value.code is ExitCode.NO_RESULT


def test_looking_creates_no_store(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="there is no registry"):
        Registry.at(f"sqlite:///{tmp_path}/mlflow.db")
    assert not list(tmp_path.iterdir())


def test_run_model_and_version_name_each_other(registered: Registry, store: Store) -> None:
    one = registered.find(Asked(NAME))
    for _ in range(2):
        link_back(store.client, one)
    tags = registered.run_tags(one.run_id)
    named = (tags["registered_model"], tags["registered_version"], tags["adapter_sha256"], tags["logged_model"])
    assert named == (NAME, "1", one.adapter_sha256, one.model_id)
    assert store.client.get_logged_model(one.model_id).tags["registered_version"] == "1"


def test_deleted_runs_and_models_are_told_from_those_that_are_there(registered: Registry, store: Store) -> None:
    one = registered.find(Asked(NAME))
    assert registered.run_gone(one.run_id) is None
    assert registered.model_gone(one.model_id) is None
    store.client.delete_run(one.run_id)
    store.client.delete_logged_model(one.model_id)
    assert registered.run_gone(one.run_id) == "the run was deleted"
    assert "no such run" in (registered.run_gone("f" * 32) or "")
    assert "no such logged model" in (registered.model_gone(one.model_id) or "")

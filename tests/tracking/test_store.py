from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.store import Store


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "/tmp/mlruns", "databricks"])
def test_the_file_store_is_refused_with_a_way_out(uri: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot track") as caught:
        Store.open(uri, tmp_path, "x")
    assert "sqlite:///" in caught.value.fix


def test_opening_again_finds_the_same_experiment(store: Store, tmp_path: Path) -> None:
    again = Store.open(store.tracking_uri, tmp_path / "elsewhere", "quickstart")
    assert again.experiment_id == store.experiment_id
    assert again.client.get_experiment(again.experiment_id).artifact_location == (tmp_path / "artifacts").as_uri()


def test_a_deleted_experiment_comes_back(store: Store, tmp_path: Path) -> None:
    store.client.delete_experiment(store.experiment_id)
    again = Store.open(store.tracking_uri, tmp_path, "quickstart")
    assert again.client.get_experiment(again.experiment_id).lifecycle_stage == "active"


def test_a_file_that_is_no_database_fails_at_once_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("my notes, do not lose them\n")
    start = time.monotonic()
    with pytest.raises(HarnessError, match="cannot be used") as caught:
        Store.open(f"sqlite:///{file}", tmp_path, "x")
    assert caught.value.code is ExitCode.STORAGE
    assert "not an SQLite database" in caught.value.why
    assert time.monotonic() - start < 30
    assert file.read_text() == "my notes, do not lose them\n"


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    with pytest.raises(HarnessError) as caught:
        Store.open(f"sqlite:///{tmp_path}/occupied/mlflow.db", tmp_path, "x")
    assert caught.value.code is ExitCode.STORAGE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(HarnessError, match="cannot be used"):
            Store.open(f"sqlite:///{tmp_path}/mlflow.db", tmp_path, "x")
    finally:
        tmp_path.chmod(0o700)

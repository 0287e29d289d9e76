"""Real registry, real cache, weights of a few bytes: locating reads no tensor."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from lineages import lineage

from harness.core.errors import ExitCode, HarnessError
from harness.core.measured import Measured
from harness.data.models import ResolvedModel
from harness.files.adapter_files import WEIGHTS_FILE, sha256_of
from harness.guard.supervise import StopSignal
from harness.sweep.located import Located, locate
from harness.sweep.out_folder import checked_out
from harness.sweep.pass_on import require_room
from harness.sweep.paths import Paths
from harness.sweep.show import gather
from harness.sweep.show_text import WIDTH, text_of
from harness.sweep.watched import Around
from harness.sweep.writing import Writing, with_adapter
from harness.tracking.card import CardFacts
from harness.tracking.champions import crown
from harness.tracking.export import Provenance, export_adapter
from harness.tracking.registry import Candidate, register
from harness.tracking.store import Store

CARD = CardFacts("writer", "some/model", "apache-2.0", ("human-eval",), 20, {"pass_rate": Measured(0.4, 0.3, 0.5)})


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("registry") / "mlflow.db"
    Store.open(f"sqlite:///{file}", file.parent / "unused", "unused")
    return file


class Shelf:
    """A folder with a registry, and one adapter in it: ``writer/1``, the champion."""

    def __init__(self, root: Path, empty_store: Path) -> None:
        self.paths = Paths.at(root / "mlruns")
        self.environ = {"HARNESS_CACHE": str(root / "cache")}
        self.paths.folder.mkdir()
        shutil.copyfile(empty_store, self.paths.folder / "mlflow.db")
        self.store = Store.open(self.paths.tracking_uri, self.paths.artifacts, "harness")
        self.exported = self.export(root / "trained", self.paths.adapters / "writer" / "one", b"weights 1")
        run = self.store.client.create_run(self.store.experiment_id)
        tags = {"study": "demo", "trial": "4", "folder": str(self.exported)}
        crown(
            self.store,
            "writer",
            register(self.store, "writer", Candidate(self.exported, run.info.run_id, {"pass_rate": 0.4}, tags)).number,
        )

    def export(self, trained: Path, out: Path, weights: bytes) -> Path:
        trained.mkdir(parents=True)
        (trained / WEIGHTS_FILE).write_bytes(weights)
        (trained / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/home/me/model", "r": 8}))
        made = lineage(adapter_sha256=sha256_of(trained / WEIGHTS_FILE))
        return export_adapter(trained, out, CARD, Provenance(made, "{}\n"))

    def locate(self, given: str) -> Located:
        return locate(given, self.paths, self.environ)

    @property
    def stored(self) -> Path:
        """The registry's own copy."""
        version = self.locate("writer").version
        assert version is not None
        return Path(version.artifact_uri.removeprefix("file://"))


@pytest.fixture
def shelf(tmp_path: Path, empty_store: Path) -> Shelf:
    return Shelf(tmp_path, empty_store)


@pytest.mark.parametrize("given", ["writer", "writer@champion", "writer/1"])
def test_a_version_is_the_folder_it_was_exported_to(shelf: Shelf, given: str) -> None:
    found = shelf.locate(given)
    assert found.folder == shelf.exported
    assert found.version is not None
    assert found.lineage == lineage(adapter_sha256=found.version.adapter_sha256)
    assert not Path(shelf.environ["HARNESS_CACHE"]).exists()


def test_a_folder_is_itself(shelf: Shelf) -> None:
    found = shelf.locate(str(shelf.exported))
    assert (found.folder, found.version) == (shelf.exported, None)
    assert found.lineage is not None


@pytest.mark.parametrize("asked", [None, "none", "int8"])
def test_an_adapter_writes_over_the_base_as_it_was_trained_unless_told_otherwise(shelf: Shelf, asked: str | None) -> None:
    found = shelf.locate("writer")
    assert found.lineage is not None
    trained = found.lineage.settings["quantization"]
    assert trained == "nf4"
    writing = with_adapter(Writing(None, None, quantization=asked), found)
    assert (writing.adapter, writing.quantization) == (shelf.exported, asked or trained)
    assert writing.base is not None
    assert with_adapter(Writing(None, "another/base"), found).base == "another/base"


@pytest.mark.parametrize("harm", ["gone", "other weights", "other card"])
def test_an_exported_folder_that_is_not_what_it_was_gives_way_to_the_registrys_copy(shelf: Shelf, harm: str) -> None:
    if harm == "gone":
        shutil.rmtree(shelf.exported)
    else:
        (shelf.exported / (WEIGHTS_FILE if harm == "other weights" else "README.md")).write_text("something else")
    found = shelf.locate("writer")
    assert found.folder.is_relative_to(shelf.environ["HARNESS_CACHE"])
    assert (found.folder / WEIGHTS_FILE).read_bytes() == b"weights 1"
    assert found.lineage is not None
    assert shelf.locate("writer/1").folder == found.folder


def test_a_damaged_copy_in_the_cache_is_fetched_again_and_a_damaged_store_is_an_error(shelf: Shelf) -> None:
    shutil.rmtree(shelf.exported)
    cached = shelf.locate("writer").folder
    (cached / WEIGHTS_FILE).write_bytes(b"weights ?")
    assert (shelf.locate("writer").folder / WEIGHTS_FILE).read_bytes() == b"weights 1"
    stored = shelf.stored
    shutil.rmtree(cached)
    (stored / WEIGHTS_FILE).write_bytes(b"weights ?")
    with pytest.raises(HarnessError, match=f"writer/1 in the registry.*{WEIGHTS_FILE}") as caught:
        shelf.locate("writer")
    assert caught.value.code is ExitCode.STORAGE
    assert "was expected" in caught.value.why
    assert not cached.exists()


def test_a_merged_model_is_no_adapter_but_not_damaged(shelf: Shelf) -> None:
    (shelf.exported / "adapter_config.json").unlink()
    (shelf.exported / WEIGHTS_FILE).rename(shelf.exported / "model.safetensors")
    with pytest.raises(HarnessError, match="merged") as caught:
        shelf.locate(str(shelf.exported))
    assert (caught.value.code, len(caught.value.lines())) == (ExitCode.BAD_INPUT, 3)
    assert f"base:{shelf.exported}" in caught.value.fix


def test_a_damaged_folder_is_an_error_that_names_the_file(shelf: Shelf) -> None:
    (shelf.exported / WEIGHTS_FILE).write_bytes(b"weights ?")
    with pytest.raises(HarnessError, match=WEIGHTS_FILE) as caught:
        shelf.locate(str(shelf.exported))
    assert (caught.value.code, len(caught.value.lines())) == (ExitCode.STORAGE, 3)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("nobody", ExitCode.BAD_INPUT),
        ("writer/9", ExitCode.BAD_INPUT),
        ("writer@best", ExitCode.BAD_INPUT),
        ("no/such/folder", ExitCode.BAD_INPUT),
        ("mlruns", ExitCode.BAD_INPUT),
    ],
)
def test_what_is_not_there_is_bad_input(shelf: Shelf, given: str, code: ExitCode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf.paths.folder.parent)
    with pytest.raises(HarnessError) as caught:
        shelf.locate(given)
    assert caught.value.code is code


def test_show_reads_within_80_columns_and_says_what_is_gone(shelf: Shelf) -> None:
    shown = gather("writer", shelf.paths, "", shelf.environ)
    assert shown.reproduce == "harness reproduce writer"
    assert set(shown.scores) == {"pass_rate"}
    gone = " ".join(shown.broken)
    assert "study demo, trial 4: there is no study store" in gone
    assert f"the folder run {lineage().run_id}" in gone
    text = text_of(shown)
    assert text[0] == "writer/1 (champion)"
    assert all(len(line) <= WIDTH for line in text if "/" not in line), "only a path may be longer"
    assert any(line.split() == ["torch", "2.13.0,"] or "torch 2.13.0" in line for line in text)
    shutil.rmtree(shelf.exported)
    run = shown.version.run_id if shown.version else ""
    shelf.store.client.delete_run(run)
    assert "it is gone; the registry's own copy is used" in " ".join(gather("writer", shelf.paths, "", shelf.environ).broken)


def test_show_of_a_folder_finds_its_version_and_one_of_no_store_is_shown_all_the_same(shelf: Shelf, tmp_path: Path) -> None:
    shown = gather(str(shelf.exported), shelf.paths, "", shelf.environ)
    assert str(shown.version) == "writer/1"
    away = gather(str(shelf.exported), Paths.at(tmp_path / "nowhere"), "", shelf.environ)
    assert away.version is None
    assert away.lineage is not None
    assert away.to_dict()["registered"] is None
    assert any(line.startswith("registry: there is no registry") for line in away.broken)
    assert not (tmp_path / "nowhere").exists()


def test_an_export_may_replace_only_an_export(shelf: Shelf, tmp_path: Path) -> None:
    located = shelf.locate("writer")
    mine = tmp_path / "mine"
    mine.mkdir()
    assert checked_out(mine, located, shelf.paths, overwrite=False) == mine
    (mine / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(HarnessError, match="in the way") as caught:
            checked_out(mine, located, shelf.paths, overwrite=overwrite)
        assert caught.value.code is ExitCode.CONFLICT
    export = shelf.export(tmp_path / "trained2", tmp_path / "earlier", b"weights 2")
    with pytest.raises(HarnessError, match="in the way") as caught:
        checked_out(export, located, shelf.paths, overwrite=False)
    assert "--overwrite" in caught.value.fix
    assert checked_out(export, located, shelf.paths, overwrite=True) == export


@pytest.mark.parametrize("place", ["artifacts/1/mine", "trials/mine", "adapters/writer/one", "adapters", ".", "artifacts"])
def test_what_belongs_to_a_store_is_never_written_to(shelf: Shelf, place: str) -> None:
    with pytest.raises(HarnessError, match="cannot be written") as caught:
        checked_out(shelf.paths.folder / place, shelf.locate("writer"), shelf.paths, overwrite=True)
    assert "it belongs to" in caught.value.why
    assert caught.value.code is ExitCode.BAD_INPUT


def test_a_place_that_cannot_be_written_is_said_before_the_work(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "out", Path("/proc/out")):
        with pytest.raises(HarnessError, match="cannot be written") as caught:
            checked_out(out, shelf.locate("writer"), shelf.paths, overwrite=False)
        assert caught.value.code is ExitCode.STORAGE


def test_a_merge_that_would_not_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 42)
    around = Around(dict(os.environ), StopSignal(), lambda line: None)
    with pytest.raises(HarnessError, match="would not fit") as caught:
        require_room(ResolvedModel(str(tmp_path), "some/model", None, {"dtype": "bfloat16"}, None), around)
    assert caught.value.code is ExitCode.NO_MEMORY
    assert "8192.7 GiB" in caught.value.why
    (tmp_path / "model.safetensors").write_bytes(b"a few")
    require_room(ResolvedModel(str(tmp_path), "some/model", None, {"dtype": "bfloat16"}, None), around)

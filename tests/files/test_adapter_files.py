from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.files.adapter_files import (
    CHECKSUMS_FILE,
    LINEAGE_FILE,
    WEIGHTS_FILE,
    read_checksums,
    read_lineage,
    sha256_of,
    verify,
    weights_digest,
    write_checksums,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / WEIGHTS_FILE).write_bytes(b"weights")
    (tmp_path / "sub" / "a file.txt").write_text("text")
    write_checksums(tmp_path)
    return tmp_path


def test_sha256sum_reads_the_checksums_and_so_do_we(folder: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", CHECKSUMS_FILE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count(": OK")) == (0, 2), done.stderr
    assert set(read_checksums(folder)) == {WEIGHTS_FILE, "sub/a file.txt"}
    verify(folder, sha256_of(folder / WEIGHTS_FILE))


@pytest.mark.parametrize("name", [WEIGHTS_FILE, "sub/a file.txt"])
def test_a_changed_or_missing_file_is_named_with_what_was_expected(folder: Path, name: str) -> None:
    expected = sha256_of(folder / name)
    (folder / name).write_bytes(b"weighty")
    with pytest.raises(HarnessError) as caught:
        verify(folder)
    assert caught.value.code is ExitCode.STORAGE
    assert name in caught.value.what
    assert expected[:16] in caught.value.why
    assert sha256_of(folder / name)[:16] in caught.value.why
    (folder / name).unlink()
    with pytest.raises(HarnessError, match=name):
        verify(folder)


def test_checksums_that_agree_do_not_stand_above_what_the_registry_knows(folder: Path) -> None:
    with pytest.raises(HarnessError, match=WEIGHTS_FILE) as caught:
        verify(folder, "0" * 64, "demo/3")
    assert "demo/3" in caught.value.what


@pytest.mark.parametrize("line", ["no checksum", f"{'0' * 64}  ../elsewhere", f"{'0' * 64}  /etc/passwd"])
def test_checksums_of_something_else_are_refused(folder: Path, line: str) -> None:
    (folder / CHECKSUMS_FILE).write_text(line + "\n")
    with pytest.raises(HarnessError, match="damaged") as caught:
        read_checksums(folder)
    assert "line 1" in caught.value.why


def test_a_folder_without_lineage_has_none_and_a_broken_one_is_an_error(folder: Path) -> None:
    assert read_lineage(folder) is None
    for broken in ("{", "[]", json.dumps({"schema": "harness-adapter/1"})):
        (folder / LINEAGE_FILE).write_text(broken)
        with pytest.raises(HarnessError, match=LINEAGE_FILE) as caught:
            read_lineage(folder)
        assert caught.value.code is ExitCode.STORAGE


def test_the_digest_of_a_model_is_that_of_its_weights_alone(tmp_path: Path) -> None:
    assert weights_digest(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"1")
    first = weights_digest(tmp_path)
    (tmp_path / "README.md").write_text("a card")
    assert weights_digest(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"2")
    assert weights_digest(tmp_path) != first

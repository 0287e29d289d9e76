from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.data.targets.destination import Destination, open_destination, save
from harness.data.targets.target import Target, open_target


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "cart.py").write_text("def f():\n    return 1\n")
    return open_target(str(tmp_path / "cart.py"))


def opened(target: Target, out: Path | None = None, *, overwrite: bool = False) -> Destination:
    return open_destination(target, out, overwrite=overwrite, dry_run=False)


def test_what_appears_during_the_run_is_not_replaced(target: Target, tmp_path: Path) -> None:
    there = opened(target)
    there.file.parent.mkdir()
    there.file.write_text("mine")
    with pytest.raises(HarnessError) as raised:
        save(there, "new")
    assert raised.value.code is ExitCode.CONFLICT
    assert there.file.read_text() == "mine"
    assert list(there.file.parent.iterdir()) == [there.file]
    save(opened(target, there.file, overwrite=True), "new")
    assert there.file.read_text() == "new"


def test_a_link_to_nowhere_is_a_file_that_is_there(target: Target, tmp_path: Path) -> None:
    there = opened(target, tmp_path / "test_out.py")
    there.file.symlink_to(tmp_path / "nowhere")
    for attempt in (lambda: opened(target, there.file), lambda: save(there, "new")):
        with pytest.raises(HarnessError) as raised:
            attempt()
        assert raised.value.code is ExitCode.CONFLICT
    assert there.file.is_symlink()


def test_a_path_with_dots(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert opened(target, Path("../test_out.py")).file == tmp_path / "test_out.py"


@pytest.mark.parametrize("name", ["cart.py", "tests.py", "test_cart.txt"])
def test_a_name_that_pytest_does_not_collect(target: Target, tmp_path: Path, name: str) -> None:
    with pytest.raises(HarnessError, match="is no test file") as raised:
        opened(target, tmp_path / name)
    assert raised.value.code is ExitCode.BAD_INPUT


def test_folders_that_are_missing_are_made(target: Target, tmp_path: Path) -> None:
    save(opened(target, tmp_path / "new" / "deep" / "test_out.py"), "text")
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["test_out.py"]

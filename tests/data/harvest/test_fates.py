"""What becomes of test files, what follows for functions, and where a person is told."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.records import Record
from harness.data.harvest import open_harvest
from harness.data.inspection.inspect import InspectAsk, inspect
from harness.data.inspection.parts import Counts
from harness.data.inspection.report import Inspection, Verdict
from harness.data.inspection.screen import render
from harness.data.inspection.tokens import Training
from harness.data.prepared.execution import Execution
from harness.data.prepared.folder import MANIFEST, REPORT
from harness.data.prepared.prepare import PrepareAsk, prepare_to
from harness.data.sources.rows import Skipped, SourceOptions
from harness.files.template_files import load_template

_FAILS = "no test that names it passes and runs its body, and no example shows it"
_NEVER_RAN = "no test file that names it ran to its end, and no example shows it"
_FILES = {
    "codes.py": """def paired(x):
    return x + 1

def fails(x):
    return x + 2

def mocked(x):
    return x + 3

def syntax(x):
    return x + 4

def lonely(x):
    return x + 5

def unimportable(x):
    return x + 6

class Stack:
    def push(self, x):
        return x

    @property
    def top(self):
        return 1

    @top.setter
    def top(self, x):
        pass

    def _grow(self):
        pass

class _Hidden:
    def method(self):
        pass
""",
    "test_runs.py": "import pytest\nfrom codes import fails, mocked, paired\n\n\n"
    "def test_paired():\n    assert paired(1) == 2\n\n\n"
    "def test_fails():\n    assert fails(1) == 1\n\n\ndef test_mocked():\n    assert mocked\n\n\n"
    "class TestWrong:\n    @pytest.mark.parametrize('x', [1])\n    def test_without_argument(self):\n        pass\n",
    "test_syntax.py": "from codes import syntax\ndef test_syntax(:\n",
    "test_import.py": "import no_such_module\nfrom codes import unimportable\n\n\n"
    "def test_it():\n    assert unimportable(1) == 7\n",
    "test_part.py": "import pytest\nfrom codes import paired\n\n\ndef test_a():\n    assert paired(2) == 3\n\n\n"
    "def test_b():\n    pytest.exit('enough')\n",
    "test_none.py": "import pytest\nfrom codes import paired\n\npytest.skip('not here', allow_module_level=True)\n",
    "test_ends.py": "import os\nfrom codes import paired\n\n\ndef test_ends():\n    assert paired(3) == 4\n    os._exit(0)\n",
    "test_other.py": "def test_other():\n    assert True\n",
}
_TEST_FILES = {
    "died": 1,
    "cannot be collected by pytest": 1,
    "cannot be read as Python": 1,
    "left out: names no function": 1,
    "run": 1,
    "run in part": 1,
    "without a test that can be run": 1,
}
_SKIPPED = {
    "codes:fails": _FAILS,
    "codes:mocked": _FAILS,
    "codes:syntax": _NEVER_RAN,
    "codes:unimportable": _NEVER_RAN,
    "codes:lonely": "no test names it and no example shows it",
    "codes:Stack.push": "a method; only functions are harvested",
    "codes:Stack.top": "a method; only functions are harvested",
    "test_syntax.py": "cannot be read as Python",
    "test_import.py": "a test file that pytest cannot collect",
    "test_ends.py": "a test file that ends its process",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fates") / "base"
    root.mkdir()
    for name, text in _FILES.items():
        (root / name).write_text(text, "utf-8")
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_functions_and_test_files_say_what_became_of_them(folder: Path, cache: Path) -> None:
    source = open_harvest("repo", str(folder), SourceOptions(), Execution(cache=cache / "evaluation"), cache)
    items = list(source.items())
    assert [item.id for item in items if isinstance(item, Record)] == ["codes:paired"]
    skipped = {item.id: item.reason for item in items if isinstance(item, Skipped)}
    assert skipped == _SKIPPED
    assert source.account()["test_files"] == _TEST_FILES
    assert source.account()["losses"]["a method; only functions are harvested"] == 2


def test_a_prepared_folder_tells_the_harvest_in_the_same_bytes_again(folder: Path, cache: Path, tmp_path: Path) -> None:
    how = Execution(cache=cache / "evaluation")
    ask = PrepareAsk((f"repo:{folder}",), {"train": 1.0}, {}, benchmarks=(), execution=how)
    first, again = (prepare_to(ask, tmp_path / name, cache=place) for name, place in (("a", cache), ("b", tmp_path / "cache")))
    manifest = json.loads((first.folder / MANIFEST).read_text("utf-8"))
    (told,) = manifest["harvest"]
    assert told["source"] == "repo:base"
    assert (told["functions_seen"], told["candidates"], told["pairs"]) == (6, 1, 1)
    assert told["test_files"] == _TEST_FILES
    assert "seconds" not in told
    text = (first.folder / REPORT).read_text("utf-8")
    assert "## Harvest" in text
    assert "| repo:base | 1 | died |" in text
    assert "- `test_ends.py: a test file that ends its process`" in text
    for name in (MANIFEST, REPORT):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_an_inspection_asks_a_code_base_what_it_came_to(folder: Path, cache: Path) -> None:
    how = Execution(cache=cache / "evaluation")
    ask = InspectAsk(
        f"repo:{folder}", SourceOptions(), Training(load_template("chat-function")), None, 0.8, 0, None, 1, how, cache
    )
    source = open_harvest("repo", str(folder), SourceOptions(), how, cache)
    found = inspect(ask, lambda: source, lambda _: None)
    assert found.harvest == source.account()


def test_an_inspection_shows_a_harvest() -> None:
    told = {"functions_seen": 1200, "candidates": 3, "pairs": 2, "passing_tests": 5, "test_files": {"run": 4, "died": 1}}
    found = Inspection(
        "repo:x", "harvest", "x 1", {}, Counts(), {}, None, None, None, None, Verdict.READY, "2 records", harvest=told
    )
    screen, program = io.StringIO(), io.StringIO()
    render(found, screen, as_json=False)
    render(found, program, as_json=True)
    said = " ".join(screen.getvalue().split())
    assert "1,200 functions seen, 3 can be cut out and have a test or an example, 2 pairs passed twice" in said
    assert "test files 4 run, 1 died; 5 tests passed" in said
    assert json.loads(program.getvalue())["harvest"] == told
    assert "harvest" not in replace(found, harvest=None).to_json()

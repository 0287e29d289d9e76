"""What a trial asks with, without a model: the spec's template, an adapter's, the default; and worked examples from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.core.prompts import messages
from harness.core.records import Record
from harness.files.record_files import write_records
from harness.files.template_files import load_template
from harness.trial.examples import Wording, adapter_wording, open_wording, wording_of, worked_examples
from harness.trial.spec import SPEC_VERSION, TrialSpec
from harness.trial.trial_dir import PROMPT_FILE


def made(number: int, tests: tuple[str, ...] = ("def test_a():\n    pass",)) -> Record:
    return Record(f"t/{number}", "f", f"def f():\n    return {number}\n", tests, None, "here", "unknown")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    write_records(tmp_path / "a.parquet", [made(0, ()), made(1)])
    write_records(tmp_path / "b.jsonl", [made(2), made(3)])
    return (str(tmp_path / "a.parquet"), str(tmp_path / "b.jsonl"))


def test_worked_examples_run_over_files_and_leave_the_excluded_out(files: tuple[str, ...], tmp_path: Path) -> None:
    paths = [Path(file) for file in files]
    assert [r.id for r in worked_examples(paths)] == ["t/1", "t/2"]
    (tmp_path / "ids.txt").write_text("t/1\nt/9\n")
    assert [r.id for r in worked_examples(paths, tmp_path / "ids.txt")] == ["t/2", "t/3"]


def test_an_example_is_shown_where_the_template_or_a_shot_asks_for_it(files: tuple[str, ...]) -> None:
    plain, with_example = load_template("chat-function"), load_template("chat-example")
    assert open_wording({}, files, None) == Wording(plain)
    assert open_wording({}, files, None, shots=1) == Wording(plain, (made(1), made(2)))
    shown = open_wording(with_example.to_dict(), files, None)
    assert shown.chat(made(1)) == messages(with_example, made(1), made(2))
    with pytest.raises(HarnessError, match="no worked example") as error:
        open_wording(with_example.to_dict(), (), None)
    assert "none was given" in error.value.why


def test_an_adapter_is_asked_as_it_was_trained_unless_the_spec_says_how(spec: TrialSpec, tmp_path: Path) -> None:
    trained = Wording(load_template("chat-signature"), (made(1),))
    (tmp_path / PROMPT_FILE).write_text(json.dumps(trained.to_dict()))
    asked = replace(spec, train=None, adapter=str(tmp_path))
    assert wording_of(asked) == trained
    other = load_template("completion")
    assert wording_of(replace(asked, generate=replace(asked.generate, template=other.to_dict()))) == Wording(other)
    assert adapter_wording(tmp_path / "elsewhere") is None
    (tmp_path / PROMPT_FILE).write_text('{"template": {"name": "x"}')
    with pytest.raises(HarnessError, match="not the prompt of an adapter"):
        wording_of(asked)


def test_a_spec_comes_back_from_its_file_as_it_was(spec: TrialSpec) -> None:
    assert spec.train is not None
    template = load_template("chat-example").to_dict()
    train = replace(spec.train, train_files=("a", "b"), exclude_file="x", template=template, packing=True, start_adapter="s")
    whole = replace(spec, train=train, generate=replace(spec.generate, example_files=("a", "b"), template=template))
    assert TrialSpec.from_json(whole.to_json()) == whole
    assert whole.version == SPEC_VERSION == 3

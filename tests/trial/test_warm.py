"""Several trials in one process: each is what it would be in a process of its own, and nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forked_trials import ForkServer, Started
from test_trial_process import wait_for

from harness.core.params import Quantization
from harness.guard.host import HostProbe
from harness.guard.supervise import Watch
from harness.guard.worker import Worker
from harness.trial.spec import ChildEnding, TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir

WithParams = Callable[..., TrialSpec]
SEQUENCE = """
import json
from pathlib import Path
from harness.trial.jobs import Jobs
from harness.trial.process import Interruption
from harness.trial.trial_dir import TrialDir
import harness.trial.station
before = {before!r}
exec(before)
interruption = Interruption()
interruption.install()
interruption.end_job()
jobs = Jobs(interruption)
with open({answers!r}, "w") as file:
    for name in {names!r}:
        file.write(json.dumps(jobs.do(TrialDir(Path({folder!r}, name)))) + "\\n")
        file.flush()
"""


class Sequence:
    """Starts a fork that does trials one after the other, as `harness.trial.jobs` would when it is told to."""

    def __init__(self, server: ForkServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._answers = folder / "answers"
        self.running: list[Started] = []

    def start(self, specs: list[TrialSpec], before: str = "") -> list[TrialDir]:
        for spec in specs:
            TrialDir(self._folder / spec.name).write_spec(spec)
        names = [spec.name for spec in specs]
        code = SEQUENCE.format(names=names, folder=str(self._folder), answers=str(self._answers), before=before)
        self.running.append(Fork(self._server, self._folder / "fork.txt", code))
        return [TrialDir(self._folder / name) for name in names]

    def end(self) -> list[dict[str, Any]]:
        assert self.running[-1].wait(300) == 0, (self._folder / "fork.txt").read_text()[-3000:]
        return [json.loads(line) for line in self._answers.read_text().splitlines()]


class Fork(Started):
    """A fork that runs nothing but its preamble."""

    def __init__(self, server: ForkServer, log: Path, code: str) -> None:
        self._server = server
        self._code = None
        self._pid = server.ask(folder="", log=str(log), preamble=code)["pid"]


@pytest.fixture
def sequence(fork_server: ForkServer, tmp_path: Path) -> Any:
    folder = tmp_path / "warm"
    folder.mkdir()
    made = Sequence(fork_server, folder)
    yield made
    for process in made.running:
        process.end()


def result_of(folder: TrialDir) -> TrialResult:
    result = folder.read_result()
    assert result is not None, folder.log_file.read_text()[-3000:]
    return result


def assert_same(warm: TrialDir, cold: TrialDir) -> None:
    found, expected = result_of(warm), result_of(cold)
    assert found.ending is expected.ending is ChildEnding.COMPLETED, (found.reason, expected.reason)
    assert found.facts == expected.facts  # the adapter's sha256 among them
    for name in ("train_loss", "eval_loss", "train_tokens", "steps"):
        assert found.metrics[name] == expected.metrics[name], name
    assert warm.suites_file.read_bytes() == cold.suites_file.read_bytes()


def named(spec: TrialSpec, name: str) -> TrialSpec:
    return replace(spec, name=name)


@pytest.mark.parametrize("quantization", list(Quantization))
def test_a_warm_process_gives_what_a_cold_one_gives(
    run: Callable[..., TrialDir], sequence: Sequence, spec: TrialSpec, with_params: WithParams, quantization: Quantization
) -> None:
    spec = replace(spec, model=replace(spec.model, quantization=quantization.value))
    one = with_params(spec, quantization=quantization, lora_dropout=0.1)
    assert one.train is not None
    other = with_params(one, r=8, gradient_checkpointing=True, target_modules="all-linear")
    assert other.train is not None
    other = replace(other, seed=9, train=replace(other.train, packing=True))
    wild = with_params(one, learning_rate=1e30, max_steps=20, lr_scheduler_type="constant")
    untuned = replace(one, train=None)
    names = ("one", "other", "again", "wild", "untuned", "last")
    folders = sequence.start([named(s, n) for s, n in zip((one, other, one, wild, untuned, one), names, strict=True)])
    cold = run(named(one, "cold one")), run(named(other, "cold other")), run(named(untuned, "cold untuned"))
    answers = sequence.end()
    assert [answer["recycle"] for answer in answers] == [False] * 6, answers
    assert len({answer["baseline_bytes"] for answer in answers}) == 1  # loaded once
    assert result_of(folders[3]).ending is ChildEnding.DIVERGED
    for folder, expected in zip(
        (folders[0], folders[2], folders[5], folders[1]), (cold[0], cold[0], cold[0], cold[1]), strict=True
    ):
        assert_same(folder, expected)
    assert folders[4].suites_file.read_bytes() == cold[2].suites_file.read_bytes()
    assert all(result_of(folder).metrics["load_runtime_s"] < 0.05 for folder in folders[1:])


def test_another_base_is_loaded_anew_and_one_that_was_written_to_is_read_again(
    run: Callable[..., TrialDir], sequence: Sequence, spec: TrialSpec, with_params: WithParams
) -> None:
    """Without room for copies the adapter is merged in place."""
    no_room = "import harness.trial.warm_bases as bases; bases.below_peak_bytes = lambda: 0"
    int8 = with_params(replace(spec, model=replace(spec.model, quantization="int8")), quantization=Quantization.INT8)
    folders = sequence.start([named(spec, "one"), named(spec, "two"), named(int8, "three"), named(spec, "four")], no_room)
    cold = run(named(spec, "cold"))
    assert not any(answer["recycle"] for answer in sequence.end())
    for folder in (folders[0], folders[1], folders[3]):
        assert_same(folder, cold)
    assert result_of(folders[2]).facts["quantization"] == "int8"


SCRIBBLE = """
import harness.trial.run as run
generate, written = run.generate, []
def scribbling(writer, *rest):
    if not written:
        written.append(writer.engine.model.get_input_embeddings().weight.data.view(-1)[3:4].add_(0.001))
    return generate(writer, *rest)
run.generate = scribbling
"""


def test_a_base_that_was_changed_behind_our_back_is_not_used_again(
    run: Callable[..., TrialDir], sequence: Sequence, spec: TrialSpec
) -> None:
    _, second = sequence.start([named(spec, "one"), named(spec, "two")], SCRIBBLE)
    cold = run(named(spec, "cold"))
    sequence.end()
    assert_same(second, cold)


OUT_OF_MEMORY = """
import harness.trial.tuned as run
save, seen = run.save_adapter, []
def failing(*given):
    seen.append(1)
    if len(seen) == 1:
        raise MemoryError
    return save(*given)
run.save_adapter = failing
"""


def test_a_process_whose_trial_failed_or_ran_out_of_memory_asks_to_be_ended(
    sequence: Sequence, spec: TrialSpec, with_params: WithParams
) -> None:
    short = with_params(spec, max_length=20)
    folders = sequence.start([named(spec, "one"), named(short, "two"), named(spec, "three")], OUT_OF_MEMORY)
    answers = sequence.end()
    assert [result_of(folder).ending.value for folder in folders] == ["out_of_memory", "failed", "completed"]
    assert [(answer["recycle"], answer["reason"]) for answer in answers[:2]] == [
        (True, "memory ran out"),
        (True, "the trial failed"),
    ]
    assert "no training example fits" in folders[1].log_file.read_text()  # each log has its own trial's words
    assert folders[2].log_file.read_text() == ""


@pytest.mark.parametrize("save_steps", [0, 1000])
def test_sigterm_ends_the_trial_and_the_process_goes_on_where_it_ended_at_a_safe_point(
    run: Callable[..., TrialDir], sequence: Sequence, spec: TrialSpec, with_params: WithParams, save_steps: int
) -> None:
    long = with_params(spec, max_steps=5000)
    assert long.train is not None
    long = replace(long, train=replace(long.train, save_steps=save_steps))
    first, second = sequence.start([named(long, "one"), named(spec, "two")])
    wait_for(first, lambda event: event.phase == "train" and event.step >= 2)
    sequence.running[-1].signal(signal.SIGTERM)
    cold = run(named(spec, "cold"))
    answers = sequence.end()
    assert result_of(first).ending is ChildEnding.INTERRUPTED
    assert (answers[0]["interrupted"], answers[0]["recycle"]) == (True, save_steps == 0)
    assert answers[1]["interrupted"] is False
    assert_same(second, cold)


def test_another_device_or_number_of_threads_is_refused(sequence: Sequence, spec: TrialSpec) -> None:
    first, second = sequence.start([named(spec, "one"), named(replace(spec, threads=2), "two")])
    assert [answer["done"] for answer in sequence.end()] == [True, False]
    assert second.read_result() is None
    assert result_of(first).metrics["peak_rss_bytes"] > 50e6


@pytest.mark.slow
def test_the_guards_worker_and_the_process_understand_each_other(spec: TrialSpec, tmp_path: Path) -> None:
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    worker = Worker((sys.executable, "-m", "harness.trial", "--jobs"), environ, HostProbe())
    try:
        for number, threads in enumerate((1, 1, 2)):  # the third is refused by the first process and done by another
            folder = TrialDir(tmp_path / str(number))
            folder.write_spec(replace(spec, threads=threads))
            ended = worker.run({"folder": str(folder.path)}, folder.log_file, Watch(HostProbe(), None), 300)
            assert (ended.returncode, ended.warm, ended.recycled) == (0, number == 1, None), ended.log_tail
            assert result_of(folder).ending is ChildEnding.COMPLETED
            assert ended.log_tail == folder.log_file.read_text() == ""
            assert ended.peak_bytes > worker.idle_bytes > 50e6
    finally:
        worker.close()

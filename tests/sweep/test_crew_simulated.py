from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.memory import MemoryEstimate
from harness.core.outcome import Ending
from harness.core.params import TrialParams
from harness.core.rungs import FULL, Rung, Rungs
from harness.core.workload import Workload
from harness.simulation.card import SimulatedCard
from harness.simulation.faults import FaultPlan
from harness.simulation.synthetic import SyntheticCurves
from harness.simulation.timeline import Timeline, read_moments
from harness.sweep.crew import Segment
from harness.sweep.crew_simulated import SimulatedCrew, World
from harness.sweep.gate import Judged
from harness.trial.trial_dir import TrialDir

GIB = 1 << 30
OBJECTIVES = ("pass_rate", "branch_coverage", "mutation_score")
RUNGS = Rungs((Rung(1 / 3, 0.5),))
CALM = TrialParams(r=16, learning_rate=1e-3)
WILD = TrialParams(r=64, learning_rate=1e-2, warmup_ratio=0.0)
Hire = Callable[..., SimulatedCrew]


class Observed:
    def __init__(self) -> None:
        self.peaks: list[tuple[int, bool]] = []

    def __call__(self, judged: Judged, peak: int, censored: bool) -> None:
        self.peaks.append((peak, censored))


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
def hire(tmp_path: Path, observed: Observed) -> Hire:
    def make(workers: int = 1, budget: int = 64 * GIB, faults: FaultPlan | None = None) -> SimulatedCrew:
        timeline = Timeline(tmp_path / "timeline.jsonl")
        world = World(SyntheticCurves(0), SimulatedCard("c", budget), timeline, workers, faults or FaultPlan())
        return SimulatedCrew(world, OBJECTIVES, lambda label: TrialDir(tmp_path / label.replace(" ", "-")), observed)

    return make


def judged(params: TrialParams, peak: int | None = 4 * GIB) -> Judged:
    estimate = None if peak is None else MemoryEstimate((("weights", peak),), peak, "backward")
    return Judged(Workload(params), estimate, estimate)


def segment(number: int, rung: int, params: TrialParams = CALM, peak: int | None = 4 * GIB) -> Segment:
    return Segment(number, f"trial {number}", rung, RUNGS[rung], judged(params, peak), 0, "run", rung == RUNGS.last)


def test_a_segment_ends_with_the_scores_of_its_rung(hire: Hire) -> None:
    crew = hire()
    crew.start(segment(0, 0))
    assert [s.number for s in crew.running()] == [0]
    assert not crew.room(GIB)
    (finished,) = crew.wait(1.0)
    assert finished.outcome.ending is Ending.COMPLETED
    assert finished.score is not None
    assert len(finished.score.per_function) == 10
    assert finished.train_steps == 6
    assert crew.now() == pytest.approx(finished.duration_s)
    assert "rung_pass_rate" in finished.outcome.metrics
    assert "pass_rate" not in finished.outcome.metrics  # figures of a part are no figures of the trial


def test_a_promoted_trial_goes_on_from_its_checkpoint_even_in_a_new_process(hire: Hire) -> None:
    first = hire()
    first.start(segment(0, 0))
    (paused,) = first.wait(1.0)
    after_crash = hire()  # knows nothing but the files
    assert after_crash.now() == pytest.approx(paused.duration_s)
    after_crash.start(segment(0, 1))
    (ended,) = after_crash.wait(1.0)
    assert paused.train_steps + ended.train_steps == 18
    assert ended.outcome.metrics["pass_rate"] == SyntheticCurves(0).read(CALM.to_dict(), FULL).metrics["pass_rate"]


def test_ends_come_in_the_order_of_virtual_time(hire: Hire) -> None:
    crew = hire(workers=2)
    crew.start(segment(0, 1))
    crew.start(segment(1, 0))
    assert not crew.room(GIB)
    ends = [crew.wait(1.0)[0].segment.number, crew.wait(1.0)[0].segment.number]
    assert ends == [1, 0]
    assert crew.wait(1.0) == []


def test_trials_share_the_card_only_within_its_budget(hire: Hire) -> None:
    crew = hire(workers=3, budget=9 * GIB)
    crew.start(segment(0, 0))
    assert crew.room(4 * GIB)
    assert not crew.room(6 * GIB)
    assert not crew.room(None)


def test_what_outgrows_the_budget_is_ended_for_memory_and_teaches_the_gate(hire: Hire, observed: Observed) -> None:
    crew = hire(budget=3 * GIB)
    crew.start(segment(0, 0))
    (finished,) = crew.wait(1.0)
    assert finished.outcome.ending is Ending.PRUNED_MEMORY
    assert finished.outcome.memory_constraint > 0
    assert finished.score is None
    assert observed.peaks == [(int(finished.outcome.metrics["peak_bytes"]), True)]


def test_what_diverges_is_unstable(hire: Hire) -> None:
    crew = hire()
    crew.start(segment(0, 1, WILD))
    (finished,) = crew.wait(1.0)
    assert finished.outcome.ending is Ending.PRUNED_UNSTABLE
    assert finished.outcome.constraints()["stability"] > 0


def test_a_stopped_segment_comes_back_interrupted_and_is_trained_anew(hire: Hire) -> None:
    crew = hire()
    crew.start(segment(0, 0))
    crew.stop(0, "a person asked")
    crew.stop(7, "not there")
    (finished,) = crew.wait(1.0)
    assert (finished.outcome.ending, finished.outcome.reason) == (Ending.INTERRUPTED, "a person asked")
    crew.start(segment(0, 0))
    assert crew.wait(1.0)[0].train_steps == 6


def test_a_worker_that_dies_fails_the_attempt_and_not_the_next_one(hire: Hire) -> None:
    plan = FaultPlan(deaths=0.5, seed=2)
    number = next(n for n in range(50) if plan.fault(n, 0, 0).dies_at is not None and plan.fault(n, 0, 1).dies_at is None)
    crew = hire(faults=plan)
    crew.start(segment(number, 0))
    (lost,) = crew.wait(1.0)
    assert lost.outcome.ending is Ending.FAILED
    crew.start(segment(number, 0))
    (again,) = crew.wait(1.0)
    assert again.outcome.ending is Ending.COMPLETED


def test_a_base_that_is_loaded_already_is_not_loaded_again(hire: Hire) -> None:
    crew = hire()
    crew.start(segment(0, 0))
    (cold,) = crew.wait(1.0)
    crew.start(segment(1, 0))
    (warm,) = crew.wait(1.0)
    assert cold.duration_s - warm.duration_s == pytest.approx(1.0)  # the load of `SyntheticCurves`


def test_nothing_comes_back_before_it_is_due(hire: Hire) -> None:
    crew = hire()
    crew.start(segment(0, 0))
    assert crew.wait(0.0) == []
    assert crew.status()[0]["phase"] == "train"
    crew.close()
    assert crew.running() == ()


def test_every_end_is_on_the_timeline(hire: Hire, tmp_path: Path) -> None:
    crew = hire()
    for number, params in enumerate((CALM, WILD)):
        crew.start(segment(number, 1, params))
        crew.wait(1.0)
    kept = [(m.trial, m.ending, m.last, m.values is None) for m in read_moments(tmp_path / "timeline.jsonl")]
    assert kept == [(0, "completed", True, False), (1, "pruned:unstable", True, True)]

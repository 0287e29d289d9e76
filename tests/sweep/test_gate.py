"""Admission as a sweep uses it: estimate, learning, budget and ladder together, over a real file of observations."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_configs import SMOLLM2
from sweep_shapes import sweep_config

from harness.config.sections import Guard
from harness.core.admission import Adapt, Admit, Budget, Reject
from harness.core.memory import DeviceProfile
from harness.core.outcome import Ending
from harness.guard.observations import ObservationStore
from harness.study.ledger import Told
from harness.sweep.gate import Gate
from harness.sweep.predict import Predictor, Surroundings

GIB = 1 << 30
CONFIG = sweep_config()
PARAMS = CONFIG.base_params()


def gate(folder: Path, budget_bytes: int, model: str = "made/up", **guard: object) -> Gate:
    predictor = Predictor(CONFIG, Surroundings(SMOLLM2, DeviceProfile.cuda()))
    budget = Budget(budget_bytes, 8 * GIB, "test")
    return Gate(predictor, budget, Guard.model_validate(guard), ObservationStore(folder / "memory.jsonl"), ("card", model))


def peak(folder: Path) -> int:
    estimate = gate(folder, 8 * GIB).judge(PARAMS).estimate
    assert estimate is not None
    return estimate.total_bytes


def test_what_fits_is_admitted_and_what_does_not_is_refused_with_its_headroom(tmp_path: Path) -> None:
    needed = peak(tmp_path)
    assert isinstance(gate(tmp_path, needed).judge(PARAMS).verdict, Admit)
    refused = gate(tmp_path, needed - 1).judge(PARAMS).verdict
    assert isinstance(refused, Reject)
    assert refused.constraint > 0


def test_adapting_keeps_the_effective_batch(tmp_path: Path) -> None:
    large = PARAMS.merged({"per_device_train_batch_size": 8})
    budget = gate(tmp_path, 8 * GIB).judge(PARAMS.merged({"per_device_train_batch_size": 2})).estimate
    assert budget is not None
    assert isinstance(gate(tmp_path, budget.total_bytes).judge(large).verdict, Reject)
    judged = gate(tmp_path, budget.total_bytes, on_risk="adapt").judge(large)
    assert isinstance(judged.verdict, Adapt)
    assert judged.workload.params.effective_batch == large.effective_batch
    assert judged.workload.params.per_device_train_batch_size < 8
    assert any("per_device_train_batch_size 8 ->" in step for step in judged.steps)


def test_an_observed_peak_teaches_and_is_still_known_after_a_restart(tmp_path: Path) -> None:
    needed = peak(tmp_path)
    first = gate(tmp_path, needed)
    first.observe(first.judge(PARAMS), int(needed * 1.1), censored=False)
    for later in (first, gate(tmp_path, needed)):
        judged = later.judge(PARAMS)
        assert isinstance(judged.verdict, Reject)
        assert judged.correction is not None
        assert judged.correction.factor == pytest.approx(1.1, rel=1e-3)
        assert judged.correction.coverage == pytest.approx(0.5)
    assert isinstance(gate(tmp_path, needed, model="another/model").judge(PARAMS).verdict, Admit)


def test_many_smaller_peaks_let_more_in(tmp_path: Path) -> None:
    needed = peak(tmp_path)
    assert isinstance(gate(tmp_path, int(needed * 0.95)).judge(PARAMS).verdict, Reject)
    learning = gate(tmp_path, needed)
    for _ in range(19):
        learning.observe(learning.judge(PARAMS), int(needed * 0.9), censored=False)
    assert isinstance(gate(tmp_path, int(needed * 0.95)).judge(PARAMS).verdict, Admit)


def test_what_was_killed_at_a_budget_is_refused_there_afterwards(tmp_path: Path) -> None:
    needed = peak(tmp_path)
    at = gate(tmp_path, needed + GIB)
    at.observe(at.judge(PARAMS), needed + GIB, censored=True)
    assert isinstance(at.judge(PARAMS).verdict, Reject)


def test_the_record_of_a_study_counts_what_ran_out_of_memory(tmp_path: Path) -> None:
    tight = gate(tmp_path, peak(tmp_path))

    def told(batch: int, ending: Ending) -> Told:
        judged = tight.judge(PARAMS.merged({"per_device_train_batch_size": batch}))
        return Told(0, {}, None, ending, "", {}, None, 0.0, admission=judged.to_dict(tight.budget))

    trials = [told(1, Ending.COMPLETED), told(1, Ending.PRUNED_MEMORY), told(8, Ending.PRUNED_MEMORY)]
    found = tight.reliability(trials)
    assert (found.admitted, found.admitted_oom, found.rejected) == (2, 1, 1)

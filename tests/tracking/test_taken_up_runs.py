"""A crash may come between any two writes: whatever is written again must leave one run, one figure, one status."""

from __future__ import annotations

import pytest
from mlflow.entities import Run

from harness.core.outcome import Ending, Outcome
from harness.tracking.store import Store
from harness.tracking.tracker import KIND_BASELINE, Tracker

CUT = Outcome(Ending.PRUNED_TIMEOUT, "too slow", {"peak_bytes": 2e9, "eval_loss": 1.5})


def history(store: Store, run_id: str, metric: str) -> list[tuple[int, float]]:
    return sorted((m.step, m.value) for m in store.client.get_metric_history(run_id, metric))


def everything(run: Run) -> tuple[object, ...]:
    return run.info.status, run.info.end_time, run.data.metrics, run.data.params, run.data.tags


def test_a_run_is_found_by_its_trial_whatever_its_status(store: Store, tracker: Tracker) -> None:
    tracker.start_run("base", params={}, tags={"kind": KIND_BASELINE, "trial": "3"})
    assert tracker.find_run(3) is None
    killed = tracker.start_run("trial 3", params={}, tags={"trial": "3"})
    tracker.start_run("trial 33", params={}, tags={"trial": "33"})
    assert Tracker(store, "demo").find_run(3) == killed
    tracker.finish_run(killed, CUT)
    assert Tracker(store, "demo").find_run(3) == killed
    assert Tracker(store, "other").find_run(3) is None


def test_a_run_that_was_left_half_made_is_completed(store: Store, tracker: Tracker) -> None:
    begun = tracker.start_run("trial 0", params={"r": 8}, tags={"trial": "0"})
    tracker.pause_run(begun)
    again = tracker.start_run("trial 0", params={"r": 8, "lora_alpha": 16}, tags={"trial": "0", "seed": "5"}, begun=begun)
    run = store.client.get_run(begun)
    assert (again, run.info.status) == (begun, "RUNNING")
    assert run.data.params == {"r": "8", "lora_alpha": "16"}
    assert run.data.tags["seed"] == "5"
    assert run.inputs is not None
    assert {given.dataset.name for given in run.inputs.dataset_inputs} == {"train", "validation"}


def test_finishing_again_changes_nothing(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    tracker.finish_run(run_id, CUT, metrics={"pass_rate": 0.5}, tags={"gpu": "none"})
    once = everything(store.client.get_run(run_id))
    Tracker(store, "demo").finish_run(run_id, CUT, metrics={"pass_rate": 0.5}, tags={"gpu": "none"})
    assert everything(store.client.get_run(run_id)) == once
    assert history(store, run_id, "eval_loss") == [(0, 1.5)]


def test_finishing_goes_on_where_it_was_broken_off(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    store.client.log_metric(run_id, "peak_bytes", 2e9, step=0)
    store.client.log_metric(run_id, "eval_loss", 9.0, step=7)
    tracker.finish_run(run_id, CUT)
    assert history(store, run_id, "peak_bytes") == [(0, 2e9)]
    assert history(store, run_id, "eval_loss") == [(0, 1.5), (7, 9.0)]
    assert store.client.get_run(run_id).info.status == "FINISHED"


def test_a_later_ending_replaces_that_of_an_orphan(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    later = Tracker(store, "demo")
    later.resume_sweep(tracker.sweep_run)
    assert later.close_orphans() == [run_id]
    later.reopen_run(run_id)
    later.finish_run(run_id, CUT)
    run = store.client.get_run(run_id)
    assert (run.info.status, run.data.tags["outcome"], run.data.tags["reason"]) == ("FINISHED", "pruned:timeout", "too slow")


def test_rungs_stand_at_their_steps_under_their_own_names(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    for _ in range(2):
        tracker.log_rung(run_id, 5, {"rung_pass_rate": 0.25, "rung_eval_loss": float("nan")}, rung=0)
    tracker.log_rung(run_id, 15, {"rung_pass_rate": 0.5}, rung=1)
    run = store.client.get_run(run_id)
    assert history(store, run_id, "rung_pass_rate") == [(5, 0.25), (15, 0.5)]
    assert run.data.metrics == {"rung_pass_rate": 0.5}
    assert run.data.tags["rung"] == "2"


def test_facts_of_the_trial_so_far_give_way_to_later_ones_and_no_rung_is_written_twice(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    tracker.log_rung(run_id, 5, {"rung_pass_rate": 0.25, "peak_bytes": 1e9}, rung=0)
    tracker.log_rung(run_id, 15, {"rung_pass_rate": 0.25, "peak_bytes": 2e9}, rung=1)
    assert history(store, run_id, "rung_pass_rate") == [(5, 0.25), (15, 0.25)]
    assert store.client.get_run(run_id).data.metrics == {"rung_pass_rate": 0.25, "peak_bytes": 2e9}
    tracker.finish_run(run_id, Outcome(Ending.PRUNED_RUNG, "cut at rung 2 of 3", {"rung_pass_rate": 0.25, "peak_bytes": 3e9}))
    assert history(store, run_id, "rung_pass_rate") == [(5, 0.25), (15, 0.25)]
    assert store.client.get_run(run_id).data.metrics == {"rung_pass_rate": 0.25, "peak_bytes": 3e9}


def test_a_paused_run_is_no_orphan_and_goes_on(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={"trial": "0"})
    tracker.pause_run(run_id)
    assert store.client.get_run(run_id).info.status == "SCHEDULED"
    assert tracker.close_orphans() == []
    tracker.reopen_run(run_id)
    assert store.client.get_run(run_id).info.status == "RUNNING"


@pytest.mark.parametrize("known", [{}, {"calmed": "1: learning_rate / 2", "adapted": "no"}])
def test_tags_are_set_and_replaced(store: Store, tracker: Tracker, known: dict[str, str]) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags=known)
    tracker.tag_run(run_id, {"calmed": "2: warmup_ratio 0.1"})
    assert store.client.get_run(run_id).data.tags["calmed"] == "2: warmup_ratio 0.1"

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.curve import CurvePoint
from harness.core.memory import MemoryEstimate
from harness.core.outcome import Ending, Outcome
from harness.tracking.artifacts import write_run_files
from harness.tracking.memory import SCHEMA_VERSION, MemoryRecord, as_json, as_metrics, term_rows
from harness.tracking.run_files import RunFiles
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

GIB = 1 << 30
ESTIMATE = MemoryEstimate(
    (("linear weights", GIB), ("loss", 2 * GIB), ("learned from 12 peaks", -GIB // 2)), 5 * GIB // 2, "loss"
)
REFUSED = MemoryRecord("needs about 2.50 GiB, budget 2.00 GiB", 2 * GIB, "a card", ESTIMATE, steps=("batch 4 -> 2",))
KILLED = MemoryRecord(
    "takes 3.10 GiB, budget 3.00 GiB",
    3 * GIB,
    "a card",
    ESTIMATE,
    corrected_bytes=11 * GIB // 4,
    correction="the 90 % quantile of 12 peaks",
    curve=(CurvePoint(0.0, 0, 4 * GIB), CurvePoint(1.5, 3 * GIB + 1, GIB - 1)),
    phases=((0.0, "load"), (1.0, "train")),
    killed_at_s=1.5,
    observed_peak_bytes=3 * GIB + 1,
)


def test_everything_stands_in_the_json_one_key_a_line() -> None:
    text = as_json(replace(KILLED, blind='it said "no"\nand left'))
    read = json.loads(text)
    assert read["version"] == SCHEMA_VERSION
    assert read["curve"] == {"seconds": [0.0, 1.5], "used_bytes": [0, 3 * GIB + 1], "free_bytes": [4 * GIB, GIB - 1]}
    assert read["phases"] == [{"seconds": 0.0, "phase": "load"}, {"seconds": 1.0, "phase": "train"}]
    assert read["estimate"]["terms"][1] == {"term": "loss", "bytes": 2 * GIB}
    assert (read["killed_at_s"], read["blind"], read["steps"]) == (1.5, 'it said "no"\nand left', [])
    assert set(read) - {"version"} == set(MemoryRecord.__slots__)
    assert len(text.splitlines()) == len(read) + 2


def test_an_unpredicted_trial_is_recorded_without_made_up_figures() -> None:
    unknown = MemoryRecord("no formula for 'mamba'", GIB, "host memory")
    assert json.loads(as_json(unknown))["estimate"] is None
    assert as_metrics(unknown) == {"budget_bytes": GIB}
    assert term_rows(unknown) == []


def test_metrics_name_every_term_without_the_count_of_peaks() -> None:
    assert as_metrics(REFUSED) == {
        "budget_bytes": 2 * GIB,
        "estimate_bytes": 2.5 * GIB,
        "estimate_linear_weights_bytes": GIB,
        "estimate_loss_bytes": 2 * GIB,
        "estimate_learned_from_peaks_bytes": -GIB / 2,
    }


def test_the_error_is_that_of_the_prediction_that_was_judged() -> None:
    ended = replace(KILLED, killed_at_s=None, observed_peak_bytes=2 * GIB)
    assert as_metrics(ended)["estimate_error"] == pytest.approx(2 / 2.75 - 1)
    assert as_metrics(replace(ended, corrected_bytes=None))["estimate_error"] == pytest.approx(2 / 2.5 - 1)


def test_a_killed_trial_never_praises_its_estimate() -> None:
    assert as_metrics(KILLED)["estimate_error"] == pytest.approx(3 / 2.75 - 1)
    early = replace(KILLED, observed_peak_bytes=2 * GIB)
    assert "estimate_error" not in as_metrics(early)
    assert as_metrics(early)["peak_bytes"] == 2 * GIB


def test_terms_are_listed_largest_first_and_add_up() -> None:
    rows = term_rows(KILLED)
    assert [row["term"] for row in rows] == [
        *("loss", "linear weights", "learned from 12 peaks", "estimate (sum)"),
        *("corrected estimate", "budget", "observed peak"),
    ]
    assert rows[3] == {"term": "estimate (sum)", "GiB": 2.5, "share": 1.0}
    assert sum(row["GiB"] for row in rows[:3]) == pytest.approx(2.5)
    assert rows[2]["share"] == -0.2


names = st.text(max_size=12)
sizes = st.integers(-(1 << 40), 1 << 40)


@given(st.lists(st.tuples(names, sizes), max_size=12), st.none() | st.integers(0, 1 << 40), st.none() | st.integers(0, 1 << 40))
def test_any_record_has_finite_metrics_of_legal_names(
    terms: list[tuple[str, int]], corrected: int | None, peak: int | None
) -> None:
    estimate = MemoryEstimate(tuple(terms), sum(size for _, size in terms), "loss")
    record = MemoryRecord("because", GIB, "a card", estimate, corrected_bytes=corrected, observed_peak_bytes=peak)
    metrics = as_metrics(record)
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in metrics)
    listed = {"estimate_bytes", "estimate_corrected_bytes", "estimate_error"}
    per_term = [value for name, value in metrics.items() if name.startswith("estimate_") and name not in listed]
    assert sum(per_term) == estimate.total_bytes
    assert len(term_rows(record)) >= len(terms)
    json.loads(as_json(record))


@pytest.mark.parametrize("record", [KILLED, REFUSED], ids=["killed", "refused"])
def test_files_of_a_predicted_trial(tmp_path: Path, record: MemoryRecord) -> None:
    assert write_run_files(RunFiles(memory=record), tmp_path) == ["memory_terms.json"]
    assert {f.name for f in tmp_path.iterdir()} == {"memory.json", "memory.png", "memory_terms.json", "memory_terms.csv"}


def test_without_anything_to_draw_there_is_no_picture(tmp_path: Path) -> None:
    assert write_run_files(RunFiles(memory=MemoryRecord("no formula", GIB, "a card")), tmp_path) == []
    assert [f.name for f in tmp_path.iterdir()] == ["memory.json"]


def test_both_tables_of_a_run_are_shown(store: Store, tracker: Tracker) -> None:
    run_id = tracker.start_run("trial 0", params={}, tags={})
    tracker.log_artifacts(run_id, RunFiles(table=[{"function": "f"}], memory=KILLED))
    tracker.finish_run(run_id, Outcome(Ending.PRUNED_MEMORY, KILLED.reason), metrics=as_metrics(KILLED))
    run = store.client.get_run(run_id)
    shown = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    assert [table["path"] for table in shown] == ["functions.json", "memory_terms.json"]
    names = {f.path for f in store.client.list_artifacts(run_id)}
    assert {"memory.json", "memory.png", "memory_terms.json", "memory_terms.csv"} <= names
    assert "estimate_loss_bytes" not in run.data.metrics  # the table of terms has it
    assert run.data.tags["reason"] == KILLED.reason

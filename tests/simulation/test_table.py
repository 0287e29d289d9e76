from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_lines import FUNCTIONS, GOOD, SMALL, WILD, configuration, line, write_table

from harness.core.errors import HarnessError
from harness.core.rungs import FULL, Rung, nested_order
from harness.simulation.table import CurveTable


@pytest.fixture
def table(tmp_path: Path) -> CurveTable:
    groups = [
        configuration(0, GOOD, [0.1, 0.4, 0.7]),
        configuration(1, WILD, [0.2, None, None]),
        configuration(2, SMALL, [0.0, 0.2, 0.3]),
        configuration(3, {**GOOD, "r": 2}, [0.0, 0.0, 0.0])[:2],  # being recorded
    ]
    return CurveTable.read_file(write_table(tmp_path / "curves.jsonl", *groups))


def test_answers_as_recorded(table: CurveTable) -> None:
    reading = table.read(GOOD, FULL)
    order = nested_order(FUNCTIONS, "d")
    assert reading.columns["pass_rate"] == tuple(pytest.approx(0.7 + i / 100) for i in order)
    assert reading.metrics["mutation_score"] == pytest.approx(0.72)
    assert reading.eval_loss == pytest.approx(0.3)
    assert reading.metrics["eval_loss"] == reading.eval_loss


def test_a_configuration_that_is_still_being_recorded_does_not_count(table: CurveTable) -> None:
    assert len(table.configurations) == 3


def test_a_lower_rung_is_judged_by_a_prefix_of_the_same_functions(table: CurveTable) -> None:
    whole, part = table.read(GOOD, Rung(1 / 3, 1.0)), table.read(GOOD, Rung(1 / 3, 0.6))
    assert part.columns["pass_rate"] == whole.columns["pass_rate"][:3]
    assert part.metrics["pass_rate"] == pytest.approx(sum(part.columns["pass_rate"]) / 3)  # type: ignore[arg-type]
    assert part.metrics["pass_rate_n"] == 3
    assert part.metrics["pass_rate_low"] < part.metrics["pass_rate"] < part.metrics["pass_rate_high"]


@given(share=st.floats(0.001, 1.0))
def test_between_recorded_shares_lies_between_their_scores(share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_table(tmp_path_factory.mktemp("t") / "c.jsonl", configuration(0, GOOD, [0.1, 0.4, 0.7]))
    reading = CurveTable.read_file(path).read(GOOD, Rung(share, 1.0))
    assert 0.12 - 1e-9 <= reading.metrics["pass_rate"] <= 0.72 + 1e-9
    if share <= 1 / 9:
        assert reading.metrics["pass_rate"] == pytest.approx(0.12)
    if 1 / 9 < share < 1 / 3:
        assert reading.metrics["pass_rate"] == pytest.approx(0.12 + 0.3 * (share - 1 / 9) / (2 / 9))


def test_what_diverged_stays_diverged(table: CurveTable) -> None:
    assert table.read(WILD, Rung(1 / 9, 1.0)).diverged is None
    for share in (0.12, 0.5, 1.0):
        assert table.read(WILD, Rung(share, 1.0)).diverged == "the loss diverged"


def test_training_seconds_add_up_over_segments(table: CurveTable) -> None:
    first = table.stages(GOOD, 0.0, Rung(1 / 9, 0.6))
    second = table.stages(GOOD, 1 / 9, FULL)
    assert first.train == pytest.approx(10.0)
    assert second.train == pytest.approx(50.0)
    assert first.generate == pytest.approx(12.0)
    assert second.generate == pytest.approx(20.0)
    assert second.total == pytest.approx(1 + 50 + 2 + 20 + 5)


def test_what_shared_its_machine_takes_the_seconds_of_the_processor(tmp_path: Path) -> None:
    path = write_table(tmp_path / "c.jsonl", configuration(0, GOOD, [0.1, 0.4, 0.7]), threads=1)
    whole = CurveTable.read_file(path).stages(GOOD, 0.0, FULL)
    assert whole.train == pytest.approx((10 + 20 + 30) / 2)
    assert (whole.load, whole.generate) == (0.5, 10.0)
    assert whole.score == 5.0, "of many short processes, which wait for one another"


def test_others_are_stood_for_by_the_nearest_of_the_same_categories(table: CurveTable) -> None:
    assert table.index({"r": 18, "learning_rate": 1.2e-3, "quantization": "none"}) == 0
    assert table.index({"r": 18, "learning_rate": 8e-3, "quantization": "none"}) == 1
    assert table.index({"r": 64, "learning_rate": 1e-2, "quantization": "nf4"}) == 2
    assert table.index({"learning_rate": 1e-3}) == 0  # an axis that is not named does not count


@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_recorded_configuration_stands_for_itself(table: CurveTable, index: int) -> None:
    assert table.index(table.configurations[index]) == index


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    path = write_table(tmp_path / "c.jsonl", configuration(0, GOOD, [0.1, 0.4, 0.7]))
    with path.open("a") as file:
        file.write(json.dumps(line(1, SMALL, 0, 0.5))[:40])
    assert len(CurveTable.read_file(path).configurations) == 1


@pytest.mark.parametrize("text", ["", "{}\n", '{"format": "other"}\n', "no json\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(text)
    with pytest.raises(HarnessError, match="no table of learning curves"):
        CurveTable.read_file(path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no table of learning curves"):
        CurveTable.read_file(tmp_path / "none.jsonl")

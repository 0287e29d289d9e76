from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.console.tables import Settings, pareto_cells, plain_pareto, rich_pareto
from harness.console.text import ALPHA
from harness.console.unfinished import unfinished
from harness.console.view import ResultRow
from harness.core.outcome import Ending
from harness.core.pareto import Objective


def lines_of(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...], width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(rich_pareto(rows, objectives, width))
    return stream.getvalue().splitlines()


def test_order_is_front_then_dominated_then_baselines(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    cells = pareto_cells(rows, objectives)
    assert [row[:2] for row in cells.rows] == [("★", "trial 0"), ("●", "trial 1"), ("", "trial 3"), ("", "base zero-shot")]
    assert cells.starts == {2, 3}
    assert cells.headings[2:7] == ("r", ALPHA, "lr", "warmup", "quant")
    assert cells.headings[7:] == ("pass ↑", "branch ↑", "mutation ↑")


def test_front_is_sorted_by_direction(rows: tuple[ResultRow, ...]) -> None:
    least_first = pareto_cells(rows, (Objective("pass_rate", "minimize"),))
    assert [row[1] for row in least_first.rows[:2]] == ["trial 1", "trial 0"]
    assert least_first.headings[-1] == "pass ↓"


def test_absent_is_a_dash_and_not_a_zero(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    by_label = {row[1]: row for row in pareto_cells(rows, objectives).rows}
    assert by_label["trial 1"][-1] == "-"
    assert by_label["base zero-shot"][-1] == "0.00 ±.04"


def test_settings_that_never_differ_have_no_column(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    same = tuple(replace(row, params={**row.params, "optim": "adamw_torch"}) if row.params else row for row in rows)
    cells = pareto_cells(same, objectives)
    assert "optim" not in cells.headings
    assert cells.common == {"optim": "adamw_torch"}
    assert any("the same in every trial above: optim adamw_torch" in line for line in plain_pareto(same, objectives))


@pytest.mark.parametrize(("width", "heading"), [(140, "warmup"), (100, "warmup"), (80, "settings")])
def test_fits_the_screen(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...], width: int, heading: str) -> None:
    lines = lines_of(rows, objectives, width)
    assert max(map(len, lines)) <= width
    assert heading in "\n".join(lines)
    assert not any("…" in line for line in lines)
    knee = next(line for line in lines if "★" in line)
    assert "trial 0" in knee
    assert "0.46 ±.09" in knee


def test_layouts_shrink(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    widths = {room: pareto_cells(rows, objectives, room).width() for room in Settings}
    assert widths[Settings.TIGHT] < min(widths[Settings.APART], widths[Settings.TOGETHER])


def test_plain_table_is_aligned_and_worded(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    lines = plain_pareto(rows, objectives)
    table = lines[:5]
    assert table[1].startswith("knee ")
    assert table[2].startswith("front ")
    end = table[0].index("pass ↑") + len("pass ↑")
    assert [line[:end].split()[-1] for line in table[1:]] == ["±.09", "±.09", "±.09", "±.04"]


def test_what_did_not_complete_says_why(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    (line,) = unfinished(rows)
    assert line.startswith("trial 2 (r64 lr 4.9e-3 int8), pruned:memory: estimate 9.0 GiB")
    assert line in plain_pareto(rows, objectives)
    assert "pruned:memory" in " ".join(lines_of(rows, objectives, 80))


def test_nothing_completed(rows: tuple[ResultRow, ...], objectives: tuple[Objective, ...]) -> None:
    pruned = rows[1:2]
    assert plain_pareto(pruned, objectives)[0] == "no trial completed"
    assert lines_of(pruned, objectives, 80)[0] == "no trial completed"
    assert plain_pareto((), objectives) == ["no trial completed"]


def test_many_of_a_kind_share_a_line() -> None:
    def ended(number: int, ending: Ending, rung: int | None = None) -> ResultRow:
        return ResultRow(f"trial {number}", "trial", {"r": 8}, {}, ending=ending, reason=f"reason {number}", rung=rung)

    cut = [ended(n, Ending.PRUNED_RUNG, 0) for n in range(13)] + [ended(n, Ending.PRUNED_RUNG, 1) for n in (20, 21)]
    memory = [ended(n, Ending.PRUNED_MEMORY) for n in range(30, 36)]
    assert unfinished([*cut, *memory, ended(40, Ending.STOPPED)]) == [
        "6 pruned:memory, the last of them trial 35 (r8), pruned:memory: reason 35",
        "trial 40 (r8), stopped: reason 40",
        "13 cut at rung 1",
        "2 cut at rung 2: trial 20, 21",
    ]

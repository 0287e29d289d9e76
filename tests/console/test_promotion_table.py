from __future__ import annotations

import io

import pytest
from promotions import promotion, shown
from rich.console import Console

from harness.console.promotion import Promotion
from harness.console.promotion_table import plain_promotion, rich_promotion


def on_terminal(told: Promotion, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, legacy_windows=False).print(rich_promotion(told))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_everything_that_decided_is_said() -> None:
    lines = plain_promotion(promotion())
    text = "\n".join(lines)
    assert "the best 2 by the rule (knee of the front), again on 16 selection functions" in text
    assert next(line for line in lines if line.strip().startswith("trial 0")).split()[:3] == ["trial", "0", "chosen"]
    assert next(line for line in lines if line.strip().startswith("pass_rate ")).split() == [
        "pass_rate",
        "0.46",
        "±.09",
        "0.00",
        "±.04",
    ]
    assert "better on 20, worse on 1, equal on 5 functions; one-sided p = 1e-06" in text
    assert "from the validation to the test functions: pass -0.06" in text
    assert "first use of these test functions" in text
    assert [line.split()[-1] for line in lines if line.startswith(("  pass_rate >", "  latency", "  smooth"))] == [
        "missed",
        "met",
        "-",
    ]


def test_the_score_to_report_is_what_was_measured_less_what_flatters_it() -> None:
    told = promotion(flattery={"pass_rate": 0.03, "branch_coverage": 0.9, "not_shown": 0.1})
    assert told.expected() == pytest.approx({"pass_rate": 0.43, "branch_coverage": 0.0})
    assert any("to report" in line and "pass 0.43, branch 0.00" in line for line in plain_promotion(told))
    assert not any("to report" in line for line in plain_promotion(promotion()))


def test_a_refusal_says_who_stays() -> None:
    told = promotion(
        promoted=False, opponent="champion version 2", version=None, alias=None, folder=None, test_uses=3, reason="may be chance"
    )
    lines = plain_promotion(told)
    assert "not promoted: trial 0 against champion version 2: may be chance" in lines
    assert any("champion version 2" in line and "untuned base" in line for line in lines), "the base stands beside the champion"
    assert any("use 3 of these test functions" in line for line in lines)
    assert not any("ready to use" in line for line in lines)


def test_force_and_left_out_trials_are_named() -> None:
    lines = plain_promotion(promotion(forced=True, excluded={"trial 7": ("mutation_score >= 0.5",)}))
    assert any(line.startswith("promoted, by force: trial 0") for line in lines)
    assert "  trial 7 was left out: mutation_score >= 0.5 not kept" in lines


def test_without_a_choice_there_is_no_table_of_candidates() -> None:
    told = promotion(candidates=promotion().candidates[:1], selection_functions=0, gain=None, untuned=shown(0.1))
    assert not any("selection functions" in line for line in plain_promotion(told))


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal(width: int) -> None:
    lines = on_terminal(promotion(opponent="champion version 12"), width)
    assert max(map(len, lines)) <= width
    assert "promoted: trial 0 is quickstart version 1, alias champion" in lines

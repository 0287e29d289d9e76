from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from planned import GIB, make_plan, traced_plan
from rich.console import Console

from harness.console.plan_table import plain_plan, plan_json, render_plan, rich_plan

PICTURE = Path("mlruns/plan-tiny-4gb.png")


def on_terminal(width: int) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    console.print(rich_plan(make_plan(), PICTURE))
    return screen.getvalue()


def test_text_answers_every_question() -> None:
    text = "\n".join(plain_plan(make_plan(), PICTURE))
    assert "Plan of tiny-4gb: org/tiny on RTX 3050 4GB" in text
    assert "budget of one trial 3.00 GiB (0.92 of the 3.82 GiB free)" in text
    assert "fits after adapt" in text
    assert "backward" in text
    assert "per_device_train_batch_size    71%" in text
    assert "it is off (guard.on_risk: prune)" in text
    assert "a trial about 60 s (30 s to 2.5 min); the sweep's 30 trials about 67 min (15 min to 2.9 days)" in text
    assert "note: RTX 3050 4GB is taken as idle" in text
    assert text.endswith(f"plot: {PICTURE}")


def test_what_three_settings_share_is_not_repeated() -> None:
    text = "\n".join(plain_plan(make_plan(), PICTURE))
    assert "learning_rate" not in text
    assert text.count("  quantization") == 2  # beside the terms, and among what decides


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_every_line_whole(width: int) -> None:
    lines = on_terminal(width).splitlines()
    assert max(map(len, lines)) <= width
    flat = " ".join(" ".join(lines).split())
    for words in ("fits after adapt", "largest", "What adapt would change to make", "8 -> 4", str(PICTURE)):
        assert words in flat


def test_a_pipe_gets_no_escapes_and_a_narrow_encoding_no_crash() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render_plan(make_plan(), PICTURE, stream, as_json=False)
    stream.flush()
    assert b"\x1b" not in raw.getvalue()
    assert raw.getvalue().decode("ascii").startswith("Plan of tiny-4gb")


def test_json_is_one_line_that_holds_every_figure() -> None:
    stream = io.StringIO()
    render_plan(make_plan(), PICTURE, stream, as_json=True)
    assert stream.getvalue().count("\n") == 1
    said = json.loads(stream.getvalue())
    assert said == json.loads(json.dumps(plan_json(make_plan(), PICTURE)))
    assert said["schema"] == 1
    assert sum(share["count"] for share in said["shares"].values()) == 40
    assert said["extremes"][0]["terms"]["linear weights"] == GIB // 4
    assert said["deciders"][0] == {
        "name": "per_device_train_batch_size",
        "variance_share": 0.71,
        "lowest": [1, GIB],
        "highest": [8, 3 * GIB],
    }
    assert said["seconds"]["sweep"]["expected"] == 4000.0
    assert said["plot"] == str(PICTURE)


def test_without_drawn_settings_what_is_known_is_still_shown() -> None:
    text = "\n".join(plain_plan(traced_plan(), PICTURE))
    assert "What fits" not in text
    assert "Time unknown for this architecture" in text
    assert "smallest" in text
    said = plan_json(traced_plan(), PICTURE)
    assert (said["shares"], said["estimate_bytes"], said["seconds"]) == (None, None, None)

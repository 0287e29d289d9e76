"""What is to be said about a front beside its table: who is tied with the choice, what each rule would choose, how it grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.sweep_config import SweepConfig
from harness.console.front import Choice, FrontNotes
from harness.core.limits import Limit
from harness.core.outcome import Ending
from harness.core.selection import Contender, Knee, Lexicographic, Rule, Step, Weights, rank, words
from harness.core.ties import tied
from harness.study.ledger import Ledger, Told
from harness.sweep.search_record import volumes
from harness.sweep.summary import Results

CONFIDENCE = 0.95
_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Looking:
    """How a person wants to look at a front.

    Attributes:
        rules: Further rules.
        limits: Constraints in place of the file's; none keeps the file's.
    """

    rules: tuple[Rule, ...] = ()
    limits: tuple[Limit, ...] = ()


def front_notes(ledger: Ledger, config: SweepConfig, results: Results, looking: Looking) -> FrontNotes:
    """Look at a front in every way that was asked for, and in the usual ones.

    Args:
        ledger: The study.
        config: Its file.
        results: The study read back, with a front.
        looking: Further rules and other constraints.
    """
    section = config.promotion
    kept = looking.limits or section.limits()
    rules = {words(rule): rule for rule in (section.chooser(), *looking.rules, *_usual(results))}
    contenders = [Contender(told.number, told.metrics) for told in _completed(results)]
    choices = tuple(_choice(rule, contenders, results, kept) for rule in rules.values())
    chosen = choices[0].trial
    excluded = rank(contenders, results.objectives, Knee(), kept).excluded
    return FrontNotes(
        choices=choices,
        limits=tuple(limit.text for limit in kept),
        excluded={f"trial {number}": texts for number, texts in excluded.items()},
        tied=_tied(ledger, results, chosen) if chosen is not None else (),
        growth=_growth(results),
    )


def _usual(results: Results) -> list[Rule]:
    steps = tuple(Step(o.name, o.direction, _TOLERANCE) for o in results.objectives)
    weights = {o.name: 1.0 if o.direction == "maximize" else -1.0 for o in results.objectives}
    return [Knee(), Weights(weights), Lexicographic(steps), *(Lexicographic((step, *_rest(steps, step))) for step in steps[1:])]


def _rest(steps: Sequence[Step], first: Step) -> tuple[Step, ...]:
    return tuple(step for step in steps if step is not first)


def _choice(rule: Rule, contenders: list[Contender], results: Results, limits: Sequence[Limit]) -> Choice:
    order = rank(contenders, results.objectives, rule, limits).order
    return Choice(
        words(rule), order[0] if order else None, "" if order else "no trial keeps the constraints and was measured for it"
    )


def _completed(results: Results) -> list[Told]:
    return [told for told in results.trials if told.ending is Ending.COMPLETED]


def _tied(ledger: Ledger, results: Results, chosen: int) -> tuple[int, ...]:
    """Members of the front that the functions they were scored on do not tell apart from the chosen one."""
    top = {score.trial: score for score in ledger.scores() if score.values}  # the highest rung comes last
    if chosen not in top:
        return ()
    directions = [objective.direction for objective in results.objectives]
    rows = {number: top[number].per_function for number in results.on_front if number in top}
    mine = top[chosen].per_function
    return tuple(number for number, own in rows.items() if number != chosen and tied(own, mine, directions, CONFIDENCE))


def _growth(results: Results) -> tuple[tuple[int, float], ...]:
    """Trial and hypervolume wherever the front grew, as a share of what it is in the end; in the order of completion."""
    steps = [(told.number, volume) for _, told, volume in volumes(results)]
    whole = steps[-1][1] if steps else 0.0
    found: list[tuple[int, float]] = []
    for number, volume in steps if whole else ():
        if not found or volume / whole > found[-1][1] + 1e-9:
            found.append((number, volume / whole))
    return tuple(found)

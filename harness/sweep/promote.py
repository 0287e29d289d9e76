"""From the front to a champion: chosen by a rule, measured on functions that steered nothing, compared with who reigns.

The test functions are looked at by the chosen adapter and its opponent alone; what they say is the score that is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.console.promotion import CandidateRow, Promotion
from harness.core.errors import ExitCode, HarnessError
from harness.core.gain import Measure
from harness.core.measured import Measured
from harness.core.selection import Rule, words
from harness.study.ledger import Told
from harness.sweep.card_facts import REPORTED
from harness.sweep.comparison import Tested, flattered, test
from harness.sweep.contest import Contest, asked_for, hold
from harness.sweep.criteria import criteria
from harness.sweep.located import is_published
from harness.sweep.model_lock import promoting
from harness.sweep.publish import confirm, note, publish
from harness.sweep.reigning import SPLIT, Opponent, opponent
from harness.sweep.summary import Results, figure
from harness.sweep.workplace import Workplace
from harness.tracking.champions import champion
from harness.tracking.registry import adapter_sha256, require_model_name
from harness.tracking.store import answering


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for.

    Attributes:
        number: Promote this trial; None chooses by the rule.
        force: Move the alias even where the gain is not shown.
    """

    number: int | None = None
    force: bool = False


def promote(work: Workplace, results: Results, asked: Asked) -> Promotion | None:
    """Choose, test, compare, and move the alias if the gain holds; what was found is noted with the study either way.

    Returns:
        What happened; None when the user interrupted.

    Raises:
        HarnessError: nothing to choose from, files are gone, a process failed, or the registry cannot be written.
    """
    name = require_model_name(registered_name(work))
    try:
        return _promote(work, name, results, asked)
    finally:
        work.beside.recycle()


def _promote(work: Workplace, name: str, results: Results, asked: Asked) -> Promotion | None:
    contest = _chosen_by_hand(results, asked.number) if asked.number is not None else hold(work, results)
    if contest is None:
        return None
    with answering(work.store.tracking_uri), promoting(work, name) as alone:
        return _decided(work, name, contest, asked) if alone else None


def _decided(work: Workplace, name: str, contest: Contest, asked: Asked) -> Promotion | None:
    against = opponent(work, name, force=asked.force)
    if against.version is not None and _weights(work, contest.chosen) == against.version.adapter_sha256:
        against = replace(against, label=f"itself, {against.label}", itself=True)
    tested = test(work, name, contest, against, force=asked.force)
    if tested is None:
        return None
    told = _told(work, name, tested, asked)
    if told.promoted:
        _require_reigning(work, name, tested.against)
        if tested.against.itself and tested.against.version and is_published(tested.against.version):
            return confirm(work, contest.chosen, told, tested.against.version)
        told = publish(work, contest.chosen, told, {"tuned": tested.ours.metrics, "untuned": tested.base.metrics})
    note(work, contest.chosen, told)
    return told


def _require_reigning(work: Workplace, name: str, against: Opponent) -> None:
    """A registry on a server may have another champion by now: another machine promotes to it as well."""
    compared, now = against.version, champion(work.store, name)
    if (compared.number if compared else None) != (now.number if now else None):
        raise HarnessError(
            f"the champion of {name} has changed meanwhile",
            why=f"it was {compared or 'none'} when the comparison began, and is {now or 'none'} now; the alias was not moved",
            fix="run the same command again: what was measured is kept",
            code=ExitCode.CONFLICT,
        )


def registered_name(work: Workplace) -> str:
    """The registered model of a sweep."""
    return work.config.tracking.registered_model or work.ledger.name


def _chosen_by_hand(results: Results, number: int) -> Contest:
    told = asked_for(results, number)
    return Contest((told,), {}, told, {})


def _weights(work: Workplace, told: Told) -> str:
    folder = work.paths.trial_dir(work.ledger.name, f"trial {told.number}").adapter_dir
    return adapter_sha256(folder)


def _told(work: Workplace, name: str, tested: Tested, asked: Asked) -> Promotion:
    contest, rule = tested.contest, work.config.promotion.chooser()
    forced = asked.force and not tested.decision.promote
    return Promotion(
        name=name,
        promoted=tested.decision.promote or asked.force,
        reason=tested.decision.reason,
        rule=_rule(rule, asked),
        candidates=tuple(_row(work, contest, told) for told in contest.candidates),
        selection_functions=work.materials.data.counts["selection"] if contest.measures else 0,
        chosen=f"trial {contest.chosen.number}",
        opponent=tested.against.label,
        tested=_shown(tested.ours),
        opponent_tested=_shown(tested.theirs),
        untuned=_shown(tested.base),
        functions=work.materials.data.counts[SPLIT],
        test_uses=tested.uses,
        gain=tested.gain,
        confidence=work.config.promotion.confidence,
        forced=forced,
        criteria=criteria(work, contest.chosen, tested.ours.metrics),
        excluded={f"trial {number}": texts for number, texts in contest.excluded.items()},
        flattery=flattered(work, tested),
    )


def _rule(rule: Rule, asked: Asked) -> str:
    return words(rule) if asked.number is None else "named by hand"


def _row(work: Workplace, contest: Contest, told: Told) -> CandidateRow:
    names = work.objectives
    seen = contest.measures.get(told.number)
    again = {name: figure(seen.metrics, name) for name in names} if seen else {}
    return CandidateRow(
        f"trial {told.number}", {name: figure(told.metrics, name) for name in names}, again, told is contest.chosen
    )


def _shown(found: Measure) -> dict[str, Measured | None]:
    return {name: figure(found.metrics, name) for name in REPORTED}

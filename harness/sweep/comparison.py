"""The chosen adapter against who reigns, on the test functions: measured, compared, and whether the gain holds.

Owns what a look at the test functions is: counted beforehand, by registered model and digest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evaluation import lower_bound
from harness.core.errors import HarnessError
from harness.core.flattery import flattery
from harness.core.gain import Decision, Gain, Measure, by_function, decide, differences, scale_of
from harness.core.selection import weighed
from harness.sweep.card_facts import REPORTED
from harness.sweep.contest import Contest, candidate_subject
from harness.sweep.reigning import SPLIT, Opponent, untuned, without_champion
from harness.sweep.split_measure import measure, measured_before
from harness.sweep.summary import objectives_of
from harness.sweep.workplace import Workplace
from harness.tracking.champions import count_of_test_uses, count_test_use

_SEED = 0  # of the bootstrap: the same measurements decide the same


@dataclass(frozen=True, slots=True)
class Tested:
    """What the test functions said.

    Attributes:
        contest: How the chosen one was chosen.
        against: Who it was compared with.
        ours: The chosen one's figures.
        theirs: The opponent's.
        base: The untuned base's.
        uses: How often these functions have decided about the registered model.
        gain: None where nothing could be compared.
        decision: Whether it is to be promoted.
    """

    contest: Contest
    against: Opponent
    ours: Measure
    theirs: Measure
    base: Measure
    uses: int
    gain: Gain | None
    decision: Decision


def test(work: Workplace, name: str, contest: Contest, against: Opponent, *, force: bool) -> Tested | None:
    """Measure the chosen one, its opponent and the base on the test functions; the use is counted before they are looked at.

    Args:
        work: The sweep.
        name: Registered model.
        contest: Who was chosen.
        against: Who reigns.
        force: A champion that cannot be measured does not stand in the way.

    Returns:
        None when the user interrupted.

    Raises:
        HarnessError: as `measure`.
    """
    subject, digest = candidate_subject(work, contest.chosen, SPLIT), work.materials.data.digests[SPLIT]
    uses = count_of_test_uses(work.store, name, digest)
    if measured_before(work, subject) is None or not uses:
        uses = count_test_use(work.store, name, digest)
    ours = measure(work, subject)
    facing = None if ours is None else _faced(work, against, force=force)
    base = None if facing is None else measure(work, untuned(work))
    if ours is None or facing is None or base is None:
        return None
    against, theirs = facing
    work.ledger.note("base_on_test", dict(base.metrics))  # for reports and model cards, wherever it was measured
    gain = None if against.itself or against.unmeasured else _gain(work, ours, theirs)
    return Tested(contest, against, ours, theirs, base, uses, gain, _decision(work, against, gain, (ours, theirs)))


def _faced(work: Workplace, against: Opponent, *, force: bool) -> tuple[Opponent, Measure] | None:
    """The opponent, and what it is worth; by force the base in the place of a champion whose process fails."""
    try:
        seen = measure(work, against.subject)
    except HarnessError as error:
        if against.version is None or against.itself or against.unmeasured:
            raise
        return _faced(work, without_champion(work, against.version, error, force=force), force=force)
    return None if seen is None else (against, seen)


def _decision(work: Workplace, against: Opponent, gain: Gain | None, both: tuple[Measure, Measure]) -> Decision:
    if against.itself:
        return Decision(True, "it is the champion already")
    if against.unmeasured:
        return Decision(False, f"the champion could not be measured: {against.unmeasured}")
    section = work.config.promotion
    known, rule = by_function(*both), section.chooser()
    left_out = [name for name in weighed(rule, objectives_of(work.config)) if name not in known]
    found = decide(gain, section.confidence)
    if not left_out or gain is None:
        return found
    return replace(found, reason=f"{found.reason} (without {', '.join(left_out)}: no figure of single functions)")


def _gain(work: Workplace, ours: Measure, theirs: Measure) -> Gain | None:
    found = differences(ours, theirs, _scale(work, ours, theirs))
    return Gain.of(found, lower_bound(found, work.config.promotion.confidence, _SEED)) if found else None


def _scale(work: Workplace, ours: Measure, theirs: Measure) -> dict[str, float]:
    return scale_of(work.config.promotion.chooser(), objectives_of(work.config), by_function(ours, theirs))


def flattered(work: Workplace, tested: Tested) -> dict[str, float]:
    """Metric -> how much of the test score is owed to having passed a test on it; empty for what was not promoted so."""
    if tested.gain is None or not tested.decision.promote:
        return {}
    both = (tested.ours, tested.theirs)
    found = flattery(*both, _scale(work, *both), work.config.promotion.confidence)
    return {name: by for name, by in found.items() if name in REPORTED}

"""Who is promoted: the best by the rule, measured again on functions that steered nothing, and again the best by the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.errors import ExitCode, HarnessError
from harness.core.gain import Measure
from harness.core.metrics import EXECUTION_METRICS
from harness.core.outcome import Ending
from harness.core.selection import Contender, rank
from harness.files.adapter_files import WEIGHTS_FILE, verify
from harness.study.ledger import Told
from harness.sweep.specs import adapter_spec
from harness.sweep.split_measure import Subject, measure
from harness.sweep.summary import Results
from harness.sweep.workplace import Workplace

SPLIT = "selection"
_MEASURED_AGAIN = (*EXECUTION_METRICS, "generate_")


@dataclass(frozen=True, slots=True)
class Contest:
    """Who was measured again, and who came out first.

    Attributes:
        candidates: In the order that the rule put them in by validation.
        measures: Number -> what was found on the selection functions; empty where there was nothing to choose between.
        chosen: The one that goes on.
        excluded: Number -> constraints that kept a trial from being chosen.
    """

    candidates: tuple[Told, ...]
    measures: Mapping[int, Measure]
    chosen: Told
    excluded: Mapping[int, tuple[str, ...]]


def asked_for(results: Results, number: int) -> Told:
    """A trial that a person wants promoted.

    Raises:
        HarnessError: BAD_INPUT when it is not a completed trial, NO_RESULT when there is none.
    """
    completed = _completed(results)
    told = results.trial(number)
    if told is None or told.ending is not Ending.COMPLETED:
        others = ", ".join(str(one.number) for one in completed) or "none"
        why = f"it ended as {told.ending.value}: {told.reason}" if told else "there is no such trial"
        raise HarnessError(f"trial {number} cannot be promoted", why=why, fix=f"completed trials: {others}")
    return told


def require_promotable(results: Results, number: int | None) -> None:
    """Refuse before anything is opened what cannot be promoted.

    Raises:
        HarnessError: NO_RESULT when nothing has completed, BAD_INPUT when the trial that was named has not.
    """
    _completed(results) if number is None else asked_for(results, number)


def hold(work: Workplace, results: Results) -> Contest | None:
    """Measure the best by validation again and choose among them.

    Returns:
        None when the user interrupted.

    Raises:
        HarnessError: NO_RESULT when nothing has completed or nothing keeps the constraints; as `measure`.
    """
    section, told = work.config.promotion, _completed(results)
    found = rank([Contender(one.number, one.metrics) for one in told], results.objectives, section.chooser(), section.limits())
    if not found.order:
        raise nobody(found.excluded, "on the validation functions")
    candidates = [one for number in found.order[: section.candidates] for one in told if one.number == number]
    if len(candidates) == 1 or not work.materials.data.counts[SPLIT]:
        return Contest(tuple(candidates[:1]), {}, candidates[0], found.excluded)
    measures: dict[int, Measure] = {}
    for one in candidates:
        seen = measure(work, candidate_subject(work, one, SPLIT))
        if seen is None:
            return None
        measures[one.number] = seen
    again = [Contender(one.number, {**one.metrics, **measured_again(measures[one.number])}) for one in candidates]
    best = rank(again, results.objectives, section.chooser(), section.limits())
    if not best.order:
        raise nobody(best.excluded, "on the selection functions")
    return Contest(tuple(candidates), measures, next(one for one in candidates if one.number == best.order[0]), found.excluded)


def candidate_subject(work: Workplace, told: Told, split: str) -> Subject:
    """A trial's adapter on the functions of a split.

    Raises:
        HarnessError: STORAGE when its weights are not those that were trained.
    """
    params = work.config.base_params().merged(told.proposal)
    folder = work.paths.trial_dir(work.ledger.name, f"trial {told.number}")
    adapter, result = folder.adapter_dir, folder.read_result()
    if (adapter / WEIGHTS_FILE).is_file() and result is not None:
        verify(adapter, result.facts.get("adapter_sha256"))
    spec = adapter_spec(work, f"trial {told.number} on {split}", adapter, params, split)
    return Subject(spec, split, params.to_dict(), {"kind": "promotion", "trial": str(told.number)})


def measured_again(found: Measure) -> dict[str, float]:
    """The metrics that writing and running suites gives; those of training stay the trial's own."""
    return {name: value for name, value in found.metrics.items() if name.startswith(_MEASURED_AGAIN)}


def nobody(excluded: Mapping[int, Sequence[str]], where: str) -> HarnessError:
    """The error where the constraints leave nobody."""
    broken = "; ".join(f"trial {number}: {', '.join(texts)}" for number, texts in list(excluded.items())[:5])
    more = f"; and {len(excluded) - 5} more" if len(excluded) > 5 else ""
    return HarnessError(
        "no trial can be chosen",
        why=f"{where}, not kept by {broken}{more}",
        fix="loosen promotion.constraints in the sweep file and run it again, sweep further, or name a trial with --trial",
        code=ExitCode.NO_RESULT,
    )


def _completed(results: Results) -> list[Told]:
    completed = [one for one in results.trials if one.ending is Ending.COMPLETED]
    if not completed:
        raise HarnessError(
            "this study has no front yet",
            why=f"none of its {len(results.trials)} trials has completed",
            fix="run the sweep further; `harness ui` shows why trials ended",
            code=ExitCode.NO_RESULT,
        )
    return completed

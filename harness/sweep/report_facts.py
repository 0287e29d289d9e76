"""What was swept, in facts to read: from the study's sweep file, and from what was noted of data, model and device.

Owns the words. A study from before anything was noted, or whose sweep died first, says what its file says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.console.text import duration, gib
from harness.sweep.summary import Results
from harness.tracking.study_report import Facts

_SHORT = 12  # letters of a digest; the study has the whole
_MOST_VERSIONS = 40
_SECTIONS = ("training", "generation", "evaluation", "guard", "halving", "workers")


def facts_of(config: SweepConfig, about: Mapping[str, Any]) -> dict[str, Facts]:
    """Heading -> facts.

    Args:
        config: The study's sweep file.
        about: As `harness.sweep.about` noted it; empty where it did not.
    """
    dumped = config.without_passwords().model_dump(mode="json")
    space = {name: _range(axis) for name, axis in dumped["space"].items() if axis is not None}
    found: dict[str, Facts] = {
        "Model": _pairs({**about.get("model", {}), "asked for": config.model.name, "dtype": config.model.dtype}),
        "Data": _data(config, about.get("data", {})),
        "Search space": _pairs(space),
        "Objectives": tuple((o.name, o.direction) for o in config.objectives),
        "Search": _pairs(_search(dumped)),
        "Device": _device(config, about.get("device", {})),
        "Made with": _pairs(dict(islice(about.get("made_with", {}).items(), _MOST_VERSIONS))),
    }
    for section in _SECTIONS:
        found[f"All of {section}"] = _pairs(dumped[section])
    return {heading: facts for heading, facts in found.items() if facts}


def spent_of(results: Results, seconds: Sequence[float]) -> Facts:
    """Time and memory.

    Args:
        results: The study read back.
        seconds: Of each trial's processes.
    """
    ended = [told for told in results.trials if told.ended_at is not None]
    peaks = [told.metrics["peak_bytes"] for told in results.trials if "peak_bytes" in told.metrics]
    steps = [told.metrics["steps"] for told in results.trials if "steps" in told.metrics]
    facts = []
    if ended:
        began = min((told.ended_at or 0.0) - told.duration_s for told in ended)
        facts.append(("first trial to last", duration(max(told.ended_at or 0.0 for told in ended) - began)))
    if seconds:
        facts.append(("in trials, one after the other", duration(sum(seconds))))
        facts.append(("longest trial", duration(max(seconds))))
    if steps:
        facts.append(("optimizer steps", f"{sum(steps):.0f}"))
    if peaks:
        facts.append(("highest memory peak", gib(int(max(peaks)))))
        facts.append(("median memory peak", gib(int(sorted(peaks)[len(peaks) // 2]))))
    return tuple(facts)


def limits_of(config: SweepConfig, about: Mapping[str, Any], results: Results, *, promoted: bool) -> tuple[str, ...]:
    """What the figures do not say, in sentences."""
    functions = about.get("data", {}).get("splits", {}).get("validation", {}).get("functions")
    count = f"{functions} validation functions" if functions else "the validation functions"
    test = "The test figures were measured afterwards." if promoted else "No test figures exist: nothing was promoted."
    found = [
        f"Figures of trials are means over {count}; the intervals say how far another draw of functions could move them.",
        f"The trials of the front were chosen by the very figures shown for them, which are therefore too high. {test}",
        "Every trial was trained with one seed: part of a difference between two trials is luck.",
        "A public benchmark may have been part of what the base model was trained on.",
        "Passing tests are not yet good tests: read coverage and mutation score beside the pass rate.",
    ]
    if config.halving.rungs:
        found.append("Trials that were cut early have no figures of a whole training; importances and slices see less of them.")
    if "simulated" in about.get("made_with", {}):
        found.insert(0, "This sweep was simulated: no model was trained and no test was run; every figure is made up.")
    if not results.baselines:
        found.append("The untuned base was not measured in this study: nothing here says what tuning gained.")
    return tuple(found)


def _data(config: SweepConfig, about: Mapping[str, Any]) -> Facts:
    splits = [
        (f"{name} split", f"{split['functions']} functions" + (f", sha256 {split['sha256'][:_SHORT]}" if split["sha256"] else ""))
        for name, split in about.get("splits", {}).items()
    ]
    whole = [("all splits", f"sha256 {about['sha256'][:_SHORT]}")] if about.get("sha256") else []
    asked = config.data.batches or config.data.source
    return (("source", about.get("origin") or str(asked)), *splits, *whole)


def _search(dumped: Mapping[str, Any]) -> dict[str, Any]:
    study, halving = dumped["study"], dumped["halving"]
    rungs = "; ".join(f"{100 * r['training']:.0f} % of training, {_judged(r['validation'])}" for r in halving["rungs"])
    return {
        "sampler": study["sampler"]["name"],
        "trials asked for": study["n_trials"],
        "seed": study["seed"],
        "time limit": None if study["timeout_s"] is None else duration(study["timeout_s"]),
        "rungs below the full training": rungs or "none: every trial is trained whole",
    }


def _judged(share: float) -> str:
    return f"judged by {100 * share:.0f} % of the validation functions" if share else "judged by the validation loss"


def _device(config: SweepConfig, about: Mapping[str, Any]) -> Facts:
    budget = about.get("budget_bytes")
    shown = {"name": about.get("name"), "kind": about.get("kind"), "budget": gib(budget) if budget else config.guard.budget}
    return _pairs(shown)


def _range(axis: Any) -> str:
    if not isinstance(axis, Mapping):
        return str(axis)
    if "choices" in axis:
        return ", ".join(map(str, axis["choices"]))
    step = f", in steps of {axis['step']}" if axis.get("step") not in (None, 1) else ""
    return f"{axis['low']:g} to {axis['high']:g}{' by powers' if axis.get('log') else ''}{step}"


def _pairs(values: Mapping[str, Any]) -> Facts:
    return tuple((name, _text(value)) for name, value in values.items() if value not in (None, "", [], {}))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)

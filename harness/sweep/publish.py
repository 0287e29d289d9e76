"""A measured adapter made public on this machine: registry version, alias, and a PEFT folder anyone can load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.console.json_view import as_json
from harness.console.promotion import CandidateRow, Promotion
from harness.console.text import measured
from harness.study.ledger import Told
from harness.sweep.card_facts import REPORTED, Findings
from harness.sweep.export_trial import export_trial, name_each_other
from harness.sweep.workplace import Workplace
from harness.tracking.champions import CHAMPION, crown
from harness.tracking.registered import Registered
from harness.tracking.registry import Candidate, adapter_sha256, register


def publish(work: Workplace, trial: Told, told: Promotion, found: Mapping[str, Mapping[str, float]]) -> Promotion:
    """Export the adapter of a trial, register it, and move the alias.

    Args:
        work: The sweep.
        trial: The chosen one.
        told: How it was chosen and what it has shown.
        found: ``tuned`` and ``untuned``: metrics on the test functions.

    Returns:
        The same with where it is now.
    """
    out = work.paths.adapters / told.name / f"{work.ledger.name}-trial-{trial.number}"
    base = {"untuned, zero-shot": found["untuned"]}
    folder = export_trial(work, trial, out, Findings(found["tuned"], base, _chosen(told), f"{told.chosen} on test"))
    reported = {key: value for key, value in found["tuned"].items() if key.startswith(REPORTED)}
    tags = _tags(work, trial, told, folder)
    candidate = Candidate(folder, trial.run_id or "", reported, tags, _description(tags, told))
    version = register(work.store, told.name, candidate)
    return _crowned(work, trial, told, (version.number, str(folder)))


def confirm(work: Workplace, trial: Told, told: Promotion, version: Registered) -> Promotion:
    """What is champion already stays as it was promoted: only links and aliases that are missing are made.

    Returns:
        The same with where it is.
    """
    return _crowned(work, trial, told, (version.number, version.tags["folder"]))


def _crowned(work: Workplace, trial: Told, told: Promotion, where: tuple[int, str]) -> Promotion:
    """Have all that belongs to a version name it, and the alias point at it; `where` is its number and its folder."""
    number, folder = where
    name_each_other(work.store, told.name, number)
    crown(work.store, told.name, number)
    if trial.run_id:
        work.tracker.tag_run(trial.run_id, {"promoted_as": f"{told.name}/{number}"})
    return replace(told, version=str(number), alias=CHAMPION, folder=folder)


def _chosen(told: Promotion) -> dict[str, str]:
    """For the model card."""
    said = {"rule": told.rule}
    if told.selection_functions:
        said["candidates"] = "; ".join(_in_words(row) for row in told.candidates)
        said["scored again on"] = f"{told.selection_functions} selection functions, which steered nothing"
    said["compared with"] = f"{told.opponent}, on {told.functions} test functions: {told.reason}"
    if told.flattery:
        said["score to report"] = f"{_expected(told)}: as measured, less what it owes to having been chosen by these figures"
    said["test functions"] = f"have decided about this model {told.test_uses} time{'s' * (told.test_uses != 1)}"
    return {**said, "by force": "the gain was not shown"} if told.forced else said


def _expected(told: Promotion) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in told.expected().items())


def _in_words(row: CandidateRow) -> str:
    figures = ", ".join(f"{name} {measured(name, figure)}" for name, figure in row.selection.items())
    return f"{row.label}{' (chosen)' if row.chosen else ''}: {figures}"


def _tags(work: Workplace, trial: Told, told: Promotion, folder: Path) -> dict[str, str]:
    return {
        "study": work.ledger.name,
        "trial": str(trial.number),
        "base_model": work.materials.model.public_id,
        "quantization": work.config.base_params().merged(trial.proposal).quantization.value,
        "test_digest": work.materials.data.digests["test"],
        "test_functions": str(told.functions),
        "folder": str(folder),
        "chosen_by": told.rule,
        "compared_with": told.opponent,
        "gain": told.reason,
        "forced": str(told.forced).lower(),
    }


def _description(tags: Mapping[str, str], told: Promotion) -> str:
    """For the version's page in MLflow."""
    rows = [
        f"| {name} | {measured(name, ours)} | {measured(name, told.opponent_tested.get(name))} |"
        for name, ours in told.tested.items()
    ]
    table = "\n".join([f"| on {told.functions} test functions | this | {told.opponent} |", "|---|---|---|", *rows])
    forced = " Promoted by force: the gain was not shown." if told.forced else ""
    expected = (
        f" To report, less what it owes to having been chosen by these figures: {_expected(told)}." if told.flattery else ""
    )
    return (
        f"LoRA adapter for {tags['base_model']}: trial {tags['trial']} of the study {tags['study']}.\n\n{table}\n\n"
        f"Chosen by: {told.rule}. Compared with {told.opponent}: {told.reason}.{forced}{expected}\n\n"
        f"`harness generate FILE.py --writer {told.name}` writes tests with the champion; "
        f"`harness show {told.name}` says where it comes from. PEFT folder: `{tags['folder']}`\n"
    )


def note(work: Workplace, trial: Told, told: Promotion) -> None:
    """Keep with the study and its run how a promotion went, whichever way."""
    record = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **as_json(told)}
    work.ledger.note("promotion", record)
    work.tracker.log_json(work.tracker.sweep_run, "promotion.json", record)
    if told.promoted and told.folder and told.version:
        kept = {"trial": trial.number, "name": told.name, "version": int(told.version), "folder": told.folder}
        work.ledger.note("promoted", {**kept, "adapter_sha256": adapter_sha256(Path(told.folder))})
    ended = f"{told.name}/{told.version}" if told.promoted else f"refused: {told.reason}"
    work.tracker.tag_run(work.tracker.sweep_run, {"promotion": ended})

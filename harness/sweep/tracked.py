"""The sweep's own MLflow run: made, taken up again, and closed with the front and its plots."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from harness.core.outcome import Ending, Outcome
from harness.sweep.about import note_about
from harness.sweep.search_record import search_record
from harness.sweep.summary import Results
from harness.sweep.workplace import Workplace
from harness.tracking.datasets import Split
from harness.tracking.provenance import provenance_tags

_LEFT = Outcome(Ending.INTERRUPTED, "the sweep was left before its end")


def start_tracking(work: Workplace) -> None:
    """Make or take up the parent run; close the runs that a killed sweep left open and that belong to no open trial."""
    _clear_uploads(work)
    note_about(work)
    earlier = work.ledger.noted("sweep_run")
    if earlier:
        work.tracker.resume_sweep(earlier)
        work.tracker.close_orphans(opened.run_id for opened in work.ledger.open_trials() if opened.run_id)
        return
    data, config = work.materials.data, work.config
    splits = [Split(name, data.digests[name], data.origin, data.counts[name], data.manifest_digest) for name in data.files]
    resolved = config.without_passwords().model_dump(mode="json")
    fixed = {f"{section}.{k}": v for section in ("model", "data", "generation") for k, v in resolved[section].items()}
    seen = {"seed": str(config.study.seed), "device": work.materials.probe.device_name, "memory_profile": work.materials.profile}
    tags = {**provenance_tags(work.paths.folder.parent), **seen, **work.tags}
    text = yaml.safe_dump(resolved, sort_keys=False)
    run_id = work.tracker.start_sweep(work.ledger.name, params=fixed, tags=tags, config_text=text, datasets=splits)
    work.ledger.note("sweep_run", run_id)
    work.tracker.offer_view(work.objectives, [name for name, axis in resolved["space"].items() if axis is not None])


def _clear_uploads(work: Workplace) -> None:
    """What MLflow was storing when its process died lies under a temporary name, which its UI would show."""
    for run_id in work.tracker.running():
        for half in (work.paths.artifacts / run_id).rglob(".artifact.uploading.*"):
            half.unlink(missing_ok=True)


def finish_tracking(work: Workplace, outcome: Outcome) -> None:
    """Draw what there is to see and close the parent run."""
    results = Results.read(work.ledger, work.config)
    work.tracker.finish_sweep(results.points(), results.objectives, outcome, search_record(work.ledger, work.config, results))


def reopen_tracking(work: Workplace) -> Callable[[], None]:
    """Take up the parent run of a sweep for one more child; returns what closes it again, as it had ended before."""
    run_id = work.ledger.noted("sweep_run")
    if run_id is None:
        start_tracking(work)
        return lambda: finish_tracking(work, _LEFT)
    ended = work.tracker.ending_of(run_id) or _LEFT
    work.tracker.resume_sweep(run_id)
    return lambda: finish_tracking(work, ended)

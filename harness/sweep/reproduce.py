"""What `harness reproduce` does: train the trial behind an adapter again, cold, and compare the weights bit by bit.

Nothing but the lineage decides what is trained: neither the study nor the trial's folder has to exist any more. What would make
the result another one is looked at before; what may (the processor, the number of cores) is said afterwards.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Difference, Lineage, differences
from harness.core.params import TrialParams
from harness.core.prompt_template import Template
from harness.data.models import ResolvedModel
from harness.data.prepared.prepare import PreparedData
from harness.files.adapter_files import WEIGHTS_FILE, write_checksums
from harness.files.cache import default_cache_root
from harness.files.processor import processor_name
from harness.files.template_files import load_template
from harness.sweep.asked_data import asked_data
from harness.sweep.lineage import base_used
from harness.sweep.located import locate
from harness.sweep.out_folder import checked_out
from harness.sweep.paths import Paths
from harness.sweep.traced import Papers, base_model, papers_of, versions_now
from harness.sweep.watched import Around, Job, run_watched
from harness.sweep.weights import largest_difference
from harness.tracking.export import swapped_in
from harness.trial.examples import adapter_wording
from harness.trial.spec import GenerateSpec, ModelSpec, TrainSpec, TrialSpec
from harness.trial.trial_dir import TrialDir


@dataclass(frozen=True, slots=True)
class ReproduceAsked:
    """What to train again.

    Attributes:
        given: An adapter folder or a registered version.
        paths: Whose stores are looked at.
        out: Where the new adapter goes; None keeps none.
        anyway: Train even where data, base or packages are not what they were.
        base: Where the base model is now; None looks where it was.
        overwrite: Replace an earlier export at `out`.
    """

    given: str
    paths: Paths
    out: Path | None = None
    anyway: bool = False
    base: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Reproduced:
    """An adapter that was trained again.

    Attributes:
        lineage: Of the first one.
        found: sha256 of the new weights, hex.
        differs: What is not as it was.
        largest: Largest difference between two weights; None where the shapes differ, or nothing does.
        seconds: Of training.
        out: Where the new adapter is; None where none was asked for.
    """

    lineage: Lineage
    found: str
    differs: tuple[Difference, ...]
    largest: float | None
    seconds: float
    out: Path | None

    @property
    def equal(self) -> bool:
        """Whether the weights are the same to the last bit."""
        return self.found == self.lineage.adapter_sha256

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {
            "equal": self.equal,
            "expected": self.lineage.adapter_sha256,
            "found": self.found,
            "largest_difference": self.largest,
            "differs": [str(one) for one in self.differs],
            "train_s": round(self.seconds, 2),
            "study": self.lineage.study,
            "trial": self.lineage.trial,
            "out": None if self.out is None else str(self.out),
        }


@dataclass(frozen=True, slots=True)
class _Ground:
    """What it is trained on now, and what of it is not as it was."""

    data: PreparedData
    model: ResolvedModel
    template: Template
    differs: tuple[Difference, ...]


def reproduce(asked: ReproduceAsked, around: Around) -> Reproduced:
    """Train again and compare.

    Raises:
        HarnessError: as `locate`, `papers_of` and `run_watched`; CONFLICT where data, base or packages are not what they were.
    """
    located = locate(asked.given, asked.paths, around.environ)
    out = asked.out and checked_out(asked.out, located, asked.paths, overwrite=asked.overwrite)
    papers = papers_of(located, asked.paths, around.environ)
    _require_whole_story(papers)
    ground = _ground(papers, located.folder, asked.base, around)
    if ground.differs and not asked.anyway:
        raise HarnessError(
            f"{asked.given} would not come out the same",
            why="; ".join(map(str, ground.differs)),
            fix="restore them, or train all the same with --anyway",
            code=ExitCode.CONFLICT,
        )
    with tempfile.TemporaryDirectory(prefix="harness-reproduce-", dir=out.parent if out else None) as scratch:
        folder = TrialDir(Path(scratch) / "process")
        folder.write_spec(_spec(papers.lineage, ground, Path(scratch), around.environ))
        job = Job("harness.trial", folder, papers.lineage.machine.device, "the adapter could not be trained again")
        result = run_watched(job, around)
        found = result.facts["adapter_sha256"]
        largest = None
        if found != papers.lineage.adapter_sha256:
            largest = largest_difference(located.folder / WEIGHTS_FILE, folder.adapter_dir / WEIGHTS_FILE)
        if out is not None:
            _keep(folder.adapter_dir, out)
        differs = (*ground.differs, *_around_it(papers.lineage, result.facts))
        return Reproduced(papers.lineage, found, differs, largest, result.metrics.get("train_runtime_s", 0.0), out)


def _require_whole_story(papers: Papers) -> None:
    """Some adapters have a history that one training cannot repeat."""
    lineage, why = papers.lineage, None
    if not papers.provenance.sweep:
        why = "the sweep file is not beside it"
    elif lineage.started_from is not None:
        why = f"its training went on from another adapter ({lineage.started_from[:16]}...)"
    elif SweepConfig.model_validate_json(papers.provenance.sweep).data.batches is not None:
        why = "its training data are batches that were put together for a step"
    if why is not None:
        fix = "only adapters of an ordinary sweep can be: see docs/adapters.md"
        raise HarnessError("this adapter cannot be trained again on its own", why=why, fix=fix, code=ExitCode.CONFLICT)


def _ground(papers: Papers, folder: Path, base: str | None, around: Around) -> _Ground:
    lineage = papers.lineage
    config = SweepConfig.model_validate_json(papers.provenance.sweep)
    data = asked_data(config, default_cache_root(around.environ), around.say)
    model = base_model(lineage, base, around.environ)
    now = base_used(lineage.base.name, model)
    wording = adapter_wording(folder)
    template = wording.template if wording else load_template(str(lineage.settings["prompt_template"]))
    then_base = {"revision": lineage.base.revision or "", "weights": lineage.base.sha256 or ""}
    now_base = {"revision": now.revision or "", "weights": now.sha256 or ""}
    return _Ground(
        data,
        model,
        template,
        (
            *differences(lineage.versions, versions_now(lineage)),
            *differences(_short(lineage.data.digests), _short(data.digests), "data: "),
            *differences(_short(then_base), _short(now_base), "base model: "),
            *differences({"prompt": lineage.prompt.digest[:16]}, {"prompt": template.digest[:16]}),
        ),
    )


def _short(digests: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{digest[:16]}..." for name, digest in digests.items() if digest}


def _around_it(lineage: Lineage, facts: Mapping[str, str]) -> tuple[Difference, ...]:
    """What may change the last bits: the machine."""
    was = {"processor": lineage.machine.cpu, "device": lineage.machine.name}
    now = {"processor": processor_name(), "device": facts.get("device_name", "")}
    if lineage.machine.threads:
        was["threads"], now["threads"] = str(lineage.machine.threads), facts.get("threads", "")
    return differences(was, now)


def _spec(lineage: Lineage, ground: _Ground, scratch: Path, environ: Mapping[str, str]) -> TrialSpec:
    """trial.json of the same training; nothing is written with the adapter afterwards."""
    nothing = scratch / "no-functions.jsonl"
    nothing.write_text("", "utf-8")
    data, model, words = ground.data, ground.model, ground.template.to_dict()
    train_files = tuple(map(str, data.train_files))
    train = TrainSpec(
        params=TrialParams.from_dict(lineage.settings),
        train_files=train_files,
        validation_file=str(data.files["validation"]),
        template=words,
        token_cache=str(default_cache_root(environ) / "tokens"),
        **lineage.training,
    )
    return TrialSpec(
        "reproduction",
        lineage.seed,
        ModelSpec(path=model.path, public_id=lineage.base.public_id, revision=model.revision, **lineage.loading),
        GenerateSpec(str(nothing), example_files=train_files, template=words),
        train,
        threads=lineage.machine.threads if lineage.machine.device == "cpu" else 0,
    )


def _keep(adapter: Path, out: Path) -> None:
    def fill(building: Path) -> None:
        for file in adapter.iterdir():
            shutil.copyfile(file, building / file.name)
        write_checksums(building)

    swapped_in(out, fill)


def reproduce_command(asked: ReproduceAsked, around: Around, echo: Callable[[str], None], *, as_json: bool) -> ExitCode:
    """Train again, and say how it came out.

    Returns:
        CONFLICT when the weights are not the same.

    Raises:
        HarnessError: as `reproduce`.
    """
    done = reproduce(asked, around)
    around.say("")
    if as_json:
        echo(json.dumps(done.to_dict()))
    else:
        for line in _said(done):
            echo(line)
    return ExitCode.OK if done.equal else ExitCode.CONFLICT


def _said(done: Reproduced) -> list[str]:
    lineage = done.lineage
    head = f"trial {lineage.trial} of {lineage.study} was trained again in {done.seconds:.0f} s"
    lines = [f"{head}: " + ("the same adapter, bit by bit" if done.equal else "another adapter came out")]
    lines += [f"  sha256 expected  {lineage.adapter_sha256}", f"  sha256 found     {done.found}"]
    if not done.equal and done.largest is not None:
        lines.append(f"  largest difference of a weight  {done.largest:.3g}")
    lines += [f"  differs: {one}" for one in done.differs]
    if not done.equal and not done.differs:
        lines.append("  nothing that is known differs; sums on a GPU need not come in one order")
    return [*lines, f"  written to {done.out}"] if done.out else lines

"""What `harness export` does: an adapter as a folder to pass on, in PEFT's form or merged into its base model.

Owns the order: where it is, where it may go, whether there is memory for it, then all of the folder or nothing. The merging
itself happens in a process of its own (`harness.trial.merging`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.console.text import gib
from harness.core.errors import ExitCode, HarnessError
from harness.data.models import ResolvedModel
from harness.files.adapter_files import sha256_of
from harness.sweep.lineage import other_weights
from harness.sweep.located import Located, locate
from harness.sweep.out_folder import checked_out
from harness.sweep.paths import Paths
from harness.sweep.traced import Papers, base_model, papers_of
from harness.sweep.watched import Around, Job, free_budget, run_watched
from harness.tracking.export import export_adapter, swapped_in, write_papers
from harness.trial.merging import AUTO, MergeSpec
from harness.trial.trial_dir import PROMPT_FILE, TrialDir

_LIBRARIES_BYTES = 700 << 20
"""Torch, transformers and peft, before anything is loaded."""
_WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class ExportAsked:
    """What is passed on.

    Attributes:
        given: An adapter folder or a registered version.
        paths: Whose stores are looked at.
        out: Where to.
        merged: A whole model rather than an adapter.
        dtype: Of a merged model's weights; ``auto`` is the base's own.
        base: Where the base model is now; None looks where it was.
        overwrite: Replace an earlier export at `out`.
    """

    given: str
    paths: Paths
    out: Path
    merged: bool = False
    dtype: str = AUTO
    base: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        out: The folder.
        merged: A whole model rather than an adapter.
        lineage_sha256: sha256 of the adapter's weights, hex.
        notes: What is worth knowing, in words.
    """

    out: Path
    merged: bool
    lineage_sha256: str
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping, with the hash of every file."""
        files = {path.name: sha256_of(path) for path in sorted(self.out.iterdir()) if path.is_file()}
        told = {"out": str(self.out), "form": "merged" if self.merged else "peft", "adapter_sha256": self.lineage_sha256}
        return {**told, "notes": list(self.notes), "files": files}


def export(asked: ExportAsked, around: Around) -> Exported:
    """Write the folder, all or nothing.

    Raises:
        HarnessError: as `locate`, `papers_of`, `checked_out` and `run_watched`; NO_MEMORY where merging would not fit.
    """
    if asked.dtype != AUTO and not asked.merged:
        why = "an adapter keeps the numbers it was trained in"
        raise HarnessError("--dtype needs --merged", why=why, fix="leave --dtype out, or add --merged")
    located = locate(asked.given, asked.paths, around.environ)
    out = checked_out(asked.out, located, asked.paths, overwrite=asked.overwrite)
    papers = papers_of(located, asked.paths, around.environ)
    notes = _merge(located, papers, (asked, out), around) if asked.merged else ()
    if not asked.merged:
        export_adapter(located.folder, out, papers.card, papers.provenance)
    return Exported(out, asked.merged, papers.lineage.adapter_sha256, notes)


def _merge(located: Located, papers: Papers, to: tuple[ExportAsked, Path], around: Around) -> tuple[str, ...]:
    asked, out = to
    model = base_model(papers.lineage, asked.base, around.environ)
    require_room(model, around)
    _require_same_base(papers, model)

    def fill(building: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="harness-merge-") as scratch:
            folder = TrialDir(Path(scratch))
            public = papers.lineage.base.public_id
            spec = MergeSpec(model.path, model.revision, str(located.folder), str(building), asked.dtype, public)
            spec.write(folder)
            run_watched(Job("harness.trial.merging", folder, "cpu", "the adapter could not be merged"), around)
        if (located.folder / PROMPT_FILE).is_file():
            shutil.copyfile(located.folder / PROMPT_FILE, building / PROMPT_FILE)
        write_papers(building, papers.card, papers.provenance, merged=True)

    swapped_in(out, fill)
    quantization = papers.card.settings.get("quantization", "none")
    if quantization == "none":
        return ()
    return (f"it was trained over a base in {quantization}, and is merged into the unquantized one: measure it before use",)


def _require_same_base(papers: Papers, model: ResolvedModel) -> None:
    """An adapter over other weights than it was trained on is another model."""
    if why := other_weights(papers.lineage.base, model):
        raise HarnessError(
            f"{model.path} is not the base model that the adapter was trained on",
            why=why,
            fix="name the right one with --base",
            code=ExitCode.CONFLICT,
        )


def require_room(model: ResolvedModel, around: Around) -> None:
    """Refuse a merge that would not fit: in fp32 the base takes four bytes a weight, whatever it is stored in.

    Args:
        model: The base. A hub id's size is not known before it is loaded: it is watched only.
        around: Environment.

    Raises:
        HarnessError: NO_MEMORY.
    """
    folder = Path(model.path)
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder.is_dir() else 0
    own = str(model.config.get("dtype") or model.config.get("torch_dtype") or "float32")
    needed = stored // _WIDTHS.get(own, 4) * 4 + _LIBRARIES_BYTES
    budget = free_budget("cpu", around.environ)
    if stored and needed > budget.bytes:
        raise HarnessError(
            "merging would not fit into memory",
            why=f"it needs about {gib(needed)} in fp32, {gib(budget.bytes)} may be taken",
            fix="end what fills the memory, or pass the adapter on without --merged",
            code=ExitCode.NO_MEMORY,
        )


def export_command(asked: ExportAsked, around: Around, echo: Callable[[str], None], *, as_json: bool) -> ExitCode:
    """Write the folder, and say what it is.

    Raises:
        HarnessError: as `export`.
    """
    done = export(asked, around)
    around.say("")
    if as_json:
        echo(json.dumps(done.to_dict()))
        return ExitCode.OK
    echo(f"wrote {done.out}: {'a merged model for transformers' if done.merged else 'an adapter for PEFT'}")
    for note in done.notes:
        echo(f"note: {note}")
    echo("README.md says how to use it; `sha256sum -c checksums.sha256` checks it")
    return ExitCode.OK

"""What `harness show` does: gather all that belongs to an adapter, and say which of it is no longer there.

Owns the gathering. How it reads on a screen is `harness.sweep.show_text`'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Lineage
from harness.core.measured import Measured
from harness.files.adapter_files import WEIGHTS_FILE, sha256_of, verify
from harness.files.places import expanded
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.card_facts import figures
from harness.sweep.located import Located, locate
from harness.sweep.paths import Paths
from harness.sweep.show_text import text_of
from harness.sweep.traced import Papers, papers_of
from harness.tracking.registered import Registered
from harness.tracking.versions import Registry


@dataclass(frozen=True, slots=True)
class Shown:
    """An adapter and everything around it.

    Attributes:
        given: As it was asked for.
        folder: Where it lies.
        sha256: Of its weights, hex.
        version: What it is in the registry; None where it is not registered.
        lineage: Where it comes from; None where nothing says so.
        title: A line on what it is.
        licence: Of the adapter.
        scores: Metric -> what it reached on the test functions.
        broken: Links that lead nowhere, in words.
        reproduce: The command that trains it again; None where nothing says how.
    """

    given: str
    folder: Path
    sha256: str
    version: Registered | None
    lineage: Lineage | None
    title: str
    licence: str
    scores: Mapping[str, Measured]
    broken: tuple[str, ...]
    reproduce: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        version = self.version
        return {
            "given": self.given,
            "folder": str(self.folder),
            "adapter_sha256": self.sha256,
            "registered": None
            if version is None
            else {"name": version.name, "version": version.number, "aliases": version.aliases, "model_id": version.model_id},
            "scores": {name: [m.value, m.low, m.high] for name, m in self.scores.items()},
            "licence": self.licence,
            "lineage": self.lineage.to_dict() if self.lineage else None,
            "broken": list(self.broken),
            "reproduce": self.reproduce,
        }


def show_command(given: str, paths: Paths, place: str, echo: Callable[[str], None], *, as_json: bool) -> ExitCode:
    """Print an adapter's lineage.

    Args:
        given: An adapter folder, or a registered version.
        paths: Whose stores are looked at.
        place: Options that name those stores, as they stand in the command that trains it again.
        echo: Prints a line.
        as_json: One JSON object.

    Raises:
        HarnessError: as `locate`.
    """
    shown = gather(given, paths, place, dict(os.environ))
    if as_json:
        echo(json.dumps(shown.to_dict()))
    else:
        for line in text_of(shown):
            echo(line)
    return ExitCode.OK


def gather(given: str, paths: Paths, place: str, environ: Mapping[str, str]) -> Shown:
    """All that is known of an adapter.

    Raises:
        HarnessError: as `locate`; whatever else is missing is in `Shown.broken`.
    """
    located = locate(given, paths, environ)
    sha256 = sha256_of(located.folder / WEIGHTS_FILE)
    broken: list[str] = []
    registry = _registry(paths, broken)
    version = located.version or _registered(registry, sha256, broken)
    seen = Located(located.folder, version, located.lineage)
    papers = _papers(seen, paths, environ, broken)
    lineage = papers.lineage if papers else None
    broken += _broken_links(seen, lineage, registry, paths)
    scores = {**(version.scores() if version else {}), **(lineage.test if lineage else {})}
    return Shown(
        given=given,
        folder=located.folder,
        sha256=sha256,
        version=version,
        lineage=lineage,
        title=f"a LoRA adapter for {lineage.base.public_id}" if lineage else "a LoRA adapter of unknown origin",
        licence=papers.card.license if papers else "unknown",
        scores=figures(scores),
        broken=tuple(broken),
        reproduce=f"harness reproduce {given}{place}" if lineage else None,
    )


def _registry(paths: Paths, broken: list[str]) -> Registry | None:
    try:
        return Registry.at(paths.tracking_uri)
    except HarnessError as error:
        broken.append(f"registry: {error.what}")
        return None


def _registered(registry: Registry | None, sha256: str, broken: list[str]) -> Registered | None:
    try:
        return registry.with_weights(sha256) if registry else None
    except HarnessError as error:
        broken.append(f"registry: {error.what}: {error.why}")
        return None


def _papers(located: Located, paths: Paths, environ: Mapping[str, str], broken: list[str]) -> Papers | None:
    try:
        return papers_of(located, paths, environ)
    except HarnessError as error:
        broken.append(f"lineage: {error.what}: {error.why}")
        return None


def _broken_links(located: Located, lineage: Lineage | None, registry: Registry | None, paths: Paths) -> Iterator[str]:
    version = located.version
    if version is not None and version.tags.get("folder"):
        yield from _folder_broken(Path(version.tags["folder"]), version)
    run_id = (lineage.run_id if lineage else None) or (version.run_id if version else None)
    if registry is not None and run_id and (why := registry.run_gone(run_id)):
        yield f"MLflow run {run_id}: {why}"
    if registry is not None and version is not None and version.model_id and (why := registry.model_gone(version.model_id)):
        yield f"logged model {version.model_id}: {why}"
    if version is not None and lineage is not None and lineage.run_id and version.run_id not in ("", lineage.run_id):
        yield f"the registry names run {version.run_id}, the folder run {lineage.run_id}"
    if lineage is not None:
        if why := study_gone(lineage.study, lineage.trial, paths):
            yield f"study {lineage.study}, trial {lineage.trial}: {why}"
        if lineage.base.sha256 and not lineage.base.name.startswith("quickstart:") and not expanded(lineage.base.name).is_dir():
            yield f"base model {lineage.base.name}: the folder is gone"


def _folder_broken(folder: Path, version: Registered) -> Iterator[str]:
    if not folder.is_dir():
        yield f"exported folder {folder}: it is gone; the registry's own copy is used"
        return
    try:
        verify(folder, version.adapter_sha256 or None)
    except HarnessError as error:
        yield f"exported folder {folder}: {error.what.rpartition('/')[2]}: {error.why}; the registry's own copy is used"


def study_gone(study: str, trial: int, paths: Paths) -> str | None:
    """Why a trial cannot be looked at in its study, in words; None where it can."""
    try:
        paths.require_study_store()
        storage = open_storage(paths.study_url)
        with translated(paths.study_url):
            numbers = {told.number for told in load_ledger(storage, study).told()}
    except HarnessError as error:
        return error.what
    return None if trial in numbers else "the study has no such trial"

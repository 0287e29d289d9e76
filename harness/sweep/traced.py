"""The papers of an adapter that was located: lineage, sweep file and card, from its folder or put together from its study.

An adapter that a promotion exported carries them. One that lies in a trial's folder, or that an older version promoted, does
not: then study, trial folder, data and base model are read again, and have to be there.
"""

from __future__ import annotations

import contextlib
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import __version__
from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Lineage
from harness.data.models import ResolvedModel, resolve_model
from harness.files.adapter_files import LINEAGE_FILE, WEIGHTS_FILE, read_record, read_sweep_text, sha256_of
from harness.files.cache import default_cache_root
from harness.files.places import expanded
from harness.sweep.card_facts import Findings, card_facts
from harness.sweep.export_trial import licence_text
from harness.sweep.lineage import reopened, trial_lineage
from harness.sweep.located import Located
from harness.sweep.paths import Paths
from harness.tracking.card_facts import CardFacts
from harness.tracking.export import LICENCE_FILE, Provenance

_TRIAL = re.compile(r"trial-(\d+)")


@dataclass(frozen=True, slots=True)
class Papers:
    """What goes with an adapter.

    Attributes:
        provenance: Lineage, sweep file, licence.
        card: Values of its card.
        carried: They lay beside the adapter; else they were put together from the study.
    """

    provenance: Provenance
    card: CardFacts
    carried: bool

    @property
    def lineage(self) -> Lineage:
        """Where it comes from."""
        return self.provenance.lineage


def papers_of(located: Located, paths: Paths, environ: Mapping[str, str]) -> Papers:
    """The papers of an adapter.

    Raises:
        HarnessError: the folder carries none, and study, data or base model they would be put together from are gone;
            CONFLICT where the trial has other weights by now.
    """
    if located.lineage is not None:
        return _carried(located.folder, located.lineage)
    named = _named(located, paths)
    if named is None:
        raise HarnessError(
            f"{located.folder} does not say where it comes from",
            why=f"there is no {LINEAGE_FILE} beside it, and it is not in a trial's folder of {paths.folder}",
            fix="name a version of the registry, or an adapter that harness exported",
        )
    return _rebuilt(located, named, paths, environ)


def _carried(folder: Path, lineage: Lineage) -> Papers:
    record, licence = read_record(folder) or {}, folder / LICENCE_FILE
    try:
        card = CardFacts.from_dict(record["card"])
    except (KeyError, ValueError) as error:
        why = f"its card: {type(error).__name__}: {error}"
        fix = "export the adapter again"
        raise HarnessError(f"{folder / LINEAGE_FILE} is not whole", why=why, fix=fix, code=ExitCode.STORAGE) from error
    text = licence.read_text("utf-8", "replace") if licence.is_file() else ""
    return Papers(Provenance(lineage, read_sweep_text(folder) or "", text), card, carried=True)


def _named(located: Located, paths: Paths) -> tuple[str, int] | None:
    """Study and trial of an adapter without papers: as its version is tagged, else as its folder lies."""
    tags = located.version.tags if located.version else {}
    if "study" in tags and tags.get("trial", "").isdecimal():
        return tags["study"], int(tags["trial"])
    folder = located.folder.resolve()
    lies = _TRIAL.fullmatch(folder.parent.name)
    if lies and folder.parent.parent.parent == paths.trials.resolve():
        return folder.parent.parent.name, int(lies[1])
    return None


def _rebuilt(located: Located, named: tuple[str, int], paths: Paths, environ: Mapping[str, str]) -> Papers:
    opened = reopened(*named, paths, environ)
    parts, told = opened.parts, opened.told
    scores = located.version.scores() if located.version else {}
    lineage = trial_lineage(parts, told, scores)
    found = sha256_of(located.folder / WEIGHTS_FILE)
    if found != lineage.adapter_sha256:
        raise HarnessError(
            f"{named[0]} trial {named[1]} has other weights than {located.version or located.folder}",
            why=f"sha256 {lineage.adapter_sha256[:16]}... in the trial's folder, {found[:16]}... here",
            fix="the trial was trained again since: promote it once more",
            code=ExitCode.CONFLICT,
        )
    label = f"trial {told.number} on test" if scores else ""
    untuned = {"untuned, zero-shot": opened.untuned} if scores and opened.untuned else {}
    card = card_facts(parts, told, Findings(scores, untuned, label=label))
    return Papers(Provenance(lineage, parts.sweep_text(), licence_text(parts.model)), card, carried=False)


def base_name(lineage: Lineage) -> str:
    """What the base can be loaded by here: the name in the sweep file, or the public id where that folder is gone."""
    local = lineage.base.sha256 is not None and not lineage.base.name.startswith("quickstart:")
    return lineage.base.public_id if local and not expanded(lineage.base.name).is_dir() else lineage.base.name


def base_model(lineage: Lineage, given: str | None, environ: Mapping[str, str]) -> ResolvedModel:
    """The base model, ready to load.

    Args:
        lineage: Of the adapter.
        given: Where it is now; None looks where it was.
        environ: Says where the cache is.

    Raises:
        HarnessError: ENVIRONMENT when it is gone.
    """
    name = given or base_name(lineage)
    revision = lineage.base.revision if name == lineage.base.name else None
    try:
        return resolve_model(name, revision, default_cache_root(environ))
    except HarnessError as error:
        raise HarnessError(
            f"the base model {lineage.base.public_id} cannot be had",
            why=f"{error.what}: {error.why}",
            fix="name it with --base: a folder, or a hub id",
            code=error.code if given else ExitCode.ENVIRONMENT,
        ) from error


def versions_now(lineage: Lineage) -> dict[str, str]:
    """The packages that a lineage names, as they are installed here."""
    found = {"harness": __version__, "python": platform.python_version()}
    for name in lineage.versions.keys() - found.keys():
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found

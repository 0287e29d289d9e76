"""Owns the opening of data sets with the library `datasets`: on the Hugging Face Hub, in its cache, or in a local folder.

Rows are streamed, or read from memory-mapped files; none is held. What a row means is a layout's business. The library imports
torch where it is installed, which this process must not: it is told that there is none.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from harness.core.errors import ExitCode, HarnessError
from harness.data.sources.rows import Row, SourceOptions
from harness.files.places import expanded

ANSWER_S = 15
"""Seconds to wait for the hub's first answer; the library's own retries would take half a minute to say the same."""
_HUB_NAME = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w./-]+))?(?::(?P<config>[\w.-]+))?")
_LOCAL_COPY = "point at a local copy: hf:./FOLDER (saved by `datasets`, or with Parquet or JSON Lines files), or parquet:FILE"
# The library's own errors, pyarrow's and those of files of another kind are all of these; the last comes from a card's header.
_FAILURES = (OSError, ValueError, TypeError, KeyError, RuntimeError, yaml.YAMLError)
_DEFAULT = "train"
_KEPT_BY_LIBRARY = ("cache-", "tmp", ".", "state.json")


@dataclass(frozen=True, slots=True)
class HfRows:
    """One split of a data set.

    Attributes:
        name: As the user wrote it, without ``hf:``.
        columns: Their names; empty where the first row has to be read to know them.
        origin: Name and revision, or the folder's name.
        licence: As its card says, lower case as on the hub; ``unknown`` without.
        split: The chosen one.
        data: What `datasets` opened.
        identity: What `digest` is made of: a revision, or a local folder.
    """

    name: str
    columns: tuple[str, ...]
    origin: str
    licence: str
    split: str
    data: Any
    identity: str | Path

    def rows(self) -> Iterator[Row]:
        """The rows in order, from the first one each time.

        Raises:
            HarnessError: when a row cannot be read: ENVIRONMENT if the connection is lost, else BAD_INPUT. Rows never just end.
        """
        number = 0
        place = f"hf:{self.origin.split('@')[0]}#{self.split}"  # without the folders above a local one
        try:
            for number, values in enumerate(self.data, 1):
                yield Row(f"{place}, row {number}", values)
        except (ConnectionError, TimeoutError) as error:
            raise _unusable(self.name, f"the connection was lost after row {number}: {_first(error)}", _LOCAL_COPY) from error
        except _FAILURES as error:
            fix = "read the files with jsonl:FILE or parquet:FILE, which name the broken row and go on behind it"
            why = f"`datasets` stops after row {number}: {_first(error)}"
            raise HarnessError(f"cannot read hf:{self.name}", why=why, fix=fix) from error

    def count(self) -> int | None:
        """The number of rows where the data set says it without being read; else None."""
        if hasattr(self.data, "num_rows"):
            return int(self.data.num_rows)
        found = (self.data.info.splits or {}).get(self.split)
        return int(found.num_examples) if found is not None and found.num_examples else None

    def digest(self) -> str:
        """sha256, hex: of the revision on the hub, or of the bytes of all files of the folder; and of the split."""
        digest = hashlib.sha256(f"hf:{self.split}\n".encode())
        if isinstance(self.identity, str):
            digest.update(self.identity.encode())
            return digest.hexdigest()
        for file in _files(self.identity):
            digest.update(f"{file.relative_to(self.identity).as_posix()}\n".encode())
            with file.open("rb") as data:
                digest.update(hashlib.file_digest(data, "sha256").digest())
        return digest.hexdigest()


def open_rows(name: str, options: SourceOptions) -> HfRows:
    """Open one split of a data set.

    Args:
        name: ``ORG/NAME`` with ``@REVISION``, ``:CONFIG`` behind it as needed, or a local folder (``./FOLDER``), and ``#SPLIT``,
            ``train`` by default.
        options: Sampling is the reader's; nothing of it matters here.

    Raises:
        HarnessError: ENVIRONMENT without a network, or for a data set that is unknown or gated; BAD_INPUT for a name that is
            none, a folder that is no data set, or a split that is not there.
    """
    del options
    where, _, split = name.partition("#")
    folder = expanded(where)
    if folder.exists() or where.startswith((".", "/", "~")):
        return _open_folder(name, folder, split)
    found = _HUB_NAME.fullmatch(where)
    if found is None:
        fix = "write hf:ORG/NAME, hf:ORG/NAME@REVISION, hf:ORG/NAME:CONFIG or hf:./FOLDER, each with #SPLIT or without"
        raise HarnessError(f"{name!r} names no data set", why="it is neither a folder nor a name on the hub", fix=fix)
    return _open_hub(name, found.groupdict(), split or _DEFAULT)


def _library() -> Any:
    """`datasets`, quiet and without torch."""
    import datasets

    datasets.config.TORCH_AVAILABLE = False
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    return datasets


def _open_folder(name: str, folder: Path, split: str) -> HfRows:
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "there is no such folder"
        raise HarnessError(
            f"cannot read the folder {folder}", why=why, fix="name a folder, or a file by jsonl:FILE or parquet:FILE"
        )
    data = _loaded_folder(name, folder, split)
    licence = _card_licence(folder / "README.md")
    return HfRows(name, _columns(data), folder.resolve().name, licence, split or _DEFAULT, data, folder)


def _loaded_folder(name: str, folder: Path, split: str) -> Any:
    library = _library()
    saved = any((folder / file).is_file() for file in ("state.json", "dataset_dict.json"))
    try:
        if not saved:
            return library.load_dataset(str(folder), split=split or _DEFAULT, streaming=True)
        data = library.load_from_disk(str(folder))
    except _FAILURES as error:
        fix = _folder_fix(error)
        raise HarnessError(f"cannot open hf:{name}", why=_first(error), fix=fix) from error
    if not isinstance(data, dict):
        if split:
            why = "a single set was saved, not a DatasetDict"
            raise HarnessError(f"hf:{name} has no splits", why=why, fix=f"leave #{split} out")
        return data
    chosen = split or _DEFAULT
    if chosen not in data:
        fix = f"write #{next(iter(data))}" if data else "save at least one split"
        raise HarnessError(f"hf:{name} has no split {chosen!r}", why=f"it has {', '.join(data) or 'none'}", fix=fix)
    return data[chosen]


def _folder_fix(error: Exception) -> str:
    if "Bad split" in str(error):
        return "name one of these behind the #"
    if isinstance(error, yaml.YAMLError):
        return "correct the header of its README.md"
    return "save it with Dataset.save_to_disk, or put Parquet or JSON Lines files into it; a single file: parquet:FILE"


def _open_hub(name: str, parts: dict[str, str | None], split: str) -> HfRows:
    library = _library()
    offline = bool(library.config.HF_HUB_OFFLINE)
    revision, licence = (parts["revision"], "unknown") if offline else _revision(name, parts)
    try:
        # Without a network the library can stream nothing, but it reads what an earlier run has left in its cache.
        data = library.load_dataset(parts["name"], parts["config"], split=split, revision=revision, streaming=not offline)
    except (library.exceptions.DatasetNotFoundError, ConnectionError, TimeoutError) as error:
        raise _unusable(name, _first(error), _LOCAL_COPY) from error
    except _FAILURES as error:
        raise _unusable(name, _first(error), f"correct the split, the config or the revision, or {_LOCAL_COPY}") from error
    known = revision or getattr(data, "_fingerprint", "") or "cached"
    identity = f"{parts['name']}@{known}:{parts['config'] or ''}"
    return HfRows(name, _columns(data), f"{parts['name']}@{known[:12]}", licence, split, data, identity)


def _revision(name: str, parts: dict[str, str | None]) -> tuple[str, str]:
    """Commit and licence, from the hub."""
    try:
        info = HfApi().dataset_info(str(parts["name"]), revision=parts["revision"], timeout=ANSWER_S)
    except GatedRepoError as error:
        raise _unusable(name, "it is gated", "accept its terms on its hub page, then set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise _unusable(name, f"it has no revision {parts['revision']!r}", "correct it, or leave it out") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise _unusable(name, "the hub knows no such data set, or it is private", "check the name, or set HF_TOKEN") from error
    except OfflineModeIsEnabled as error:
        raise _unusable(name, "the hub is switched off by HF_HUB_OFFLINE", _LOCAL_COPY) from error
    # The HTTP library below the hub's client differs between versions: whatever it raises means that no answer came.
    except Exception as error:
        why = f"the hub cannot be reached: {_first(error)}"
        raise _unusable(name, why, f"connect, set HF_HUB_OFFLINE=1 to use what is cached, or {_LOCAL_COPY}") from error
    return str(info.sha), _licence(info.card_data.license if info.card_data else None)


def _card_licence(card: Path) -> str:
    """The licence in the card of a local folder."""
    if not card.is_file():
        return "unknown"
    try:
        return _licence(DatasetCard.load(card).data.license)
    except (*_FAILURES, AttributeError):  # a card without or with broken YAML says nothing
        return "unknown"


def _licence(value: object) -> str:
    values = [str(part) for part in value] if isinstance(value, list) else [str(value)] if value else []
    return " OR ".join(values) or "unknown"


def _columns(data: Any) -> tuple[str, ...]:
    return tuple(data.column_names or ())


def _files(folder: Path) -> list[Path]:
    """Data files of a folder, without what the library keeps there for itself."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in found if not any(part.startswith(_KEPT_BY_LIBRARY) for part in file.relative_to(folder).parts))


def _first(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]


def _unusable(name: str, why: str, fix: str) -> HarnessError:
    return HarnessError(f"cannot get the data set {name}", why=why, fix=fix, code=ExitCode.ENVIRONMENT)

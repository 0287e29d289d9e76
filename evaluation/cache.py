"""Results kept on disk by content: one JSON file per key, written under another name and renamed.

Two processes at once write the same content, so the last rename wins; a file that cannot be read counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evaluation.errors import EvaluationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of JSON files, or nothing at all when `folder` is None."""

    folder: Path | None

    def get(self, kind: str, key: str) -> Any | None:
        """The stored value, or None."""
        if self.folder is None:
            return None
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self._path(self.folder, kind, key).read_text("utf-8"))
        return None

    def read(self, kind: str, key: str, decode: Callable[[Any], T]) -> T | None:
        """The stored value, decoded; None where there is none, or where it is not what was stored.

        Args:
            kind: As in `get`.
            key: As in `get`.
            decode: May raise ValueError, TypeError, KeyError or AttributeError on anything that it does not know.
        """
        kept = self.get(kind, key)
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            return None if kept is None else decode(kept)
        return None

    def put(self, kind: str, key: str, value: Any) -> None:
        """Store a JSON-ready value.

        Raises:
            EvaluationError: if the folder cannot be written.
        """
        if self.folder is None:
            return
        path = self._path(self.folder, kind, key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(value), "utf-8")
            temporary.replace(path)
        except OSError as error:
            why, fix = f"{error.strerror}: {path.parent}", "free space, or choose another folder"
            raise EvaluationError("the mutant cache cannot be written", why=why, fix=fix) from error

    @staticmethod
    def _path(folder: Path, kind: str, key: str) -> Path:
        return folder / kind / key[:2] / f"{key}.json"


def key_of(*parts: object) -> str:
    """sha256 of the parts, hex."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()

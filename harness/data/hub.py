"""Owns the look at the Hugging Face Hub: config and licence of a model, by its id. The trial process fetches the weights.

The only module of the parent that talks to the hub.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from harness.core.errors import ExitCode, HarnessError


def fetch_config(name: str, revision: str | None) -> Path:
    """config.json of a model, in the hub's own cache; its folder is named after the commit.

    Args:
        name: ``org/name``.
        revision: Branch, tag or commit; None is the default branch.

    Raises:
        HarnessError: ENVIRONMENT when the hub is out of reach and the file not cached, or the model unknown or gated.
    """
    try:
        with _quiet():
            return Path(hf_hub_download(name, "config.json", revision=revision))
    except GatedRepoError as error:
        raise _unusable(name, "it is gated", "accept its licence on its hub page, then set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise _unusable(name, f"it has no revision {revision!r}", "correct `revision`, or leave it out") from error
    except RepositoryNotFoundError as error:
        raise _unusable(name, "the hub knows no such model, or it is private", "check the id, or set HF_TOKEN") from error
    except LocalEntryNotFoundError as error:
        fix = "connect, set HF_HOME to a cache that holds it, or name a local model folder"
        raise _unusable(name, "the hub cannot be reached, and the model is not in the local cache", fix) from error
    except EntryNotFoundError as error:
        raise _unusable(name, "it has no config.json", "name one in transformers' format (no GGUF, no adapter)") from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise _unusable(name, first_line, "try again later, or name a local model folder instead") from error


def fetch_optional(name: str, file: str, revision: str | None) -> Path | None:
    """A file of a model, or None where there is none to be had, for what stops nothing when it is missing."""
    try:
        with _quiet():
            return Path(hf_hub_download(name, file, revision=revision))
    except (EntryNotFoundError, HfHubHTTPError, OSError):
        return None


def _unusable(name: str, why: str, fix: str) -> HarnessError:
    return HarnessError(f"cannot get the model {name}", why=why, fix=fix, code=ExitCode.ENVIRONMENT)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub's own retry messages off the screen; what matters of them is in the error."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

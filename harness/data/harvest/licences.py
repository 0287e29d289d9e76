"""Owns the step from what a code base says about its licence to an SPDX identifier. Guesses nothing: else it is ``unknown``."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

UNKNOWN = "unknown"
# A classifier that covers several licences ("BSD License") is none: the text decides then.
_CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
}
_SPDX = re.compile(r"[A-Za-z0-9.+-]+-[0-9][A-Za-z0-9.+-]*|MIT|ISC|Unlicense|BSL-1\.0|0BSD|MIT-0")
_FILES = re.compile(r"(?i)(licen[cs]e|copying|unlicense)(\.(txt|md|rst))?")
# What stands in the text and nowhere else, most particular first.
_TEXTS = (
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name of", "endorse or promote products")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "names of", "endorse or promote products")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "version 2.0")),
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice shall be")),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
)


def licence_of_metadata(distribution: importlib.metadata.Distribution) -> str:
    """The licence of an installed distribution: its licence expression, its classifiers, or the text of its licence file."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    classifiers = metadata.get_all("Classifier") or []
    named = {_CLASSIFIERS.get(str(one).rpartition(" :: ")[2]) for one in classifiers if str(one).startswith("License ::")}
    if len(named) == 1 and (only := named.pop()) is not None:
        return only
    short = str(metadata["License"]).strip() if "License" in metadata else ""
    if _SPDX.fullmatch(short):
        return short
    texts = (file.locate() for file in distribution.files or [] if _FILES.fullmatch(file.name))
    return next((found for text in texts if (found := licence_of_text(_read(Path(str(text))))) != UNKNOWN), UNKNOWN)


def licence_of_folder(folder: Path) -> str:
    """The licence of a checkout, by the text of its licence file; several that differ are unknown."""
    found = {licence_of_text(_read(path)) for path in sorted(folder.iterdir()) if _FILES.fullmatch(path.name)}
    return found.pop() if len(found) == 1 else UNKNOWN


def licence_of_text(text: str) -> str:
    """The SPDX identifier of a licence text.

    A text with several licences counts as the first: bundled parts are listed behind the licence of the whole.
    """
    words = " ".join(text.lower().split())[:6000]
    hits = [(min(map(words.find, marks)), name) for name, marks in _TEXTS if all(mark in words for mark in marks)]
    return min(hits, key=lambda hit: hit[0])[1] if hits else UNKNOWN


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""

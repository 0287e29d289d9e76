"""Owns the step from what a code base says about its licence to an SPDX identifier. Guesses nothing: else it is ``unknown``."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

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
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}
_FILES = re.compile(r"(?i)(licen[cs]e|copying(\.lesser)?|unlicense)(\.(txt|md|rst))?")
_READ_BYTES = 1 << 15
# A whole line among the first ones.
_TITLES = {
    "MIT": r"(the )?mit licen[cs]e( \(mit\))?",
    "MIT-0": r"(the )?mit no attribution( licen[cs]e)?( \(mit-0\))?",
    "BSD-3-Clause": r"(the )?(bsd[ -]3[ -]clause|3-clause bsd|(new|modified|revised) bsd)( .new. or .revised.)?( licen[cs]e)?",
    "BSD-2-Clause": r"(the )?(bsd[ -]2[ -]clause|2-clause bsd|simplified bsd)( .simplified.)?( licen[cs]e)?",
    "Apache-2.0": r"(the )?apache( software)?( licen[cs]e)?,?( version| v)? ?2(\.0)?",
    "ISC": r"(the )?isc licen[cs]e( \(isc\))?",
    "MPL-2.0": r"mozilla public licen[cs]e,?( version| v)? ?2\.0( \(mpl 2\.0\))?",
    "Unlicense": r"(the )?unlicense",
}
_TITLE_LINES = 5
# What stands in the text and nowhere else, most particular first.
_BSD = "redistribution and use in source and binary forms"
_ISC = "permission to use, copy, modify, and/or distribute this software"
_TEXTS = (
    ("BSD-4-Clause", (_BSD, "all advertising materials mentioning features", "endorse or promote products")),
    ("BSD-3-Clause", (_BSD, "neither the name of", "endorse or promote products")),
    ("BSD-3-Clause", (_BSD, "names of", "endorse or promote products")),
    ("BSD-2-Clause", (_BSD,)),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "version 2.0")),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice")),
    ("ISC", (_ISC, "provided that the above copyright notice")),
    ("0BSD", (_ISC,)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
)
# The title of the text, or the notice that refers to it.
_GNU = re.compile(
    r"gnu (affero |lesser |library |)general public license,?(?: as published by the free software foundation[,;:]?)?"
    r"(?: either)? version ([123](?:\.[01])?)( of the license,? or \(?at your option\)? any later version)?"
)
_GNU_KINDS = {"": "GPL", "affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL"}


def licence_of_metadata(distribution: importlib.metadata.Distribution) -> str:
    """The licence of an installed distribution: its licence expression, its classifiers, or the text of its licence file."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    classifiers = [str(one) for one in metadata.get_all("Classifier") or []]
    said = licence_of_words(str(metadata["License"]) if "License" in metadata else "", classifiers)
    if said != UNKNOWN:
        return said
    texts = (file.locate() for file in distribution.files or [] if _FILES.fullmatch(file.name))
    return next((found for text in texts if (found := licence_of_file(Path(str(text)))) != UNKNOWN), UNKNOWN)


def licence_of_folder(folder: Path) -> str:
    """The licence of a checkout, by the text of its licence files; several that differ are unknown."""
    found = {licence_of_file(path) for path in sorted(folder.iterdir()) if _FILES.fullmatch(path.name)}
    if found == {"GPL-3.0-only", "LGPL-3.0-only"}:  # the lesser one is written as an addition to the other
        return "LGPL-3.0-only"
    return found.pop() if len(found) == 1 else UNKNOWN


def licence_of_words(words: str, classifiers: Iterable[str]) -> str:
    """The licence by trove classifiers that agree, else by a field for it: an identifier, a usual name, or the whole text."""
    named = {_CLASSIFIERS.get(one.rpartition(" :: ")[2]) for one in classifiers if one.startswith("License ::")}
    if len(named) == 1 and (only := named.pop()) is not None:
        return only
    return spdx(words) or licence_of_text(words)


def spdx(words: str) -> str:
    """An SPDX expression as SPDX writes it; empty where it is none."""
    try:
        return canonicalize_license_expression(words.strip())
    except InvalidLicenseExpression:
        return ""


def licence_of_text(text: str) -> str:
    """The SPDX identifier of a licence text, by its title or its sentences.

    A text with several licences counts as the first: bundled parts are listed behind the licence of the whole.
    """
    words = " ".join(text.lower().split())[:6000]
    hits = [(min(map(words.find, marks)), name) for name, marks in _TEXTS if all(mark in words for mark in marks)]
    if (gnu := _GNU.search(words)) and (name := _gnu(gnu)):
        hits.append((gnu.start(), name))
    return _by_title(text) or (min(hits, key=lambda hit: hit[0])[1] if hits else UNKNOWN)


def _by_title(text: str) -> str:
    lines = [" ".join(line.lower().strip("\ufeff#=*-_ \t\r.:").split()) for line in text[:2000].splitlines()]
    for line in [line for line in lines if line][:_TITLE_LINES]:
        for name, title in _TITLES.items():
            if re.fullmatch(title, line):
                return name
    return ""


def _gnu(found: re.Match[str]) -> str:
    kind, version, later = found.groups()
    number = version if "." in version else f"{version}.0"
    return spdx(f"{_GNU_KINDS[kind]}-{number}-{'or-later' if later else 'only'}")


def licence_of_file(path: Path) -> str:
    """By the beginning of a file; ``unknown`` for what is no regular file or cannot be read."""
    try:
        if not path.is_file():
            return UNKNOWN
        with path.open("rb") as file:
            return licence_of_text(file.read(_READ_BYTES).decode("utf-8", "replace"))
    except OSError:
        return UNKNOWN

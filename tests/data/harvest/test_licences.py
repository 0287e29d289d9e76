"""The licence, name and version of a checkout, by what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.harvest.codebase import CodeBase, find_repository
from harness.data.harvest.licences import licence_of_text

_ISC = "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"
_BSD = "Redistribution and use in source and binary forms, with or without modification, are permitted. "
_NAMES = "Neither the name of the holder nor the names of its contributors may be used to endorse or promote products."
_GPL = "the GNU General Public License as published by the Free Software Foundation, either version 3 of the License"


def checkout(folder: Path, files: dict[str, str]) -> CodeBase:
    """A folder with one module and these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"code.py": "def f():\n    return 1\n", **files}.items():
        (folder / name).write_text(text, "utf-8")
    return find_repository(folder)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
        ("\ufeff# The MIT License (MIT)\r\n\r\nCopyright (c) 2020\r\n", "MIT"),
        ("My project\n==========\n\nMIT Licence\n", "MIT"),
        ("MIT No Attribution\n\nPermission is hereby granted, free of charge, to any person obtaining a copy", "MIT-0"),
        ("BSD 3-Clause License\n\nCopyright (c) 2020, me", "BSD-3-Clause"),
        ("The 2-Clause BSD License\n", "BSD-2-Clause"),
        (_BSD + _NAMES, "BSD-3-Clause"),
        (_BSD + "All advertising materials mentioning features of it must say so. " + _NAMES, "BSD-4-Clause"),
        (f"ISC License\n\n{_ISC}", "ISC"),
        (f"{_ISC}, provided that the above copyright notice and this permission notice appear in all copies.", "ISC"),
        (f"{_ISC}.", "0BSD"),
        ("Mozilla Public License Version 2.0\n====", "MPL-2.0"),
        ("Apache License 2.0\n", "Apache-2.0"),
        ("    GNU GENERAL PUBLIC LICENSE\n      Version 3, 29 June 2007", "GPL-3.0-only"),
        ("    GNU GENERAL PUBLIC LICENSE\n      Version 2, June 1991", "GPL-2.0-only"),
        ("  GNU LESSER GENERAL PUBLIC LICENSE\n   Version 2.1, February 1999\n the GNU General Public License", "LGPL-2.1-only"),
        ("  GNU LESSER GENERAL PUBLIC LICENSE\n   Version 3\n version 3 of the GNU General Public License", "LGPL-3.0-only"),
        ("  GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3, 19 November 2007", "AGPL-3.0-only"),
        (f"{_GPL}, or (at your option) any later version.", "GPL-3.0-or-later"),
        (f"{_GPL}.", "GPL-3.0-only"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("Made at MIT\n\nAll rights reserved.", "unknown"),
    ],
)
def test_a_text_is_known_by_its_title_or_its_sentences(text: str, licence: str) -> None:
    assert licence_of_text(text) == licence


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ('[project]\nname = "a"\nlicense = "MIT"\n', "MIT"),
        ('[project]\nname = "a"\nlicense = "apache-2.0 or mit"\n', "Apache-2.0 OR MIT"),
        ('[project]\nname = "a"\nlicense = {text = "MIT"}\n', "MIT"),
        ('[project]\nname = "a"\nlicense = {text = "MIT License"}\n', "MIT"),
        ('[project]\nname = "a"\nlicense = {file = "terms"}\n', "ISC"),
        ('[project]\nname = "a"\nlicense = {file = "../outside"}\n', "unknown"),
        ('[project]\nname = "a"\nlicense = {file = "no such file"}\n', "unknown"),
        ('[project]\nname = "a"\nlicense = "Ours"\n', "unknown"),
        ('[project]\nname = "a"\nclassifiers = ["Topic :: X", "License :: OSI Approved :: MIT License"]\n', "MIT"),
        (
            '[project]\nname = "a"\nclassifiers = ["License :: OSI Approved :: MIT License",'
            ' "License :: OSI Approved :: Apache Software License"]\n',
            "unknown",
        ),
        ('[tool.poetry]\nname = "a"\nlicense = "BSD-3-Clause"\n', "BSD-3-Clause"),
        ('[project]\nname = "a"\nlicense = 3\nclassifiers = "MIT"\n', "unknown"),
        ("project = 3\ntool = 4\n", "unknown"),
        ("[project\n", "unknown"),
    ],
)
def test_what_pyproject_says_is_read(said: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("MIT License\n", "utf-8")
    assert checkout(tmp_path / "a", {"pyproject.toml": said, "terms": "ISC License\n"}).licence == licence


def test_the_text_decides_where_nothing_is_declared(tmp_path: Path) -> None:
    mit = {"LICENSE": "MIT License\n\nPermission is hereby granted"}
    assert checkout(tmp_path / "a", mit).licence == "MIT"
    assert (
        checkout(tmp_path / "b", {**mit, "pyproject.toml": '[project]\nname = "b"\nlicense = {text = "see file"}\n'}).licence
        == "MIT"
    )
    assert checkout(tmp_path / "c", {**mit, "pyproject.toml": '[project]\nname = "c"\nlicense = "ISC"\n'}).licence == "ISC"
    assert checkout(tmp_path / "d", {**mit, "COPYING": "ISC License\n"}).licence == "unknown"


def test_the_lesser_licence_stands_beside_the_one_it_adds_to(tmp_path: Path) -> None:
    files = {"COPYING": "GNU GENERAL PUBLIC LICENSE\nVersion 3", "COPYING.LESSER": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3"}
    assert checkout(tmp_path, files).licence == "LGPL-3.0-only"


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ('[project]\nname = "zz"\nversion = "2"\n', "zz 2"),
        ('[project]\nname = "zz"\n', "zz"),
        ('[project]\nversion = "2"\n', "folder 2"),
        ('[project]\nname = "two\\nlines"\nversion = "2"\n', "folder 2"),
        ('[tool.poetry]\nname = "zz"\nversion = "1"\n', "zz 1"),
        ("", "folder"),
    ],
)
def test_the_origin_is_what_the_project_calls_itself(said: str, origin: str, tmp_path: Path) -> None:
    assert checkout(tmp_path / "folder", {"pyproject.toml": said}).origin == origin


def test_a_licence_that_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").symlink_to("/dev/zero")
    assert checkout(tmp_path, {}).licence == "unknown"

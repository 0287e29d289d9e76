from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.targets.destination import style_of
from harness.data.targets.target import open_target


@pytest.mark.parametrize(
    ("text", "double"),
    [
        ('"""Adds."""\n\ndef f(a):\n    """Of a."""\n    return "a" + "b" + \'"\'\n', True),
        ('"""Adds."""\n\ndef f(a):\n    """Of a."""\n    return \'a\' + \'b\'\n', False),
        ("'''Adds.'''\n\ndef f(a):\n    return \"a\"\n", True),
        ("X = 1\n", True),
    ],
)
def test_docstrings_say_nothing_about_quotes(tmp_path: Path, text: str, double: bool) -> None:
    file = tmp_path / "alone.py"
    file.write_text(text)
    assert style_of(open_target(str(file))).double is double

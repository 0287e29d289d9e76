"""The whole page: one file without external resources. It works without scripts; with them, the list can be sorted and filtered.

All that a model or a data set wrote passes through `escape`. Behind that stands a content security policy that names the one
script and the one style sheet by hash, so that text which slipped through would still not run.
"""

from __future__ import annotations

import base64
import hashlib

from evaluation.report.content import Content
from evaluation.report.html_function import function_item
from evaluation.report.html_header import header
from evaluation.report.html_script import SCRIPT
from evaluation.report.html_style import STYLE

COLUMNS = ("function", "verdict", "pass", "line", "branch", "mutation", "survivors")
SORTS = {"function": "n", "pass": "p", "line": "l", "branch": "b", "mutation": "m", "survivors": "s"}


def to_html(content: Content) -> str:
    """The page; the same scoring gives the same text."""
    policy = f"default-src 'none'; script-src '{_hash(SCRIPT)}'; style-src '{_hash(STYLE)}'"
    items = [
        function_item(score, function, content.suites.get(function.id))
        for score, function in zip(content.report.scores, content.functions, strict=True)
    ]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">',
            f"<title>Unit test report, {len(items)} functions</title><style>{STYLE}</style></head><body>",
            header(content),
            _toolbar(content),
            '<section id="list">',
            *items,
            f"</section><script>{SCRIPT}</script></body></html>\n",
        ]
    )


def _toolbar(content: Content) -> str:
    verdicts = "".join(f"<option>{verdict}</option>" for verdict in content.report.aggregate.verdicts)
    heads = "".join(_head(name) for name in COLUMNS)
    return (
        '<h2>Functions</h2><div class="tools js"><input id="q" type="search" placeholder="filter by name, verdict or detail"'
        f' aria-label="filter"><select id="v" aria-label="verdict"><option value="">all verdicts</option>{verdicts}</select>'
        f'<span id="n"></span></div><div class="row head">{heads}</div>'
    )


def _head(name: str) -> str:
    key = SORTS.get(name)
    return f"<button data-k={key}>{name}</button>" if key else f"<span>{name}</span>"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

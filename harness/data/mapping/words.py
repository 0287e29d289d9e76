"""Owns the text of a mapping file: YAML a person can check, with the reason and the alternatives above each line. Pure."""

from __future__ import annotations

import textwrap

import yaml

from harness.data.mapping.model import Mapping
from harness.data.mapping.propose import Proposal

_WIDTH = 76


def mapping_text(proposal: Proposal, file: str) -> str:
    """The file's text; `load_mapping` reads back the proposal's mapping.

    Args:
        proposal: What to write.
        file: How the user will call the file, for the command in its head.
    """
    mapping = proposal.mapping
    lines = [
        f"# Proposed by `harness data inspect` from the first {proposal.rows} rows. Check it, then:",
        f"#   harness data map {file} --out FOLDER",
        "# column: a column. path: into nested values (0.code, *.code).",
        "# take: text, json (a JSON string), code (the fenced Python of a text).",
        _line("format", mapping.format),
        _line("source", mapping.source),
        "fields:",
    ]
    values = mapping.fields.model_dump(exclude_none=True)
    for choice in proposal.choices:
        lines += _comment(choice.because + (f"; also seen: {', '.join(choice.others)}" if choice.others else ""))
        if choice.field in values:
            lines.append("  " + _line(choice.field, _without_defaults(values[choice.field])))
    return "\n".join(lines) + "\n"


def plain_text(mapping: Mapping) -> str:
    """The mapping without comments; the same mapping gives the same text."""
    fields = {name: _without_defaults(value) for name, value in mapping.fields.model_dump(exclude_none=True).items()}
    head = [_line("format", mapping.format), _line("source", mapping.source), "fields:"]
    return "\n".join([*head, *("  " + _line(name, value) for name, value in fields.items())]) + "\n"


def _without_defaults(value: dict[str, object]) -> dict[str, object]:
    return {key: v for key, v in value.items() if not (key == "path" and v == "")}


def _line(key: str, value: object) -> str:
    """One line of YAML, objects in braces."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return f"{key}: {text.removesuffix('...' + chr(10)).strip()}"


def _comment(text: str) -> list[str]:
    # Column names are a stranger's: no line end of theirs may end the comment.
    safe = "".join(c if c.isprintable() else "?" for c in text)
    return textwrap.wrap(safe, _WIDTH, initial_indent="  # ", subsequent_indent="  #   ", break_long_words=True) or ["  #"]

"""The report as JSON: everything that was measured, none of the sources. The same scoring gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from evaluation.records import FocalFunction
from evaluation.report.content import SCHEMA_VERSION, Content


def to_dict(content: Content) -> dict[str, Any]:
    """JSON-ready mapping: ``schema_version``, ``functions`` (id and a hash of the source), ``problems``, and the report's own."""
    return {
        "schema_version": SCHEMA_VERSION,
        **content.report.to_dict(),
        "functions": [{"id": function.id, "sha256": _hash(function)} for function in content.functions],
        "problems": [asdict(problem) for problem in content.problems],
    }


def to_json(content: Content) -> bytes:
    """The file's content. ASCII, so that lone surrogates of a broken suite can be written too."""
    return json.dumps(to_dict(content), indent=1, allow_nan=False).encode() + b"\n"


def _hash(function: FocalFunction) -> str:
    """Tells a comparison whether two functions of one id are the same."""
    return hashlib.sha256(f"{function.entry_point}\n{function.source}".encode("utf-8", "surrogatepass")).hexdigest()

"""Small pieces of HTML that the sections of a study's page share. `escape` is the only way for data into the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from harness.core.measured import Measured
from harness.tracking.foreign import escape, visible
from harness.tracking.study_report import Facts

_MOST_SVG = 350_000  # characters; a picture of thousands of marks is smaller as pixels
_PIXELS_PER_INCH = 150


def section(anchor: str, title: str, *parts: str) -> str:
    """A part of the page with its heading; nothing where all of it is empty."""
    body = "".join(parts)
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{body}</section>' if body else ""


def table(heads: Sequence[tuple[str, str]], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table that scrolls by itself on a narrow screen.

    Args:
        heads: Text and class of each column.
        rows: Class of the row, and cells that are HTML already.
    """
    top = "".join(f'<th class="{css}">{escape(text)}</th>' for text, css in heads)
    body = "".join(f'<tr class="{css}">{_cells(heads, cells)}</tr>' for css, cells in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(heads: Sequence[tuple[str, str]], cells: Sequence[str]) -> str:
    return "".join(f'<td class="{css}">{cell}</td>' for (_, css), cell in zip(heads, cells, strict=True))


def pairs(facts: Facts) -> str:
    """Names beside values."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts)
    return f'<table class="pairs">{rows}</table>'


def measured(value: Measured | None) -> str:
    """A figure above its interval; a dash where it is absent."""
    if value is None:
        return "-"
    bounds = "" if value.low is None or value.high is None else f"<small>{value.low:.3g} to {value.high:.3g}</small>"
    return f"{value.value:.3g}{bounds}"


def code(text: str) -> str:
    """A block of code, cut where it is very long."""
    return f"<pre>{escape(text)}</pre>" if text.strip() else '<pre class="sub">(nothing)</pre>'


def picture(figure: Figure | None, caption: str) -> str:
    """A figure within the page, transparent so that it fits a dark one; as pixels where drawing instructions are longer."""
    if figure is None:
        return ""
    kind, content = "svg+xml", _drawn(figure, "svg")
    if len(content) > _MOST_SVG:
        kind, content = "png", _drawn(figure, "png")
    data = base64.b64encode(content).decode()
    said = escape(caption)
    return f'<figure><img alt="{said}" src="data:image/{kind};base64,{data}"><figcaption>{said}</figcaption></figure>'


def _drawn(figure: Figure, kind: str) -> bytes:
    """The same figure gives the same bytes."""
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "harness"}):
        when = {"Date": None} if kind == "svg" else {}
        figure.savefig(buffer, format=kind, transparent=True, dpi=_PIXELS_PER_INCH, metadata=when)
    return buffer.getvalue()


def plain(text: str) -> str:
    """Text of an attribute or a title, on one line."""
    return escape(" ".join(visible(text).split()))

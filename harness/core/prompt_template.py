"""A prompt template: a named, versioned text with holes, and how it is filled.

Pure: a template is a value. Reading one from a file is `harness.files.template_files`' business; chat markup and tokens are
`harness.trial`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from jinja2 import Template as Compiled

from harness.core.focal import focal_parts
from harness.core.records import Record
from harness.core.template_text import VARIABLES, environment, used_variables

_PARTS = frozenset(VARIABLES[2:])
Style = Literal["chat", "completion"]


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt template.

    Attributes:
        name: Of the template.
        version: Raised by its author with every change of the words.
        style: ``chat`` goes through the model's own chat template where it has one; ``completion`` never does.
        user: The question: Jinja2 text over `VARIABLES`.
        system: What a chat begins with, or None; no holes.
        example: Whether one worked example from the training functions stands before the question.
    """

    name: str
    version: str
    style: Style
    user: str
    system: str | None = None
    example: bool = False

    @property
    def identity(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """sha256 of everything the template says, hex: two files may share an identity, but not this."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Template:
        """Inverse of `to_dict`."""
        return cls(**values)

    def question(self, record: Record) -> str:
        """The text for a record.

        Raises:
            jinja2.TemplateSyntaxError: as `used_variables`; never for a template that `template_files` has read.
        """
        compiled, used = _compiled(self.user)
        values = {"entry_point": record.entry_point, "source": record.source}
        if used & _PARTS:  # parsing costs a millisecond a record
            parts = focal_parts(record.source, record.entry_point)
            values |= {name: getattr(parts, name) for name in _PARTS}
        return compiled.render(values)


@lru_cache(maxsize=32)
def _compiled(text: str) -> tuple[Compiled, frozenset[str]]:
    used = used_variables(text)  # first: compiling computes what is constant
    return environment().from_string(text), used

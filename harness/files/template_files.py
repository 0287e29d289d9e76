"""Reads prompt templates: those that come with the package, and files of whoever wants other words.

Owns the file's fields and the wording of what is wrong with one; what a template does is `harness.core.prompt_template`'s.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from jinja2 import TemplateSyntaxError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.core.errors import HarnessError
from harness.core.prompt_template import Template
from harness.core.template_text import VARIABLES, RefusedTextError, used_variables

SHORT_TESTS = "chat-short-tests"
"""For models that were not trained on tests: says how they are to look."""
TEMPLATE_NAMES = ("chat-function", "chat-signature", "chat-example", "completion", SHORT_TESTS)
"""The templates that come with the package."""

DEFAULT_TEMPLATE = TEMPLATE_NAMES[0]
_FOLDER = "templates"
_SUFFIXES = frozenset({".yaml", ".yml"})
_MOST_CHARACTERS = 100_000  # of a file: YAML takes seconds for a megabyte
_LARGEST_VERSION = 10**18  # of more digits than 4300 Python makes no text
_BROKEN_YAML = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases: nine lines of them stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "an alias (*name) may not stand in a template", mark)
        return super().compose_node(parent, index)


class TemplateFile(BaseModel):
    """The fields of a template file; their meaning stands at `Template`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: Annotated[int, Field(strict=True, ge=0, lt=_LARGEST_VERSION)] | Annotated[str, Field(min_length=1)]
    style: Literal["chat", "completion"]
    user: str = Field(min_length=1)
    system: str | None = Field(None, min_length=1)
    example: bool = Field(False, strict=True)


def load_template(name_or_path: str) -> Template:
    """A template by the name of a shipped one, or from a file.

    Args:
        name_or_path: One of `TEMPLATE_NAMES`, or the path of a YAML file (what ends in .yaml or .yml, or holds a slash).

    Raises:
        HarnessError: BAD_INPUT when there is no such template, or its file is not one: file and field are named.
    """
    if name_or_path in TEMPLATE_NAMES:
        text = resources.files("harness").joinpath(_FOLDER, f"{name_or_path}.yaml").read_text("utf-8")
        return parse_template(text, f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if path.suffix not in _SUFFIXES and "/" not in name_or_path:
        raise _unknown(name_or_path)
    return parse_template(_read(path), str(path))


def parse_template(text: str, place: str) -> Template:
    """The template that a file's text describes. Nothing of it is filled.

    Args:
        text: YAML.
        place: The file's name, for messages.

    Raises:
        HarnessError: BAD_INPUT, naming file, line and field.
    """
    if len(text) > _MOST_CHARACTERS:
        why = f"more than {_MOST_CHARACTERS} characters"
        raise HarnessError(f"{place}: no prompt template", why=why, fix="a template is a page of words: shorten it")
    values, at = _mapping(text, place)
    if isinstance(values.get("version"), float):  # YAML reads 1.10 as 1.1
        raise _broken(at, "version", f"{values['version']} is read as a number, in which 1.10 and 1.1 are the same", "quote it")
    try:
        file = TemplateFile.model_validate(values)
    except ValidationError as error:
        raise _explained(at, error) from error
    _check_words(file.user, at)
    return Template(file.name, str(file.version), file.style, file.user, file.system, file.example)


def _read(path: Path) -> str:
    """The text of a file; of one that is too long, a little more than what is allowed."""
    why = ""
    try:
        if path.exists() and not path.is_file():  # a pipe could be read once only, /dev/zero for ever
            why = "it is a folder" if path.is_dir() else "it is a pipe or a device"
        else:
            with path.open(encoding="utf-8-sig") as file:
                return file.read(_MOST_CHARACTERS + 1)
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a null byte in the name
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    fix = f"give the path of a template file, or one of: {', '.join(TEMPLATE_NAMES)}"
    raise HarnessError(f"cannot read the prompt template {path}", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class _Place:
    """A file, and where in it the values of its fields begin."""

    name: str
    marks: Mapping[object, yaml.Node]

    def of(self, field: str, line: int = 1) -> str:
        """``file:line: field`` for a line of a field's text; the field's first line where YAML folds the others."""
        if (node := self.marks.get(field)) is None:
            return f"{self.name}: {field}"
        inside = line if getattr(node, "style", None) == "|" else 0
        return f"{self.name}:{node.start_mark.line + 1 + inside}: {field}"


def _mapping(text: str, place: str) -> tuple[dict[str, Any], _Place]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        values = None if root is None else loader.construct_document(root)
    except _BROKEN_YAML as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        why = " ".join(str(getattr(error, "problem", None) or error).split()) or type(error).__name__
        raise HarnessError(f"{place}{at}: not YAML", why=why, fix="mend it; `user: |-` begins a text of several lines") from error
    if not isinstance(values, dict) or not isinstance(root, yaml.MappingNode):
        allowed = ", ".join(TemplateFile.model_fields)
        raise HarnessError(
            f"{place}: no prompt template", why=f"found {type(values).__name__}, not fields", fix=f"give {allowed}"
        )
    return values, _Place(place, {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)})


def _check_words(text: str, at: _Place) -> None:
    """Refuse a text that could fail, or take long, inside a trial."""
    try:
        used = used_variables(text)
    except TemplateSyntaxError as error:
        fix = error.fix if isinstance(error, RefusedTextError) else "mend the Jinja2 text"
        why = f"line {error.lineno} of the text: {error.message}"
        raise _broken(at, "user", why, fix, error.lineno) from error
    if not used:
        raise _broken(at, "user", "it never shows the function", f"use at least one of: {', '.join(VARIABLES)}")


def _explained(at: _Place, error: ValidationError) -> HarnessError:
    details = error.errors()
    # an unknown field may be the misspelt one that is missing; of a choice of types the last one's words are the widest
    detail = next(
        (d for d in details if d["type"] == "extra_forbidden"), [d for d in details if d["loc"][0] == details[0]["loc"][0]][-1]
    )
    field = ".".join(str(part) for part in detail["loc"][:1])
    allowed = tuple(TemplateFile.model_fields)
    if detail["type"] == "missing":
        return _broken(at, field, "required, but absent", f"add `{field}:`")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, allowed, 1, 0.5)
        fix = f"did you mean '{near[0]}'?" if near else "remove it"
        return _broken(at, field, f"unknown field; allowed: {', '.join(allowed)}", fix)
    found = detail["input"]
    known = isinstance(found, str | float | None) or (isinstance(found, int) and abs(found) < _LARGEST_VERSION)
    shown = f"{found!r:.80}" if known else type(found).__name__
    return _broken(at, field, f"found {shown}: {detail['msg']}", "give a valid value")


def _broken(at: _Place, field: str, why: str, fix: str, line: int = 1) -> HarnessError:
    return HarnessError(f"{at.of(field, line)}: not a usable prompt template", why=why, fix=fix)


def _unknown(name: str) -> HarnessError:
    near = difflib.get_close_matches(name, TEMPLATE_NAMES, 1, 0.5)
    suggestion = f"did you mean '{near[0]}'? " if near else ""
    return HarnessError(
        f"no prompt template is called '{name}'",
        why=f"there are: {', '.join(TEMPLATE_NAMES)}",
        fix=f"{suggestion}your own template is named by its path, such as ./my-template.yaml",
    )

"""Reads prompt templates: the four that come with the package, and files of whoever wants other words.

Owns the file's fields and the wording of what is wrong with one; what a template does is `harness.core.prompt_template`'s.
"""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from jinja2 import TemplateError, TemplateSyntaxError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.core.errors import HarnessError
from harness.core.prompt_template import VARIABLES, Template, used_variables
from harness.core.records import Record

TEMPLATE_NAMES = ("chat-function", "chat-signature", "chat-example", "completion")
"""The templates that come with the package."""

DEFAULT_TEMPLATE = TEMPLATE_NAMES[0]
_FOLDER = "templates"
_SUFFIXES = frozenset({".yaml", ".yml"})
_TRIAL = Record(
    id="template/trial",
    entry_point="add",
    source='def add(a, b):\n    """Sum of two numbers."""\n    return a + b\n',
    oracle_tests=("def test_add():\n    assert add(1, 2) == 3\n",),
    oracle_suite=None,
    origin="template",
    licence="unknown",
)


class TemplateFile(BaseModel):
    """The fields of a template file; their meaning stands at `Template`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: Annotated[int, Field(strict=True, ge=0)] | Annotated[str, Field(min_length=1)]
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
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        fix = f"give the path of a template file, or one of: {', '.join(TEMPLATE_NAMES)}"
        raise HarnessError(f"cannot read the prompt template {path}", why=why, fix=fix) from error
    return parse_template(text, str(path))


def parse_template(text: str, place: str) -> Template:
    """The template that a file's text describes, tried out on a small function.

    Args:
        text: YAML.
        place: The file's name, for messages.

    Raises:
        HarnessError: BAD_INPUT, naming file and field.
    """
    values = _mapping(text, place)
    if isinstance(values.get("version"), float):  # YAML reads 1.10 as 1.1
        raise _broken(
            place, "version", f"{values['version']} is read as a number, in which 1.10 and 1.1 are the same", "quote it"
        )
    try:
        file = TemplateFile.model_validate(values)
    except ValidationError as error:
        raise _explained(place, error) from error
    _check_words(file, place)
    return Template(file.name, str(file.version), file.style, file.user, file.system, file.example)


def _mapping(text: str, place: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        why = " ".join(str(getattr(error, "problem", None) or error).split())
        raise HarnessError(f"{place}{at}: not YAML", why=why, fix="mend it; `user: |-` begins a text of several lines") from error
    if not isinstance(values, dict):
        allowed = ", ".join(TemplateFile.model_fields)
        raise HarnessError(
            f"{place}: no prompt template", why=f"found {type(values).__name__}, not fields", fix=f"give {allowed}"
        )
    return values


def _check_words(file: TemplateFile, place: str) -> None:
    """Parse and fill the text once, so that nothing is left to fail inside a trial."""
    try:
        used = used_variables(file.user)
    except TemplateSyntaxError as error:
        raise _broken(place, "user", f"line {error.lineno} of the text: {error.message}", "mend the Jinja2 text") from error
    allowed = ", ".join(VARIABLES)
    if unknown := sorted(used - set(VARIABLES)):
        near = difflib.get_close_matches(unknown[0], VARIABLES, 1, 0.5)
        fix = f"did you mean '{near[0]}'?" if near else f"take one of: {allowed}"
        raise _broken(place, "user", f"there is no '{unknown[0]}'; a template may use {allowed}", fix)
    if not used:
        raise _broken(place, "user", "it never shows the function", f"use at least one of: {allowed}")
    words = {**file.model_dump(), "version": str(file.version)}
    try:
        Template(**words).question(_TRIAL)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        why = f"filled for a small function it fails: {type(error).__name__}: {error}"
        raise _broken(place, "user", why, "mend the Jinja2 text") from error


def _explained(place: str, error: ValidationError) -> HarnessError:
    details = error.errors()
    # an unknown field may be the misspelt one that is missing; of a choice of types the last one's words are the widest
    detail = next(
        (d for d in details if d["type"] == "extra_forbidden"), [d for d in details if d["loc"][0] == details[0]["loc"][0]][-1]
    )
    field = ".".join(str(part) for part in detail["loc"][:1])
    allowed = tuple(TemplateFile.model_fields)
    if detail["type"] == "missing":
        return _broken(place, field, "required, but absent", f"add `{field}:`")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, allowed, 1, 0.5)
        fix = f"did you mean '{near[0]}'?" if near else "remove it"
        return _broken(place, field, f"unknown field; allowed: {', '.join(allowed)}", fix)
    return _broken(place, field, f"found {detail['input']!r}: {detail['msg']}", "give a valid value")


def _broken(place: str, field: str, why: str, fix: str) -> HarnessError:
    return HarnessError(f"{place}: {field}: not a usable prompt template", why=why, fix=fix)


def _unknown(name: str) -> HarnessError:
    near = difflib.get_close_matches(name, TEMPLATE_NAMES, 1, 0.5)
    suggestion = f"did you mean '{near[0]}'? " if near else ""
    return HarnessError(
        f"no prompt template is called '{name}'",
        why=f"there are: {', '.join(TEMPLATE_NAMES)}",
        fix=f"{suggestion}your own template is named by its path, such as ./my-template.yaml",
    )

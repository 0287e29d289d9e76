"""From a YAML file to a SweepConfig; what is wrong with a file is worded in `problems`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from harness.config.problems import explain
from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-5 as a number (YAML 1.1 wants 1.0e-5) and refuses a key written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_FLOAT = yaml.SafeLoader.yaml_implicit_resolvers["."][0][0]
for _first in "-+0123456789":
    _Loader.yaml_implicit_resolvers.setdefault(_first, []).append(
        (_FLOAT, re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"))
    )


def load_config(path: Path) -> SweepConfig:
    """Read and check a sweep file.

    Raises:
        HarnessError: BAD_INPUT, naming file, line, field, what was found and what is allowed.
    """
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 -- _Loader is a SafeLoader
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from error
    if not isinstance(values, dict):
        raise HarnessError(
            f"{path}: not a sweep file",
            why=f"the top level is {type(values).__name__}, not a mapping of sections",
            fix="start from a file in search_spaces/, or see `harness schema`",
        )
    try:
        return SweepConfig.model_validate(values)
    except ValidationError as error:
        raise explain(path, error, _lines(root)) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        near = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        fix = f"files there: {', '.join(near)}" if near else "give the path of a sweep file"
        raise HarnessError(f"{path}: cannot be read", why=error.strerror or str(error), fix=fix) from error
    except UnicodeDecodeError as error:
        why = f"not UTF-8 text: {error.reason}"
        raise HarnessError(f"{path}: cannot be read", why=why, fix="save the file as UTF-8") from error


def _not_yaml(path: Path, error: yaml.YAMLError) -> HarnessError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    return HarnessError(f"{where}: not valid YAML", why=str(getattr(error, "problem", error)), fix="mend the line named above")


def _lines(node: yaml.Node | None, at: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], int]:
    """Path of keys and indices -> line number, counted from 1."""
    if node is None:
        return {}
    found = {at: node.start_mark.line + 1} if at else {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found.update(_lines(value, (*at, key.value)))
            found[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found.update(_lines(value, (*at, index)))
    return found

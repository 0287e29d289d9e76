"""Rows in columns of other people's making, all about the same functions: what a mapping has to cope with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

NAMES = tuple(
    f"{verb}_{noun}" for verb in ("scale", "shift", "clip", "wrap") for noun in ("price", "angle", "index", "score", "level")
)
BODIES = {"scale": "value * {k}", "shift": "value + {k}", "clip": "min(value, {k})", "wrap": "value % {k}"}


def code(name: str, k: int) -> str:
    """A function."""
    body = BODIES[name.split("_")[0]].format(k=k)
    words = name.replace("_", " ")
    return f'def {name}(value):\n    """Give a {words}."""\n    if value is None:\n        return None\n    return {body}\n'


def expected(name: str, k: int, value: int) -> int:
    """What it gives."""
    verb = name.split("_")[0]
    return {"scale": value * k, "shift": value + k, "clip": min(value, k), "wrap": value % k}[verb]


def asserts(name: str, k: int) -> list[str]:
    """Bare assertions about it."""
    return [f"assert {name}({v}) == {expected(name, k, v)}" for v in (0, 3, 11)] + [f"assert {name}(None) is None"]


def pytest_file(name: str, k: int, module: str = "solution") -> str:
    """A pytest file about it."""
    tests = "\n\n".join(f"def test_{name}_{n}():\n    {line}" for n, line in enumerate(asserts(name, k)))
    return f"from {module} import {name}\n\n\n{tests}\n"


def unittest_file(name: str, k: int) -> str:
    """A unittest class about it, without an import."""
    lines = "\n".join(f"        self.assertEqual({name}({v}), {expected(name, k, v)})" for v in (0, 3, 11))
    head = f"import unittest\n\n\nclass Test{name.title().replace('_', '')}(unittest.TestCase):"
    return f"{head}\n    def test_values(self):\n{lines}\n"


def check(name: str, k: int) -> str:
    """HumanEval's way."""
    lines = "\n".join(f"    {line.replace(name + '(', 'candidate(')}" for line in asserts(name, k))
    return f"def check(candidate):\n{lines}\n"


def fenced(text: str) -> str:
    """As a chat has it."""
    return f"Sure! Here it is:\n\n```python\n{text}```\nAnything else?"


Schema = Callable[[int, str, int], Mapping[str, Any]]
SCHEMAS: dict[str, Schema] = {
    "renamed": lambda n, name, k: {
        "snippet": code(name, k),
        "pytest_code": pytest_file(name, k, "price_lib"),
        "uid": f"u-{n}",
        "fn": name,
        "license": "MIT",
        "repo": "octo/prices",
    },
    "json_of_objects": lambda n, name, k: {
        "nr": n,
        "reference_solution": code(name, k),
        "candidates": json.dumps([{"code": "print('hm')", "rank": 0}, {"code": unittest_file(name, k), "rank": 1}]),
    },
    "fenced": lambda n, name, k: {
        "ask": f"Please test this.\n\n```python\n{code(name, k)}```\n",
        "reply": fenced(pytest_file(name, k)),
        "quality": 0.5,
    },
    "list_of_asserts": lambda n, name, k: {"program": code(name, k), "checks": asserts(name, k), "problem_id": n + 1},
    "nested": lambda n, name, k: {"item": {"lang": "py", "body": code(name, k)}, "suites": {"unit": unittest_file(name, k)}},
    "check": lambda n, name, k: {"Solution": code(name, k), "Checker": check(name, k), "FunctionName": name, "key": f"k/{n}"},
    "json_list_of_tests": lambda n, name, k: {
        "func": code(name, k),
        "tests_json": json.dumps([f"def test_{name}_{i}():\n    {line}\n" for i, line in enumerate(asserts(name, k))]),
    },
    "programs_beside": lambda n, name, k: {
        "nr": n,
        "gold": "import math\n\n\n" + code(name, k),
        "generated_code": json.dumps([{"code": code(name, k)}, {"code": code(name, k + 1)}]),
        "ut_json": json.dumps([{"code": unittest_file(name, k), "rate": "0.1"}]),
    },
    "functions_only": lambda n, name, k: {"method": code(name, k), "stars": 12, "path": f"src/{name}.py"},
}
"""Name of a schema -> how it writes the n-th function."""


def rows(schema: str, count: int = 20) -> list[dict[str, Any]]:
    """Rows in a schema, every function different."""
    return [dict(SCHEMAS[schema](n, NAMES[n % len(NAMES)], 2 + n)) for n in range(count)]


def lines(schema: str, count: int = 20) -> str:
    """The same as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows(schema, count))

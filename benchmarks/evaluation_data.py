"""HumanEval and MBPP as functions with their own tests as suites. Reads the files; scores nothing.

Unlike `harness.data`, which leaves out what does not suit training, this takes every row as it is, because the figures it is
compared with are of every row. Source: Chen et al. 2021 (HumanEval, MIT); Austin et al. 2021 (MBPP, CC-BY-4.0).
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation import FocalFunction, Suite

Pair = tuple[FocalFunction, Suite]
SEED = 20
IMPORTS = "from solution import *\nfrom solution import {name}\n"  # the star leaves out names with an underscore in front


def humaneval() -> list[Pair]:
    """All 164 functions; the suite is one test that calls the official `check`."""
    with gzip.open(_folder() / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [_humaneval(row) for row in rows]


def mbpp() -> list[Pair]:
    """All 974 functions; the suite has one test per assert of `test_list`."""
    lines = (_folder() / "mbpp" / "mbpp.jsonl").read_text("utf-8").splitlines()
    return [_mbpp(json.loads(line)) for line in lines]


def drawn(pairs: Sequence[Pair], size: int | None) -> list[Pair]:
    """At most `size` of the pairs in an order of chance, always the same; all of them, in their own order, for None."""
    return list(pairs) if size is None else random.Random(SEED).sample(list(pairs), min(size, len(pairs)))


def _folder() -> Path:
    return Path(os.environ.get("HARNESS_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def _humaneval(row: dict[str, Any]) -> Pair:
    name = row["entry_point"]
    suite = f"{IMPORTS.format(name=name)}{row['test']}\n\ndef test_check():\n    check({name})\n"
    return FocalFunction(row["task_id"], row["prompt"] + row["canonical_solution"], name), Suite(row["task_id"], suite)


def _mbpp(row: dict[str, Any]) -> Pair:
    identity, source = f"MBPP/{row['task_id']}", _plain(row["code"])
    name = _entry_point(source, row["test_list"][0])
    tests = "".join(f"\ndef test_{number}():\n    {test}\n" for number, test in enumerate(row["test_list"]))
    suite = f"{IMPORTS.format(name=name)}{_plain(row['test_setup_code'])}\n{tests}"
    return FocalFunction(identity, source, name), Suite(identity, suite)


def _plain(code: str) -> str:
    return code.replace("\r\n", "\n")


def _entry_point(source: str, test: str) -> str:
    """What the first test calls, from outside in; the last definition where it calls none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" for r"\d" in 18 functions
        defined = [node.name for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        calls = [node.func for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    called = [call.id for call in calls if isinstance(call, ast.Name) and call.id in defined]
    return called[0] if called else defined[-1]

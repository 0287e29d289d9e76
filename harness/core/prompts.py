"""The words of every prompt, and the cut that turns what a model wrote into a suite.

Owns the wording, the prefilled beginning of every answer and the rule for whole tests. Pure: tokens, chat templates
and files belong to `harness.trial`.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from harness.core.records import Record

FENCE = "```"
Message = dict[str, str]
"""One chat message: ``role`` and ``content``, as transformers' chat templates take it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A suite cut out of a model's answer.

    Attributes:
        code: Import line and whole top-level statements; always parses. Only the import line when no test is whole.
        truncated: True when some of the answer had to be cut away, or when it never came to its end.
    """

    code: str
    truncated: bool


def question(record: Record) -> str:
    """The user's message; short on purpose, since every token of it is paid for in every step."""
    return f"Write pytest tests for `{record.entry_point}`.\n\n{FENCE}python\n{record.source.strip()}\n{FENCE}"


def messages(record: Record) -> list[Message]:
    """The chat without any example."""
    return [{"role": "user", "content": question(record)}]


def one_shot_messages(example: Record, record: Record, max_tests: int = 3) -> list[Message]:
    """The chat with one worked example before the question.

    Args:
        example: A record with at least one oracle test.
        record: The function to write tests for.
        max_tests: Tests in the worked answer, at most.

    Raises:
        ValueError: if the example has no oracle test.
    """
    worked = {"role": "assistant", "content": prefill(example) + answer(example, max_tests)}
    return [*messages(example), worked, *messages(record)]


def import_line(record: Record) -> str:
    """What every suite starts with, whoever wrote it."""
    return f"from solution import {record.entry_point}\n"


def prefill(record: Record) -> str:
    """The beginning of every answer, in training targets and in generation; never part of the loss."""
    return f"{FENCE}python\n{import_line(record)}\n"


def answer(record: Record, max_tests: int) -> str:
    """The training completion: the first oracle tests, then the closing fence.

    Args:
        record: A record with at least one oracle test.
        max_tests: Tests to take, at least 1.

    Raises:
        ValueError: if there is no test to write; training on an empty answer would teach silence.
    """
    tests = [test.strip("\n") for test in record.oracle_tests[: max(0, max_tests)] if test.strip()]
    if not tests:
        raise ValueError(f"{record.id} has no oracle test within max_tests={max_tests}")
    return "\n\n".join(tests) + f"\n{FENCE}"


def cut_suite(raw_after_prefill: str, record: Record, *, finished: bool = False) -> Cut:
    """The longest prefix of whole top-level statements that parses, behind the import line.

    Args:
        raw_after_prefill: What the model wrote after `prefill`.
        record: The function it wrote tests for.
        finished: True when the model ended by itself (end of sequence). Without that and without a closing fence the
            last statement may be half written although it parses (``== 1`` of ``== 12``), so it is dropped.
    """
    text = raw_after_prefill.replace("\r\n", "\n").replace("\r", "\n")
    body, fence, _ = text.partition(FENCE)
    lines = body.rstrip().split("\n")
    keep, tree = _longest_parse(lines)
    statements = tree.body
    complete = keep == len(lines)
    if complete and not (fence or finished):
        complete, statements = False, statements[:-1]
    if not any(_is_test(node) for node in statements):
        return Cut(import_line(record), truncated=not complete)
    last = statements[-1].end_lineno or 0
    return Cut(f"{import_line(record)}\n" + "\n".join(lines[:last]) + "\n", truncated=not complete)


def _longest_parse(lines: list[str]) -> tuple[int, ast.Module]:
    """How many leading lines parse, trying only the ends of top-level blocks; and their tree."""
    for end in range(len(lines), 0, -1):
        at_block_end = end == len(lines) or (lines[end] and not lines[end][0].isspace())
        if at_block_end and (tree := _parse("\n".join(lines[:end]))) is not None:
            return end, tree
    return 0, ast.Module(body=[], type_ignores=[])


def _parse(code: str) -> ast.Module | None:
    """The tree, or None. A model can write anything: null bytes, bad escapes, a thousand brackets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _is_test(node: ast.stmt) -> bool:
    """What pytest collects under its default names."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.startswith("test")
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test")

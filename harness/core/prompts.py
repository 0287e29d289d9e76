"""From a record to a chat, and from what a model wrote to a suite.

Owns the prefilled beginning of every answer, the training answer and the rule for whole tests. Pure: the words of the
question stand in `harness.core.prompt_template`, tokens and chat markup belong to `harness.trial`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from harness.core.focal import parsed
from harness.core.prompt_template import Template
from harness.core.records import Record

FENCE = "```"
EXAMPLE_TESTS = 3
"""Tests in a worked example, at most."""

EXAMPLE_CHARACTERS = 2000
"""A worked example is paid for in every prompt: question and answer are to be no longer than this if there is a choice."""

_EXAMPLES_LOOKED_AT = 200
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


def question(template: Template, record: Record) -> str:
    """The user's message."""
    return template.question(record)


def messages(template: Template, record: Record, example: Record | None = None) -> list[Message]:
    """The chat that asks for a suite.

    Args:
        template: The words.
        record: The function to write tests for.
        example: A record with at least one oracle test, shown answered before the question; or None.

    Raises:
        ValueError: if the example has no oracle test.
    """
    system = [{"role": "system", "content": template.system}] if template.system else []
    asked = {"role": "user", "content": question(template, record)}
    if example is None:
        return [*system, asked]
    shown = {"role": "user", "content": question(template, example)}
    worked = {"role": "assistant", "content": prefill(example) + answer(example, EXAMPLE_TESTS)}
    return [*system, shown, worked, asked]


def choose_examples(records: Iterable[Record]) -> tuple[Record, ...]:
    """Two worked examples, so that neither function is ever its own: the first two short ones with tests, else the first two.

    Args:
        records: In order; no more of them are consumed than are looked at.

    Returns:
        At most two.
    """
    usable = list(islice((record for record in records if record.oracle_tests), _EXAMPLES_LOOKED_AT))
    short = [record for record in usable if len(record.source) + len(answer(record, EXAMPLE_TESTS)) <= EXAMPLE_CHARACTERS]
    return tuple((short if len(short) > 1 else usable)[:2])


def example_for(record: Record, examples: Sequence[Record]) -> Record | None:
    """The first of `choose_examples` that is another function."""
    return next((example for example in examples if example.source != record.source), None)


def import_line(record: Record) -> str:
    """What every suite starts with, whoever wrote it; a method comes with its class."""
    return f"from solution import {record.entry_point.partition('.')[0]}\n"


def prefill(record: Record) -> str:
    """The beginning of every answer, in training targets and in generation; never part of the loss."""
    return f"{FENCE}python\n{import_line(record)}\n"


def answer(record: Record, max_tests: int) -> str:
    """The training completion: the imports that the first oracle tests need, these tests, then the closing fence.

    Args:
        record: A record with at least one oracle test.
        max_tests: Tests to take, at least 1.

    Raises:
        ValueError: if there is no test to write; training on an empty answer would teach silence.
    """
    tests = [test.strip("\n") for test in record.oracle_tests[: max(0, max_tests)] if test.strip()]
    if not tests:
        raise ValueError(f"{record.id} has no oracle test within max_tests={max_tests}")
    imports = _needed(record.oracle_imports, "\n".join(tests))
    head = "\n".join(imports) + "\n\n" if imports else ""
    return head + "\n\n".join(tests) + f"\n{FENCE}"


def cut_suite(raw_after_prefill: str, record: Record, *, finished: bool = False, whole_tests: bool = True) -> Cut:
    """The longest prefix of whole top-level statements that parses, behind the import line.

    Args:
        raw_after_prefill: What the model wrote after `prefill`; its own import lines are kept.
        record: The function it wrote tests for.
        finished: True when the model ended by itself (end of sequence). Without that and without a closing fence the
            last statement may be half written although it parses (``== 1`` of ``== 12``), so it is dropped.
        whole_tests: False keeps the whole lines of a test that was broken off, and asserts outside of tests: for those who
            take tests apart.
    """
    text = raw_after_prefill.replace("\r\n", "\n").replace("\r", "\n")
    body, fence, _ = text.partition(FENCE)
    lines = body.rstrip().split("\n")
    ended = bool(fence or finished)
    if not (ended or whole_tests):
        lines = lines[:-1]
    keep, tree = _longest_parse(lines, anywhere=not whole_tests)
    statements = tree.body
    complete = ended and keep == len(lines)
    if whole_tests and keep == len(lines) and not ended:
        statements = statements[:-1]
    if not any(_is_test(node) or (isinstance(node, ast.Assert) and not whole_tests) for node in statements):
        return Cut(import_line(record), truncated=not complete)
    last = statements[-1].end_lineno or 0
    return Cut(f"{import_line(record)}\n" + "\n".join(lines[:last]) + "\n", truncated=not complete)


def _needed(imports: Sequence[str], tests: str) -> list[str]:
    """The import lines that bind a name the tests use; one that does not parse, or binds everything, is kept."""
    tree = parsed(tests)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree else set()
    lines = (line.strip("\n") for line in imports if line.strip())
    return [line for line in dict.fromkeys(lines) if tree is None or _binds(line) & (used | {"*"})]


def _binds(line: str) -> set[str]:
    """The names that an import line binds; ``*`` stands for any."""
    tree = parsed(line)
    if tree is None:
        return {"*"}
    aliases = [alias for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases} or {"*"}


def _longest_parse(lines: list[str], *, anywhere: bool = False) -> tuple[int, ast.Module]:
    """How many leading lines parse, and their tree: up to the end of a top-level block, or up to anywhere."""
    for end in range(len(lines), 0, -1):
        at_block_end = anywhere or end == len(lines) or (lines[end] and not lines[end][0].isspace())
        if at_block_end and (tree := parsed("\n".join(lines[:end]))) is not None:
            return end, tree
    return 0, ast.Module(body=[], type_ignores=[])


def _is_test(node: ast.stmt) -> bool:
    """What pytest collects under its default names."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.startswith("test")
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test")

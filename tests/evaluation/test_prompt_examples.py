from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from evaluation.copies.copied import find_copies
from evaluation.copies.prompt_examples import prompt_examples


@pytest.mark.parametrize(
    "text",
    [
        "f([1, 'a']) == 2",
        "   * f([1, 'a']) => 2, because",
        'f([1,"a"])==>2',
        "f([1, 'a']) = 2.0",
        "f([1, 'a']) -> 2",
        "f([1, 'a']) ➞ 2",
        "f([1, 'a']) returns 2.",
        "f([1, 'a']) should return\n    2",
        "f([1, 'a'])   # 2",
        "f([1, 'a'])  # => 2 (the first)",
        "f([1, 'a']) # returns 2",
        "`f([1, 'a'])` is `2`",
        "f([1, 'a']) -> 3 - 1 = 2",
        "f([\n  1,\n  'a'\n]) == 2",
        "For f([1, 'a']) the result should be 2",
        "For x = [1, 'a'], the first is 1 the output should be 2.",
        "Example 1:\n  Input: x = [1, 'a']\n  Output: 2",
        "Input:\n  x : [1, 'a']\nOutput: 2",
        "assert f([1, 'a']) == 2",
        "assert 2 == f(x=[1, 'a']), 'why'",
        ">>> f([1, 'a'])\n2\n",
        ">>> f([1, 'a']) == 2\nTrue\n",
        ">>> f([1, 'a']) == 2\n>>> g()",
        ">>> round(f([1, 'a']), 1)\n2.0\n",
        ">>> x = [1, 'a']\n>>> f(x)\n2\n",
        ">>> print(f([1, 'a']))\n2\n",
        'def f(x):\n    """Doc.\n\n    >>> f([1, "a"])\n    2\n    """\n',
    ],
)
def test_an_example_is_found_in_any_of_its_forms(text: str) -> None:
    assert "$([1,'a']) == 2" in prompt_examples(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "def f(n: int) -> None:",
        "def f(n) -> int:\n    return 2",
        "f(n) = f(n - 1) + f(n - 2)",
        "f(n) = 1 + n / 2, if n is even",
        "nf(1) == 2 and obj.f(1) == 2",
        "f(1) is fast",
        ">>> f(1)\nTraceback (most recent call last):\nValueError: 1\n",
        ">>> f(1",
        "Input: a list\nOutput: 3",
        "",
    ],
)
def test_what_is_no_example_is_none(text: str) -> None:
    assert prompt_examples(text, "f") == frozenset()


def test_words_are_read_as_they_are_meant() -> None:
    assert prompt_examples("f(abc) => true\nf(false) => none", "f") == {"$('abc') == True", "$(False) == None"}


def test_an_escape_in_a_docstring_may_be_meant_either_way() -> None:
    source = 'def f(s):\n    """\n    >>> f("a\\nb")\n    2\n    >>> f("a\\\\nb")\n    3\n    """\n'
    found = prompt_examples(source, "f")
    assert {r"$('a\nb') == 2", r"$('a\nb') == 3"} <= found


def test_nearly_all_prompts_of_humaneval_show_an_example_and_its_own_tests_repeat_some() -> None:
    root = Path(os.environ.get("HARNESS_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    file = root / "humaneval" / "HumanEval.jsonl.gz"
    if not file.exists():
        pytest.skip("HumanEval is not here: set HARNESS_SHARED_DATA")
    with gzip.open(file, "rt", encoding="utf-8") as text:
        rows = [json.loads(line) for line in text]
    examples = {row["task_id"]: prompt_examples(row["prompt"], row["entry_point"]) for row in rows}
    assert sum(bool(found) for found in examples.values()) == 156
    counts = [
        find_copies(
            f"{row['test']}\ndef test_it():\n    check({row['entry_point']})\n", examples[row["task_id"]], row["entry_point"]
        )
        for row in rows
    ]
    assert sum(count.asserts for count in counts) == 1133
    assert sum(count.copied for count in counts) == 334

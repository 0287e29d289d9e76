from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from harness.core.records import Record
from harness.data.lengths import CHARACTERS_PER_TOKEN, TEMPLATE_TOKENS, longest_prompt
from harness.files.template_files import load_template

PLAIN = [load_template("chat-function")]


@pytest.fixture
def split(tmp_path: Path) -> Path:
    file = tmp_path / "split.jsonl"
    sources = ["def f(x):\n    return x\n", "def f(x):\n" + "    x = x + 1\n" * 50 + "    return x\n"]
    records = [Record(f"t/{n}", "f", source, (), None, "made up", "MIT") for n, source in enumerate(sources)]
    file.write_text("".join(json.dumps(record.to_dict()) + "\n" for record in records), "utf-8")
    return file


def test_the_longest_prompt_counts_in_the_models_own_tokens(split: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    # 50 lines of "x = x + 1" are 250 words; the question and the import around them a few dozen
    assert 250 < longest_prompt([split], file, PLAIN) - TEMPLATE_TOKENS < 320


def test_without_a_tokenizer_it_is_bounded_by_the_characters(split: Path, tmp_path: Path) -> None:
    longest = longest_prompt([split], None, PLAIN)
    assert longest == longest_prompt([split], tmp_path / "missing.json", PLAIN)
    assert longest - TEMPLATE_TOKENS > 50 * len("    x = x + 1\n") / CHARACTERS_PER_TOKEN


def test_no_records_leave_the_template(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert longest_prompt([empty], None, PLAIN) == TEMPLATE_TOKENS


def test_the_longest_of_all_templates_counts_with_its_example(split: Path) -> None:
    example = Record("t/9", "g", "def g():\n    return 1\n", ("def test_g():\n    assert g() == 1",), None, "made up", "MIT")
    alone = longest_prompt([split], None, PLAIN, [example])
    assert alone == longest_prompt([split], None, PLAIN)
    several = [*PLAIN, load_template("chat-example"), load_template("chat-signature")]
    assert longest_prompt([split], None, several, [example]) > longest_prompt([split], None, several) > alone

"""Prompt templates: the shipped ones word by word, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.core.prompt_template import VARIABLES, Template
from harness.core.records import Record
from harness.files.template_files import TEMPLATE_NAMES, load_template, parse_template

SOURCE = '''\
import math


def area(r: float) -> float:
    """Of a disc."""
    return math.pi * r * r

'''
RECORD = Record("t/1", "area", SOURCE, (), None, "here", "unknown")
GOOD = "name: mine\nversion: 2\nstyle: chat\nuser: Test {{ entry_point }}.\n"


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_shipped_templates_are_named_versioned_and_show_the_code(name: str) -> None:
    template = load_template(name)
    assert template.identity == f"{name}@1"
    assert template.style == ("completion" if name == "completion" else "chat")
    assert template.example is (name == "chat-example")
    assert SOURCE.strip() in template.question(RECORD)
    assert "`area`" in template.question(RECORD)
    assert Template.from_dict(template.to_dict()) == template


def test_the_shortest_question_is_what_it_always_was() -> None:
    # Scores of the quickstart were measured with these very words.
    wanted = f"Write pytest tests for `area`.\n\n```python\n{SOURCE.strip()}\n```"
    assert load_template("chat-function").question(RECORD) == wanted
    assert load_template("chat-example").question(RECORD) == wanted


@given(st.text(st.characters(codec="utf-8")), st.text("abc_", min_size=1))
def test_any_code_stands_in_the_question_as_it_is(source: str, name: str) -> None:
    record = Record("t", name, source, (), None, "here", "unknown")
    wanted = f"Write pytest tests for `{name}`.\n\n```python\n{source.strip()}\n```"
    assert load_template("chat-function").question(record) == wanted


def test_the_signature_stands_before_the_code() -> None:
    asked = load_template("chat-signature").question(RECORD)
    assert asked.startswith(
        "Write pytest tests for `area`.\n\nSignature: `def area(r: float) -> float`\n\nWhat it promises:\nOf a disc.\n\nThe"
    )
    bare = load_template("chat-signature").question(Record("t", "x", "x = 1\n", (), None, "here", "unknown"))
    assert bare == "Write pytest tests for `x`.\n\nThe module `solution`:\n```python\nx = 1\n```"


def test_a_file_of_ones_own_is_read_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("\ufeff" + GOOD.replace("\n", "\r\n") + "system: Be brief.\nexample: true\n", "utf-8")
    assert load_template(str(file)) == Template("mine", "2", "chat", "Test {{ entry_point }}.", "Be brief.", example=True)


def test_every_part_can_be_shown() -> None:
    text = "|".join(f"{{{{ {name} }}}}" for name in VARIABLES)
    asked = parse_template(GOOD.replace("Test {{ entry_point }}.", f"'{text}'"), "mine.yaml").question(RECORD)
    assert asked.split("|")[2:] == [SOURCE[13:].strip(), "import math", "def area(r: float) -> float", "Of a disc."]


def test_the_digest_is_of_every_field() -> None:
    first = parse_template(GOOD, "a")
    assert parse_template("# words\n" + GOOD, "b").digest == first.digest
    for changed in (GOOD + "example: true\n", GOOD + "system: x\n", GOOD.replace("2", "3"), GOOD.replace("Test", "test")):
        assert parse_template(changed, "c").digest != first.digest


@pytest.mark.parametrize(
    ("text", "message", "detail"),
    [
        ("name: [", "mine.yaml:", "expected"),
        ("just words", "mine.yaml: no prompt template", "str"),
        ("", "mine.yaml: no prompt template", "NoneType"),
        (GOOD.replace("version: 2\n", ""), "mine.yaml: version", "required"),
        (GOOD.replace("version: 2", "version: 1.10"), "mine.yaml: version", "quote it"),
        (GOOD.replace("version: 2", "version: true"), "mine.yaml: version", "True"),
        (GOOD.replace("version: 2", "version: ''"), "mine.yaml: version", "at least 1"),
        (GOOD.replace("name: mine", "name: 'a b'"), "mine.yaml: name", "a b"),
        (GOOD.replace("chat", "chatty"), "mine.yaml: style", "completion"),
        (GOOD + "exampel: true\n", "mine.yaml: exampel", "did you mean 'example'?"),
        (GOOD + "example: maybe\n", "mine.yaml: example", "maybe"),
        (GOOD.replace("entry_point", "entrypoint"), "mine.yaml: user", "did you mean 'entry_point'?"),
        (GOOD.replace("entry_point", "secret_word"), "mine.yaml: user", "take one of"),
        (GOOD.replace("{{ entry_point }}", "it"), "mine.yaml: user", "never shows"),
        (GOOD.replace("{{ entry_point }}", "'{{ entry_point'"), "mine.yaml: user", "line 1"),
        (GOOD.replace("{{ entry_point }}", "{{ source.missing.more }}"), "mine.yaml: user", "UndefinedError"),
        (GOOD.replace("{{ entry_point }}", "{{ source.__class__.__mro__ }}"), "mine.yaml: user", "unsafe"),
        (GOOD.replace("{{ entry_point }}", "{{ entry_point / 2 }}"), "mine.yaml: user", "TypeError"),
        (GOOD.replace("{{ entry_point }}", "{% include 'x' %}{{ source }}"), "mine.yaml: user", "fails"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_field(tmp_path: Path, text: str, message: str, detail: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(HarnessError) as error:
        load_template(str(file))
    assert message in error.value.what
    assert detail in f"{error.value.why} {error.value.fix}"


def test_an_unknown_name_gets_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no prompt template is called 'chat-signatur'") as error:
        load_template("chat-signatur")
    assert "did you mean 'chat-signature'?" in error.value.fix
    with pytest.raises(HarnessError, match="cannot read the prompt template"):
        load_template(str(tmp_path / "absent.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HarnessError, match="cannot read the prompt template"):
        load_template(str(tmp_path / "binary.yaml"))


@given(st.text(max_size=60))
def test_any_text_that_is_no_template_is_an_error_with_three_lines(text: str) -> None:
    with pytest.raises(HarnessError) as error:  # a template takes more than 60 characters
        parse_template(text, "mine.yaml")
    assert all(error.value.lines())

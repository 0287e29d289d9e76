"""Prompt templates: the shipped ones word by word, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import ExitCode, HarnessError
from harness.core.prompt_template import Template
from harness.core.records import Record
from harness.core.template_text import VARIABLES
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


def test_the_shipped_words_are_the_ones_that_studies_were_begun_with() -> None:
    # A digest is part of a study's identity: other words need another name or version.
    assert {name: load_template(name).digest[:16] for name in TEMPLATE_NAMES} == {
        "chat-function": "a6ef66425d4ec9b5",
        "chat-signature": "1d1ebf5f99143374",
        "chat-example": "e84865294ddbc2b7",
        "completion": "84d7c1922ea169b2",
        "chat-short-tests": "e44ac8bbdfe87761",
    }


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
        (GOOD.replace("version: 2", "version: 1.10"), "mine.yaml:2: version", "quote it"),
        (GOOD.replace("version: 2", "version: true"), "mine.yaml:2: version", "True"),
        (GOOD.replace("version: 2", "version: ''"), "mine.yaml:2: version", "at least 1"),
        (GOOD.replace("name: mine", "name: 'a b'"), "mine.yaml:1: name", "a b"),
        (GOOD.replace("chat", "chatty"), "mine.yaml:3: style", "completion"),
        (GOOD + "exampel: true\n", "mine.yaml:5: exampel", "did you mean 'example'?"),
        (GOOD + "example: maybe\n", "mine.yaml:5: example", "maybe"),
        (GOOD.replace("entry_point", "entrypoint"), "mine.yaml:4: user", "did you mean 'entry_point'?"),
        (GOOD.replace("entry_point", "secret_word"), "mine.yaml:4: user", "take one of"),
        (GOOD.replace("{{ entry_point }}", "it"), "mine.yaml:4: user", "never shows"),
        (GOOD.replace("{{ entry_point }}", "'{{ entry_point'"), "mine.yaml:4: user", "line 1"),
        (GOOD.replace("{{ entry_point }}", "{{ source.__class__.__mro__ }}"), "mine.yaml:4: user", "an attribute is refused"),
        (GOOD.replace("{{ entry_point }}", "{{ entry_point / 2 }}"), "mine.yaml:4: user", "arithmetic is refused"),
        (GOOD.replace("{{ entry_point }}", "{% include 'x' %}{{ source }}"), "mine.yaml:4: user", "a statement other than if"),
        (GOOD.replace("version: 2", "version: 0x" + "f" * 9999), "mine.yaml:2: version", "found int"),
        (GOOD.replace("version: 2", "version: 2024-13-45"), "mine.yaml: not YAML", "month"),
        (GOOD.replace("version: 2", "version: !!int ''"), "mine.yaml: not YAML", "index"),
        (GOOD + "1: 2", "mine.yaml:5: 1: ", "found 1: Keys should be strings"),
        (GOOD.replace("mine", '"\\ud800"'), "mine.yaml:1: name", "ud800"),
        (GOOD.replace("2", "&v 2").replace("mine", "*v"), "mine.yaml:1: not YAML", "alias"),
        (GOOD + "system: " + "[" * 50_000, "mine.yaml: not YAML", "recursion"),
        (GOOD + "#" * 100_000, "mine.yaml: no prompt template", "more than 100000 characters"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_field(tmp_path: Path, text: str, message: str, detail: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(HarnessError) as error:
        load_template(str(file))
    assert message in error.value.what
    assert detail in f"{error.value.why} {error.value.fix}"


def test_the_line_of_a_refused_text_is_the_files(tmp_path: Path) -> None:
    block = "# words\nname: mine\nversion: 2\nstyle: chat\nuser: |-\n  Test it.\n  {{ source }}\n\n  {{ 9 * 9 }}\n"
    for text, line in ((block, 9), (block.replace("|-", ">-"), 5), ("user: '{{ 2 + 2 }}'\n" + GOOD.partition("user")[0], 1)):
        with pytest.raises(HarnessError) as error:
            parse_template(text, "mine.yaml")
        assert error.value.what.startswith(f"mine.yaml:{line}: user: ")
        assert error.value.code is ExitCode.BAD_INPUT


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "./a\0.yaml", "/"])
def test_what_is_no_file_is_not_read(name: str) -> None:
    with pytest.raises(HarnessError, match="cannot read the prompt template"):
        load_template(name)


def test_a_long_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "long.yaml").open("wb") as file:
        file.truncate(1 << 24)
    with pytest.raises(HarnessError, match="no prompt template"):
        load_template(str(tmp_path / "long.yaml"))


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


YAML_BITS = [
    "name: a",
    "version: 1",
    "style: chat",
    "user: '{{ source }}'",
    "system: ",
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
    "[",
    "{",
    "}",
]
YAML_BITS += [
    "!!int ",
    "!!bool x",
    "!!timestamp ",
    "!!set ",
    "!!omap ",
    "0x" + "f" * 5000,
    "1:" * 99 + "1.5",
    "2024-02-31",
    "='",
    "\n",
    "\n",
]


@given(st.lists(st.sampled_from(YAML_BITS), max_size=12).map("".join) | st.lists(st.sampled_from(YAML_BITS)).map("\n".join))
def test_whatever_yaml_is_given_it_is_a_template_or_an_error(text: str) -> None:
    try:
        template = parse_template(text, "mine.yaml")
    except HarnessError as error:
        told = error
    else:
        assert template.question(RECORD) == SOURCE
        return
    assert all(told.lines())
    assert told.code is ExitCode.BAD_INPUT

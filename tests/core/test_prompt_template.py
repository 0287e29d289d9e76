"""What a template's text may hold: nothing that takes long, grows without bound, or fails once it is filled."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import ExitCode, HarnessError
from harness.core.focal import focal_parts
from harness.core.prompt_template import Template
from harness.core.records import Record
from harness.core.template_text import GROWTH, VARIABLES, RefusedTextError, used_variables
from harness.files.template_files import parse_template

RECORD = Record("t/1", "f", 'def f(a):\n    """Of a."""\n    return a\n', (), None, "here", "unknown")
RECORDS = tuple(
    replace(RECORD, entry_point=name, source=source)
    for name, source in (
        ("f", RECORD.source),
        ("f", ""),
        ("", "\n" * 300),
        ("\u0390", "\u0390\u0130" * 200),
        ("g", "def g(): return '" + "a\tb" * 100 + "'"),
    )
)


def filled(text: str, record: Record = RECORD) -> str:
    return Template("mine", "1", "chat", text).question(record)


def longest_input(text: str, record: Record) -> int:
    parts = focal_parts(record.source, record.entry_point)
    values = [record.entry_point, record.source, parts.focal, parts.context, parts.signature, parts.docstring]
    return max(len(text), *map(len, values))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ entry_point | upper }}{# note #}{% raw %}{{ x }}{% endraw %}", "F{{ x }}"),
        ("{% if context %}c{% elif docstring %}{{ docstring }}{% else %}n{% endif %}", "Of a."),
        ("{% if source | length > 9 and not context %}long{% endif %}", "long"),
        ("{{ 'yes' if 'return' in source else 'no' }}", "yes"),
        ("{{ context | default(signature, true) }}", "def f(a)"),
        ("{{ context or docstring }}", "Of a."),
        ("{% set said = '# ' ~ docstring %}{{ said | indent(2, first=true) }}", "  # Of a."),
        ("{{ source | replace('    ', '\\t') | truncate(9, true, '') | trim }}", "def f(a):"),
        ("{% if docstring is defined and docstring is not none %}{{ entry_point }}{% endif %}", "f"),
        ("{{ docstring | lower | title | capitalize }}", "Of a."),
    ],
)
def test_what_is_listed_is_filled(text: str, wanted: str) -> None:
    assert filled(text) == wanted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{% for i in range(9) %}{% for j in range(9) %}x{% endfor %}{% endfor %}", "a loop"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "a macro"),
        ("{{ ('x' * 3) | length }}", "arithmetic"),
        ("{{ 9 ** 9 }}", "arithmetic"),
        ("{{ -1 }}", "arithmetic"),
        ("{{ range(9) }}", "a call"),
        ("{{ source.strip() }}", "a call"),
        ("{{ source.x }}", "an attribute"),
        ("{{ source[0] }}", "an item"),
        ("{{ ['a'] }}", "a list"),
        ("{{ 1.5 }}", "a number with a point"),
        ("{{ '\\ud800' }}", "a number with a point, or half a character"),
        ("{{ 1234567890 }}", "a number of 10 characters"),
        ("{{ 'x' if source }}", "an if without an else"),
        ("{{ source < 5 }}", "a comparison"),
        ("{{ 5 in source }}", "a comparison"),
        ("{{ source is divisibleby(2) }}", "a test other"),
        ("{% if source %}{% set a = 'x' %}{% endif %}{{ a }}", "a set inside an if"),
        ("{% set a, b = 'xy' %}", "a set inside an if, or of several"),
        ("{% set a %}x{% endset %}", "a statement other"),
        ("{% filter upper %}x{% endfilter %}", "a statement other"),
        ("{% with a = source %}{% endwith %}", "a statement other"),
        ("{% block a %}{% endblock %}", "a statement other"),
        ("{{ self }}", "there is no 'self'"),
        ("{{ source | center(80) }}", "the filter center"),
        ("{{ source | indent(entry_point) }}", "the filter indent"),
        ("{{ source | indent('\\n\\n') }}", "the filter indent"),
        ("{{ source | indent(4, width=4) }}", "the filter indent"),
        ("{{ source | indent(width=4, width=4) }}", "the filter indent"),
        ("{{ source | indent(1, true, true, true) }}", "the filter indent"),
        ("{{ source | indent(**source) }}", "the filter indent"),
        ("{{ source | replace('a', source) }}", "the filter replace"),
        ("{{ source | replace('', 'a') }}", "the filter replace"),
        ("{{ source | replace('a') }}", "the filter replace"),
        ("{{ source | truncate(2) }}", "the filter truncate"),
        ("{{ 5 | length }}", "the filter length"),
        ("{{ (source | length) | indent }}", "the filter indent"),
        ("{{ source | indent(1000000) }}", "filled, the text could grow"),
        (
            "{{ source | replace('a', 'aaaa') | replace('a', 'aaaa') | replace('a', 'aaaa') | replace('a', 'aaaa') }}",
            "filled, the text could grow",
        ),
        ("{% set a = source ~ source %}" + "{% set a = a ~ a %}" * 30 + "{{ a }}", "filled, the text could grow"),
        ("{{ source }}" * GROWTH, "filled, the text could grow"),
    ],
)
def test_what_is_not_listed_is_refused_before_it_is_compiled(text: str, found: str) -> None:
    with pytest.raises(RefusedTextError) as error:
        used_variables("{{ source }}\n" + text)
    assert str(error.value.message).startswith(found)
    assert error.value.lineno == 2
    assert error.value.fix
    with pytest.raises(RefusedTextError):  # of an adapter from elsewhere, which no loader has seen
        filled(text)


@pytest.mark.parametrize("times", [21, 60, 90, 1000, 4000])
@pytest.mark.parametrize(
    ("before", "middle", "after"),
    [
        ("(", "source", ")"),
        ("[", "1", "]"),
        ("not ", "source", ""),
        ("- ", "1", ""),
        ("'a' if source else ", "'b'", ""),
        ("", "source", " | trim"),
        ("", "source", " and source"),
        ("source | default(", "source", ")"),
        (" }}{% if source %}", "x", "{% endif %}{{ "),
        (" }}{% if source %}{% else %}", "x", "{% endif %}{{ "),
    ],
)
def test_however_deep_a_text_is_nested_it_is_refused(before: str, middle: str, after: str, times: int) -> None:
    text = "{{ " + before * times + middle + after * times + " }}"
    with pytest.raises(RefusedTextError):
        used_variables(text)


def test_an_if_of_so_many_branches_that_python_cannot_compile_it_is_refused() -> None:
    whole = "{{% if not source %}}x{}{{% else %}}y{{% endif %}}"
    assert filled(whole.format("{% elif not focal %}x" * 18)) == "y"
    with pytest.raises(RefusedTextError, match="levels inside"):
        used_variables(whole.format("{% elif not entry_point %}x" * 6000))


def test_a_hundred_thousand_brackets_are_an_error_like_any_other() -> None:
    for brackets in (90_000, 100_000):
        with pytest.raises(HarnessError) as error:
            read("{{ " + "(" * brackets)
        assert error.value.code is ExitCode.BAD_INPUT


def read(text: str) -> Template:
    return parse_template(yaml.safe_dump({"name": "mine", "version": 1, "style": "chat", "user": text}), "mine.yaml")


FILTERED = [f" | {name}" for name in ("trim", "upper", "lower", "title", "capitalize", "indent", "truncate", "length")]
FILTERED += [
    " | indent(3, true, true)",
    " | indent(30, blank=true)",
    " | replace('\\n', '\\r\\n\\n')",
    " | replace('a', '')",
    " | truncate(7, true, '...')",
]
texts = st.recursive(
    st.sampled_from([*VARIABLES, "'\\u0390\\n'", "'a'", "''", "a"]),
    lambda inner: st.one_of(
        st.builds("({}{})".format, inner, st.sampled_from(FILTERED)),
        st.builds("({} {} {})".format, inner, st.sampled_from(["~", "and", "or", "==", "in"]), inner),
        st.builds("({} if {} is none else {})".format, inner, inner, inner),
        st.builds("({} | default({}, true))".format, inner, inner),
    ),
    max_leaves=9,
)
blocks = st.one_of(
    st.builds("{{{{ {} }}}}".format, texts),
    st.builds("{{% if {} %}}{{{{ {} }}}}{{% elif not {} %}}\n{{% endif %}}".format, texts, texts, texts),
    st.builds("{{% set a = {} %}}".format, texts),
)
BITS = [
    "{{ ",
    " }}",
    "{% if ",
    " %}",
    "{% else %}",
    "{% endif %}",
    "{% set a = ",
    "{% for i in ",
    "{% endfor %}",
    "{# ",
    "#}",
    "{%- ",
]
BITS += [
    "\n",
    "source",
    "a",
    "self",
    "loop",
    "caller",
    "'",
    "'a'",
    "5",
    "1.5",
    "none",
    "(",
    ")",
    ")",
    "[",
    "]",
    ".",
    ",",
    "=",
    "*",
    "-",
]
BITS += [
    *FILTERED,
    " | ",
    " | default(",
    " ~ ",
    " and ",
    " not ",
    " if ",
    " else ",
    " < ",
    " in ",
    " is ",
    "\\",
    "\ufb01",
    "\x00",
]


@given(
    st.lists(blocks, min_size=1, max_size=6).map("".join) | st.lists(st.sampled_from(BITS), min_size=1).map("".join) | st.text()
)
def test_every_text_is_refused_or_grows_by_a_bounded_factor_and_never_fails(text: str) -> None:
    try:
        template = read(text)
    except HarnessError as error:
        told = error
    else:
        assert all(len(template.question(r)) <= GROWTH * longest_input(template.user, r) for r in RECORDS)
        return
    assert all(told.lines())
    assert told.code is ExitCode.BAD_INPUT

"""Doctest examples as pytest asserts."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.harvest.doctests import Tests, doctest_tests
from harness.data.harvest.modules import Function, Module, functions
from harness.data.harvest.names import Scope


def made_of(examples: str, head: str = "", sliced: frozenset[str] = frozenset({"f"}), *, importable: bool = True) -> Tests | None:
    docs = "\n".join(f"    {line}" if line else "" for line in examples.split("\n"))
    text = f'{head}\n\ndef f(x):\n    r"""Doc.\n\n{docs}\n    """\n    return x\n'
    module = Module("pack.mod", "pack/mod.py", text)
    function: Function = next(function for function, _ in functions(module) if function.name == "f")
    return doctest_tests(function, Scope(module, sliced, importable=importable))


def only(examples: str, head: str = "") -> str:
    found = made_of(examples, head)
    assert found is not None
    assert len(found.tests) == 1
    return found.tests[0].split("\n", 1)[1]


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        (">>> f(1)\n1", "    assert f(1) == 1"),
        (">>> f([1, 'a'])\n[1, 'a']", "    assert f([1, 'a']) == [1, 'a']"),
        (">>> f({1, 2})\n{2, 1}", "    assert f({1, 2}) == {2, 1}"),
        (">>> f(True)\nTrue", "    assert f(True) is True"),
        (">>> print(f(1))\n1", "    assert str(f(1)) == '1'"),
        (">>> print(f('a\\n\\nb'))\na\n<BLANKLINE>\nb", "    assert str(f('a\\n\\nb')) == 'a\\n\\nb'"),
        (">>> f(object)\n<class 'object'>", "    assert repr(f(object)) == \"<class 'object'>\""),
        (">>> f(1)  # doctest: +NORMALIZE_WHITESPACE\n[1,\n 2]", "    assert f(1) == [1, 2]"),
        (
            ">>> f(0)\nTraceback (most recent call last):\n    ...\nZeroDivisionError: x",
            "    with pytest.raises(ZeroDivisionError):\n        f(0)",
        ),
        (">>> a = 1\n>>> b = a + 1\n>>> f(b)\n2", "    a = 1\n    b = a + 1\n    assert f(b) == 2"),
        (">>> for i in (1,):\n...     a = f(i)\n>>> a\n1", "    for i in (1,):\n        a = f(i)\n    assert a == 1"),
    ],
)
def test_an_example_becomes_an_assert(examples: str, expected: str) -> None:
    assert only(examples) == expected


@pytest.mark.parametrize(
    "examples",
    [
        "no examples",
        ">>> f(object())  # doctest: +ELLIPSIS\n<object object at 0x...>",
        ">>> f(object())\n<object object at 0x7f12>",
        ">>> f(1)  # doctest: +SKIP\n1",
        ">>> nowhere(f(1))\n1",
        ">>> 1 + 1\n2",
        ">>> f(1",
        ">>> f(0)\nTraceback (most recent call last):\n    ...\nNoSuchError: x",
    ],
)
def test_what_cannot_be_an_assert_is_left_out(examples: str) -> None:
    assert made_of(examples) is None


def test_examples_that_share_nothing_stand_alone() -> None:
    found = made_of(">>> f(1)\n1\n>>> it = iter([1, 2])\n>>> f(next(it))\n1\n>>> f(next(it))\n2\n>>> it = 5\n>>> f(it)\n5")
    assert found is not None
    assert [test.split("\n", 1)[1] for test in found.tests] == [
        "    assert f(1) == 1",
        "    it = iter([1, 2])\n    assert f(next(it)) == 1\n    assert f(next(it)) == 2",
        "    it = 5\n    assert f(it) == 5",
    ]


def test_a_seed_stands_before_everything_that_follows() -> None:
    found = made_of(">>> import random\n>>> random.seed(1)\n>>> f(1)\n1\n>>> f(2)\n2")
    assert found is not None
    assert all("random.seed(1)" in test for test in found.tests)
    assert "import random" in found.imports


def test_names_come_from_the_solution_the_module_or_its_imports() -> None:
    head = "import numpy as np\nfrom .other import make\nLIMIT = 3\n\n\ndef helper():\n    return 1\n"
    found = made_of(">>> f([np.pi, make(), LIMIT, helper()])\n[]", head, frozenset({"f", "helper"}))
    assert found is not None
    header = found.suite.split("\n\n\n")[0].split("\n")
    assert header == [
        "import numpy as np",
        "from pack.mod import LIMIT",
        "from pack.other import make",
        "from solution import f, helper",
    ]


def test_of_a_checkout_only_the_slice_can_be_imported() -> None:
    examples = ">>> from pack.other import make\n>>> f(1)\n1\n>>> f(make())\n2\n>>> f(LIMIT)\n3"
    found = made_of(examples, "LIMIT = 3\n", importable=False)
    assert found is not None
    assert found.suite == "from solution import f\n\n\ndef test_f_example_1():\n    assert f(1) == 1\n"


def test_the_function_is_called_by_its_own_name() -> None:
    found = made_of(
        ">>> import pack.mod as pm\n>>> from pack import mod\n>>> pm.f(1)\n1\n>>> mod.f(2)\n2\n>>> x = mod\n>>> x.f(3)\n3"
    )
    assert found is not None
    assert [test.split("\n", 1)[1] for test in found.tests] == ["    assert f(1) == 1", "    assert f(2) == 2"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(_VALUES, min_size=1, max_size=4))
def test_what_the_doctest_module_accepts_passes_as_a_test(values: list[object]) -> None:
    """For the identity, examples made of any literals: the doctest passes, and so does every test made of it."""
    examples = "\n".join(f">>> f({value!r})\n{value!r}" for value in values if value is not None)
    if not examples:
        return
    parsed = doctest.DocTestParser().get_doctest(examples, {"f": lambda x: x}, "x", None, 0)
    failures, _ = doctest.DocTestRunner(verbose=False).run(parsed, out=lambda _: None)
    found = made_of(examples)
    if failures or found is None:
        return
    namespace: dict[str, object] = {"f": lambda x: x}
    for test in found.tests:
        exec(test, namespace)
    for name, value in list(namespace.items()):
        if name.startswith("test_"):
            value()  # type: ignore[operator]

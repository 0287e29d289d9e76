from __future__ import annotations

import ast
from textwrap import indent

import pytest

from harness.data.targets.around import Around
from harness.data.targets.pieces import count_tests, pieces_of, weaker
from harness.data.targets.rendering import AS_SOLUTION, Module, compatible, rendered
from harness.data.targets.tests import distinct, joined_tests, tidy
from harness.data.targets.tidying import tidied

SOURCE = "from decimal import Decimal\n\nLIMIT = 3\n\ndef price(x, y=1):\n    return Decimal(x) * y\n"
AROUND = Around(SOURCE, "price", frozenset({"price", "LIMIT", "Decimal"}))
HEAD = "from solution import price\n"


def texts(*samples: str) -> list[str]:
    return [piece.text for piece in pieces_of([HEAD + sample for sample in samples], AROUND)]


def test_a_test_of_many_asserts_is_many_pieces() -> None:
    assert texts("def test_a():\n    assert price(1) == 1\n    assert price(2) == 3\n") == [
        "assert price(1) == 1",
        "assert price(2) == 3",
    ]


def test_what_belongs_together_stays_together() -> None:
    found = texts("def test_a():\n    x = [1]\n    x.append(price(2))\n    assert x[1] == 2\n    assert price(3) == 3\n")
    assert found == ["x = [1]\nx.append(price(2))\nassert x[1] == 2", "assert price(3) == 3"]


def test_cases_loops_and_classes_are_spelled_out() -> None:
    code = """
import pytest

@pytest.mark.parametrize("x, y", [(1, 1), (2, 2)])
def test_cases(x, y):
    assert price(x) == y

class TestPrice:
    def test_loop(self):
        for x in [5, 6]:
            assert price(x) == x
"""
    assert texts(code) == [f"assert price({x}) == {x}" for x in (1, 2, 5, 6)]


def test_the_same_piece_of_two_samples_is_one() -> None:
    same = "def test_{}():\n    assert price(1) == 1\n"
    assert len(texts(same.format("a"), same.format("b"))) == 1


def test_what_cannot_be_had_is_left_out() -> None:
    assert texts("def test_a():\n    assert price(1) == unknown\n    assert price(LIMIT) == 3\n") == ["assert price(LIMIT) == 3"]


@pytest.mark.parametrize(
    "reaching",
    [
        "import os\n\ndef test_a():\n    os.system('rm -rf x')\n",
        "from os import system\n\ndef test_a():\n    system('rm -rf x')\n",
        "import shutil as s\n\ndef test_a():\n    s.rmtree('x', ignore_errors=True)\n",
        "import subprocess\n\ndef test_a():\n    subprocess.run(['x'])\n",
        "import os\n\ndef test_a():\n    os.execvp('x', ['x'])\n",
        "from pathlib import Path\n\ndef test_a():\n    Path('x').unlink(missing_ok=True)\n",
        "import os\n\ndef clean():\n    os.remove('x')\n\ndef test_a():\n    clean()\n",
    ],
)
def test_what_would_delete_files_or_start_programs_is_not_kept(reaching: str) -> None:
    assert texts(reaching + "    assert price(1) == 1\n") == []


def test_what_only_looks_like_it_is_kept() -> None:
    assert texts("import os\n\ndef test_a():\n    assert price(len(os.sep)) == 1\n    [1].remove(1)\n    'a'.replace('a', 'b')\n")


def test_what_does_not_name_the_function_is_left_out() -> None:
    assert texts("def test_a():\n    assert LIMIT == 3\n") == []


def test_a_test_with_a_fixture_is_left_as_it_is() -> None:
    found = pieces_of([HEAD + "def test_a(capsys):\n    print(price(1))\n    assert capsys.readouterr().out == '1\\n'\n"], AROUND)
    assert [(len(one.statements), one.fixtures) for one in found] == [(2, ("capsys",))]


def test_what_does_not_parse_is_nothing() -> None:
    assert texts("def test_a(:") == []
    assert count_tests(["def test_a(:"]) == 0


def test_a_piece_with_several_checks_can_be_weaker() -> None:
    (piece,) = pieces_of([HEAD + "def test_a():\n    x = price(2)\n    assert x == 2\n    assert x > 5\n"], AROUND)
    assert [weak.text for weak in weaker(piece)] == ["assert price(2) == 2", "assert price(2) > 5"]
    assert [weaker(weak) for weak in weaker(piece)] == [[], []]


def test_tests_are_counted_once_each() -> None:
    one = "def test_a():\n    assert price(1) == 1\n"
    assert count_tests([one, one.replace("test_a", "test_b"), "class TestX:\n    def test_c(self):\n        pass\n"]) == 2


CODE = (
    HEAD
    + """
import math
from decimal import InvalidOperation
SIX = [6]

def half(x):
    return x / 2

def test_price():
    assert price(4) == 4
    x = price(half(SIX[0]))
    assert x == 3
    assert math.isclose(x, 3)

def test_price_invalid():
    with pytest.raises(InvalidOperation):
        price('a')
"""
)


def test_what_is_kept_is_put_together_again() -> None:
    pieces = pieces_of([CODE], AROUND)
    text = rendered(Module("shop.money"), joined_tests("price", pieces))
    assert (
        text
        == """from decimal import InvalidOperation
import math

import pytest

from shop.money import price


SIX = [6]


def half(x):
    return x / 2


def test_price():
    assert price(4) == 4
    x = price(half(SIX[0]))
    assert x == 3
    assert math.isclose(x, 3)


def test_price_invalid():
    with pytest.raises(InvalidOperation):
        price("a")
""".replace("from decimal import InvalidOperation\nimport math\n", "import math\nfrom decimal import InvalidOperation\n")
    )


def test_weaker_pieces_of_one_test_share_what_they_need() -> None:
    (piece,) = pieces_of(
        [HEAD + "def test_it():\n    x = price(2)\n    assert x == 2\n    assert x > 5\n    assert x < 5\n"], AROUND
    )
    good = [weaker(piece)[0], weaker(piece)[2]]
    (test,) = joined_tests("price", good)
    assert [ast.unparse(one) for one in test.statements] == ["x = price(2)", "assert x == 2", "assert x < 5"]


def test_names_say_what_is_tested() -> None:
    names = ["test_price", "test_1", "test_price_of_nothing", "testZeroPrice", "test_price"]
    code = HEAD + "".join(f"def {name}():\n    assert price({n}) == {n}\n\n" for n, name in enumerate(names))
    code = code.replace("def test_price():\n    assert price(4)", "def test_price_2():\n    assert price(4)")
    found = joined_tests("price", pieces_of([code], AROUND))
    assert [one.name for one in found] == [
        "test_price",
        "test_price_2",
        "test_price_of_nothing",
        "test_price_zero",
        "test_price_3",
    ]


def test_clashing_names_of_two_functions_get_numbers() -> None:
    tests = joined_tests("price", pieces_of([HEAD + "def test_price():\n    assert price(1) == 1\n"], AROUND))
    assert [one.name for one in distinct([*tests, *tests])] == ["test_price", "test_price_2"]


def test_a_name_that_means_two_things_is_taken_once() -> None:
    shape = "N = {}\n\ndef test_{}():\n    assert price(N) == {}\n"
    tests = [t for n in (1, 2) for t in joined_tests("price", pieces_of([HEAD + shape.format(n, n, n)], AROUND))]
    assert len(compatible(tests)) == 1
    assert "N = 1" in rendered(AS_SOLUTION, compatible(tests))


@pytest.mark.parametrize(
    ("function", "written", "name"),
    [
        ("Cart.add", "test_add_negative", "test_cart_add_negative"),
        ("Cart.add", "test_cart_add", "test_cart_add"),
        ("Cart.add", "testAddOfNothing", "test_cart_add_of_nothing"),
        ("partition_all", "test_partition", "test_partition_all"),
        ("total", "test_total_basic_case_1", "test_total"),
        ("total", "test_" + "very_" * 20 + "long", "test_total_" + "_".join(["very"] * 10)),
    ],
)
def test_the_function_stands_in_a_name_once(function: str, written: str, name: str) -> None:
    around = Around("class Cart:\n    pass\n", "Cart", frozenset({"Cart"}))
    pieces = pieces_of([f"def {written}():\n    assert Cart() != 1\n"], around)
    assert [test.name for test in joined_tests(function, pieces)] == [name]


def test_a_test_that_only_waits_for_an_error_is_named_after_it() -> None:
    code = HEAD + "import pytest\n\ndef test_price():\n    with pytest.raises(ValueError):\n        price('a')\n"
    assert [test.name for test in joined_tests("price", pieces_of([code], AROUND))] == ["test_price_raises_value_error"]


def test_asserts_outside_of_a_test_are_pieces_too() -> None:
    assert texts("x = 2\nassert price(x) == 2\nassert price(3) == 3\n") == ["assert price(2) == 2", "assert price(3) == 3"]
    assert count_tests(["assert price(1) == 1\n"]) == 1


CART = Around("def f(x):\n    return x\n", "f", frozenset({"f"}))
WITH_EFFECTS = {
    "d = {}\nd['k'] = 1\nassert f(d) == {'k': 1}": None,
    "c = f([1])\nc.items = [4]\nassert c.items == [4]": None,
    "import os\nos.environ['TZ'] = 'UTC'\nassert f(1) == 1": None,
    "c = f([1])\nx = c.pop()\nassert c == []": None,
    "c = f([])\nc.append(1)\nc.append(1)\nassert c == [1, 1]": None,
    "s = f([1, 2])\nr = s.pop()\nassert s == [1] and r == 2": None,
    "s = f([1, 2])\nr = s.pop()\nassert len(s) == r": None,
    "s = f([1, 2])\nr = s.pop()\nassert s.items == r": None,
    "s = f([1, 2])\nr = s.pop()\nassert {s[0]: r} == {1: 2}": None,
    "s = f([1, 2])\nr = s.pop()\nassert (0 and r) == 0": None,
    "n = 0\nn += 1\nassert f(1) == 1": None,
    "n = 0\ndel n\nassert f(1) == 1": None,
    "a, b = f((1, 2))\nassert f(1) == 1": None,
    "s = f([1, 2])\nr = s.pop()\nassert r == 2 and s == [1]": "s = f([1, 2])\nassert s.pop() == 2 and s == [1]",
    "s = f([1, 2])\nr = s.pop()\nassert len(r) == len(s)": "s = f([1, 2])\nassert len(s.pop()) == len(s)",
    "s = f([1, 2])\nr = s.pop()\nassert 2 == r": "s = f([1, 2])\nassert 2 == s.pop()",
    "unread = [3]\nassert f(1) == 1": "assert f(1) == 1",
    "x = 3\ny = f(x)\nassert y == 3": "assert f(3) == 3",
}


@pytest.mark.parametrize(("written", "kept"), WITH_EFFECTS.items())
def test_statements_that_do_something_are_kept_in_their_order(written: str, kept: str | None) -> None:
    tests = joined_tests("f", pieces_of(["def test_f(tmp_path):\n" + indent(written, "    ")], CART))
    assert ["\n".join(map(ast.unparse, one.statements)) for one in tests] == [kept or written]


def test_a_value_that_an_inner_function_changes_is_not_put_in_its_place() -> None:
    written = "def note():\n    nonlocal seen\n    seen = True\nseen = False\nr = f(note)\nassert seen"
    statements = ast.parse(written).body
    assert list(map(ast.unparse, tidied(statements))) == list(map(ast.unparse, statements))


def test_only_a_repeated_literal_is_said_once() -> None:
    repeated = ast.parse("x = [1]\nx = [1]\nx.append(2)\nx.append(2)\nassert x.pop() == 2\nassert x.pop() == 2").body
    assert [ast.unparse(one) for one in tidy(repeated)] == [ast.unparse(one) for one in repeated[1:]]


BUILTIN_NAMES = Around(
    "from asyncio import Timeout as ConnectionError\n\nclass TimeoutError(OSError): ...\n\ndef format(x):\n    return x\n",
    "format",
    frozenset({"ConnectionError", "TimeoutError", "format"}),
)


@pytest.mark.parametrize(
    ("body", "own", "imports"),
    [
        ("assert format(1) == len([1])", {"format"}, set()),
        ("with pytest.raises(TimeoutError):\n    format(1)", {"format", "TimeoutError"}, {"import pytest"}),
        ("assert format(1) != ConnectionError", {"format"}, {"from asyncio import Timeout as ConnectionError"}),
        ("assert format(1) == pow(1.0, 2)", {"format"}, {"from math import pow"}),
        ("assert list(map(format, [1])) == sorted([1])", {"format"}, set()),
    ],
)
def test_a_name_of_the_module_hides_the_builtin(body: str, own: set[str], imports: set[str]) -> None:
    code = "from math import pow\nfrom solution import format, sorted\n\ndef test_a():\n" + indent(body, "    ")
    (piece,) = pieces_of([code], BUILTIN_NAMES)
    assert (piece.needs.own, piece.needs.imports) == (own, imports)


def test_a_builtin_that_the_test_binds_is_not_the_modules() -> None:
    assert (
        pieces_of(["def test_a():\n    format = str\n    assert format(1) == '1'\n    assert format(2) == '2'\n"], BUILTIN_NAMES)
        == []
    )


def test_a_helper_may_be_named_like_a_builtin() -> None:
    code = "def sum(x):\n    return x\n\ndef test_a():\n    assert format(1) == sum(1)\n"
    (piece,) = pieces_of([code], BUILTIN_NAMES)
    assert piece.needs.helpers == ("def sum(x):\n    return x",)

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.data.targets.choosing import choose
from harness.data.targets.cutting import Cut, cut_out
from harness.data.targets.target import open_target

SHOP = '''
import os
from .money import rounded

def total(prices):
    return rounded(sum(prices))

def _hidden(x):
    return x

def overlong():
    """Nothing."""

class Cart:
    size = 3

    def add(self, name):
        return [name] * self.size

    @property
    def first(self):
        return 1

    def _private(self):
        return os.getpid()
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (package / "__init__.py").write_text("")
    (package / "money.py").write_text("CENT = 0.01\n\ndef rounded(x):\n    return round(x / CENT) * CENT\n")
    (package / "cart.py").write_text(SHOP)
    return package / "cart.py"


def test_a_file_of_a_package_in_a_project(shop: Path) -> None:
    target = open_target(str(shop))
    assert (target.module.name, target.import_root, target.project) == ("shop.cart", shop.parents[1], shop.parents[2])
    assert not target.installed


def test_a_plain_file_is_imported_from_its_own_folder(tmp_path: Path) -> None:
    file = tmp_path / "alone.py"
    file.write_text("def f():\n    return 1\n")
    target = open_target(f"{file}::f")
    assert (target.module.name, target.import_root, target.asked) == ("alone", tmp_path, "f")
    assert target.project is not None


def test_a_path_with_dots_is_the_file_that_it_leads_to(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.parent / "sub").mkdir()
    monkeypatch.chdir(shop.parent / "sub")
    target = open_target("../cart.py::total")
    assert (target.file, target.module.name, target.project) == (shop, "shop.cart", shop.parents[2])


def test_an_installed_package_is_in_no_project() -> None:
    target = open_target(str(Path(sysconfig.get_path("purelib"), "toolz", "itertoolz.py")))
    assert target.installed
    assert target.module.name == "toolz.itertoolz"


@pytest.mark.parametrize(
    ("name", "text", "what", "why"),
    [
        ("gone.py", None, "is no target", "there is no file"),
        ("notes.txt", "x", "is no target", "does not end in .py"),
        ("broken.py", "def f(:\n", "does not parse", "line 1: invalid syntax"),
        ("null.py", "x = '\0'\n", "does not parse", "null bytes"),
        ("my-file.py", "def f():\n    return 1\n", "cannot be imported", "no name of a module"),
    ],
)
def test_what_is_no_target(tmp_path: Path, name: str, text: str | None, what: str, why: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(HarnessError) as raised:
        open_target(str(tmp_path / name))
    assert what in raised.value.what
    assert why in raised.value.why


def test_everything_public_is_chosen_in_order_of_the_file(shop: Path) -> None:
    wanted, left_out = choose(open_target(str(shop)))
    assert [one.name for one in wanted] == ["total", "Cart.add"]
    assert {one.name: one.reason for one in left_out} == {
        "overlong": "no body",
        "Cart.first": "a property, an overload or abstract",
    }


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("total", ["total"]),
        ("_hidden", ["_hidden"]),
        ("Cart", ["Cart.add"]),
        ("Cart.add", ["Cart.add"]),
        ("Cart::_private", ["Cart._private"]),
    ],
)
def test_what_is_named_is_chosen(shop: Path, asked: str, names: list[str]) -> None:
    wanted, left_out = choose(open_target(f"{shop}::{asked}"))
    assert [one.name for one in wanted] == names
    assert left_out == []


@pytest.mark.parametrize(
    ("text", "why", "fix"),
    [
        ("def _a():\n    return 1\n\ndef _b():\n    return 1\n", "all its functions and methods are private", "alone.py::_a"),
        ("class _A:\n    def b(self):\n        return 1\n", "all its functions and methods are private", "alone.py::_A.b"),
        ("class A:\n    def _b(self):\n        return 1\n", "all its functions and methods are private", "alone.py::A._b"),
        ("@dataclass\nclass A:\n    b: int\n", "it defines no function, and no class with a method", "name another file"),
        ("A = 1\n", "it defines no function, and no class with a method", "name another file"),
    ],
)
def test_a_file_with_nothing_public_is_told_why(tmp_path: Path, text: str, why: str, fix: str) -> None:
    file = tmp_path / "alone.py"
    file.write_text(text)
    with pytest.raises(HarnessError) as raised:
        choose(open_target(str(file)))
    assert raised.value.why == why
    assert fix in raised.value.fix
    if "::" in fix:
        asked = f"{tmp_path}/{fix}"
        assert [one.name for one in choose(open_target(asked))[0]] == [fix.partition("::")[2]]


def test_of_methods_of_one_name_the_last_is_chosen(tmp_path: Path) -> None:
    methods = ["def b(self):\n        return 1", "@overload\n    def c(self): ...", "def b(self):\n        return 2"]
    methods += ["def c(self):\n        return 3", "@property\n    def d(self):\n        return 4"]
    file = tmp_path / "alone.py"
    file.write_text("class A:\n" + "".join(f"    {method}\n\n" for method in [*methods, "@d.setter\n    def d(self, x): ..."]))
    wanted, left_out = choose(open_target(str(file)))
    assert [one.name for one in wanted] == ["A.b", "A.c"]
    assert [one.name for one in left_out] == ["A.d"]


def test_a_class_without_methods_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "shapes.py"
    methods = ["x: int = 0", "@property\n    def y(self):\n        return 1", "def _z(self):\n        return 2"]
    file.write_text("class Point:\n" + "".join(f"    {method}\n\n" for method in methods))
    with pytest.raises(HarnessError, match="Point has nothing to test") as caught:
        choose(open_target(f"{file}::Point"))
    assert "no public method" in caught.value.why


def test_a_name_that_is_not_there_is_answered_with_the_near_ones(shop: Path) -> None:
    with pytest.raises(HarnessError) as raised:
        choose(open_target(f"{shop}::totl"))
    assert "total" in raised.value.fix


def test_of_a_checkout_siblings_come_along(shop: Path) -> None:
    target = open_target(f"{shop}::total")
    cut = cut_out(target, choose(target)[0][0])
    assert isinstance(cut, Cut)
    names: dict[str, object] = {}
    exec(compile(cut.sources[0], "solution", "exec"), names)
    assert names["total"]([1, 2.005]) == pytest.approx(3.0, abs=0.011)  # type: ignore[operator]


def test_of_an_installed_package_the_rest_is_imported() -> None:
    target = open_target(str(Path(sysconfig.get_path("purelib"), "toolz", "itertoolz.py")) + "::last")
    cut = cut_out(target, choose(target)[0][0])
    assert isinstance(cut, Cut)
    assert len(cut.sources) > 1
    assert "from toolz.itertoolz import tail" in cut.sources[-1]


def test_a_method_comes_with_its_class(shop: Path) -> None:
    target = open_target(f"{shop}::Cart.add")
    cut = cut_out(target, choose(target)[0][0])
    assert isinstance(cut, Cut)
    assert cut.name == "Cart.add"
    assert "size = 3" in cut.sources[0]

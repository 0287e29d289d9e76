from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from harness.data.targets.layout import Layout, place


def project(*files: str, folders: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> Layout:
    found = tuple(map(PurePosixPath, files))
    every = {parent for file in found for parent in file.parents} | set(map(PurePosixPath, (*folders, *packages)))
    return Layout(found, frozenset(every), frozenset(map(PurePosixPath, packages)))


@pytest.mark.parametrize(
    ("there", "module", "package", "expected"),
    [
        pytest.param(project(), "shop/cart.py", "shop", "tests/test_cart.py", id="nothing there"),
        pytest.param(project("tests/test_a.py"), "src/shop/cart.py", "shop", "tests/test_cart.py", id="beside src"),
        pytest.param(project(folders=("test",)), "shop/cart.py", "shop", "test/test_cart.py", id="an empty folder"),
        pytest.param(project("shop/tests/test_a.py"), "shop/cart.py", "shop", "shop/tests/test_cart.py", id="in the package"),
        pytest.param(project("shop/test_a.py"), "shop/cart.py", "shop", "shop/test_cart.py", id="beside the modules"),
        pytest.param(project("tests/api/test_a.py"), "shop/api/cart.py", "shop/api", "tests/api/test_cart.py", id="mirrored"),
        pytest.param(
            project("tests/shop/api/test_a.py"),
            "shop/api/cart.py",
            "shop/api",
            "tests/shop/api/test_cart.py",
            id="wholly mirrored",
        ),
        pytest.param(
            project("tests/core/test_a.py"), "shop/api/cart.py", "shop/api", "tests/api/test_cart.py", id="a new folder mirrored"
        ),
        pytest.param(
            project("tests/unit/test_a.py"), "shop/cart.py", "shop", "tests/unit/test_cart.py", id="tests in tests/unit"
        ),
        pytest.param(project("tests/a_test.py"), "shop/cart.py", "shop", "tests/cart_test.py", id="the other name"),
        pytest.param(project(), "shop/__init__.py", "shop", "tests/test_shop.py", id="a package itself"),
        pytest.param(project(), "shop/_cart.py", "shop", "tests/test_cart.py", id="a private module"),
        pytest.param(project(), "cart.py", ".", "tests/test_cart.py", id="a plain file"),
        pytest.param(project("test_a.py"), "cart.py", ".", "test_cart.py", id="plain files with tests beside"),
        pytest.param(
            project("tests/core/test_cart.py", "tests/api/test_a.py"),
            "shop/api/cart.py",
            "shop/api",
            "tests/api/test_api_cart.py",
            id="pytest refuses two files of one name",
        ),
        pytest.param(
            project("tests/core/test_cart.py", "tests/api/test_a.py", packages=("tests/api", "tests/core")),
            "shop/api/cart.py",
            "shop/api",
            "tests/api/test_cart.py",
            id="but not in packages",
        ),
    ],
)
def test_tests_go_where_the_project_keeps_them(there: Layout, module: str, package: str, expected: str) -> None:
    assert str(place(PurePosixPath(module), PurePosixPath(package), there)) == expected

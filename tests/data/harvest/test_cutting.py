"""Functions cut out of their modules. Pure: nothing is run but the slices themselves, which are written here."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.harvest.modules import Function, Module, functions
from harness.data.harvest.slicing import MAX_SLICE_LINES, Slice, SliceError, Style, cut

HEAD = "import os, math\nfrom .sibling import helper, other as alias\nfrom itertools import chain\n\n"


def focal(module: Module, name: str = "f") -> Function:
    return next(function for function, _ in functions(module) if function.name == name)


def cut_text(text: str, style: Style = Style(), siblings: dict[str, Module] | None = None) -> Slice:  # noqa: B008
    module = Module("pack.mod", "pack/mod.py", text)
    return cut(module, focal(module), siblings, style)


def test_only_what_is_needed_comes_along_and_imports_are_absolute() -> None:
    text = (
        HEAD
        + "LIMIT = 3\nUNUSED = 4\n\n\ndef g(x):\n    return min(x, LIMIT)\n\n\ndef f(x):\n    return g(x) + helper(math.pi)\n"
    )
    made = cut_text(text)
    assert made.source == (
        "import math\nfrom pack.sibling import helper\n\n\nLIMIT = 3\n\n\n"
        "def g(x):\n    return min(x, LIMIT)\n\n\ndef f(x):\n    return g(x) + helper(math.pi)\n"
    )
    assert made.names == {"f", "g", "LIMIT"}


def test_aliases_stay() -> None:
    assert "from pack.sibling import other as alias" in cut_text(HEAD + "def f():\n    return alias()\n").source


def test_relative_imports_inside_the_function_are_made_absolute_and_comments_stay() -> None:
    made = cut_text("def f():\n    from .up import a  # why\n    from . import (\n        b,\n    )\n    return a, b\n")
    assert "    from pack.up import a  # why\n    from pack import (\n        b,\n    )\n" in made.source
    with pytest.raises(SliceError, match="leads out of the package"):
        cut_text("def f():\n    from ..up import a\n    return a\n")


def test_a_table_comes_with_what_fills_it() -> None:
    made = cut_text("T = {}\nT['a'] = 1\nT.update(b=2)\nX = []\nX.append(1)\n\n\ndef f():\n    return T\n")
    assert "T['a'] = 1" in made.source
    assert "T.update(b=2)" in made.source
    assert "X" not in made.names


def test_helpers_can_be_imported_and_decorators_left_out() -> None:
    text = "import functools\n\n\ndef g():\n    return 1\n\n\n@functools.cache\ndef f():\n    return g()\n"
    imported = cut_text(text, Style(own=False))
    assert "from pack.mod import g" in imported.source
    assert "@functools.cache" in imported.source
    assert "functools" not in cut_text(text, Style(decorators="none")).source


def test_private_decorators_alone_can_be_left_out() -> None:
    text = "import reg, functools\n\n\n@functools.cache\n@reg._entered(1)\n# why\ndef f():\n    return 1\n"
    made = cut_text(text, Style(decorators="public"))
    assert made.source == "import functools\n\n\n@functools.cache\ndef f():\n    return 1\n"


def test_annotations_count_unless_they_are_never_evaluated() -> None:
    body = "from pack.types import T\n\n\ndef f(x: T) -> T:\n    return x\n"
    assert "import T" in cut_text(body).source
    lazy = cut_text("from __future__ import annotations\n" + body).source
    assert lazy.startswith("from __future__ import annotations\n")
    assert "import T" not in lazy


def test_names_of_a_class_body_are_its_own() -> None:
    made = cut_text("class C:\n    a = 1\n    b = a\n\n\ndef f():\n    return C().b\n")
    assert made.names == {"C", "f"}


def test_siblings_of_a_checkout_are_taken_in() -> None:
    sibling = Module("pack.sibling", "pack/sibling.py", "import re\nK = 2\n\n\ndef helper(x):\n    return re.escape(x) * K\n")
    made = cut_text(HEAD + "def f(x):\n    return helper(x)\n", Style(), {"pack.sibling": sibling})
    namespace: dict[str, object] = {}
    exec(compile(made.source, "s", "exec"), namespace)
    assert namespace["f"]("a") == "aa"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f():\n    return nowhere\n", "it needs a name that nothing in its module binds"),
        ("from .sibling import K\nhelper = K\n\n\ndef f():\n    return helper, K\n", "two modules define the same name"),
        ("from .sibling import K as L\n\n\ndef f():\n    return L\n", "a sibling module's name is imported under another name"),
        ("def f():\n    from .sibling import K\n    return K\n", "it imports a module of the checkout as a whole"),
        ("import pack.sibling\n\n\ndef f():\n    return pack.sibling.K\n", "it imports a module of the checkout as a whole"),
    ],
)
def test_what_cannot_be_cut_out_of_a_checkout_has_a_reason(text: str, reason: str) -> None:
    sibling = Module("pack.sibling", "pack/sibling.py", "def helper():\n    return 1\n\n\nK = helper\n")
    with pytest.raises(SliceError, match=reason):
        cut_text(text, Style(), {"pack.sibling": sibling, "pack.mod": sibling})


def test_two_imports_of_one_name_are_refused_unless_they_bind_one_package() -> None:
    assert "import os.path" in cut_text("import os\nimport os.path\n\n\ndef f():\n    return os.path\n").source
    with pytest.raises(SliceError, match="differently"):
        cut_text("from a.b import c\nfrom a.d import c\n\n\ndef f():\n    return c\n")


def test_long_slices_are_refused() -> None:
    with pytest.raises(SliceError, match="longer"):
        cut_text("T = [\n" + "    1,\n" * MAX_SLICE_LINES + "]\n\n\ndef f():\n    return T\n")


def test_functions_are_left_out_for_a_reason() -> None:
    text = (
        "def _p():\n    return 1\n\n\ndef test_x():\n    return 1\n\n\ndef e():\n    '''Only words.'''\n\n\n"
        "def d():\n    return 1\n\n\ndef d():\n    return 2\n\n\ndef long():\n"
        + "    x = 1\n" * 90
        + "\n\ndef fine():\n    return 1\n"
    )
    reasons = [(function.name, reason) for function, reason in functions(Module("m", "m.py", text))]
    assert reasons == [
        ("_p", "private"),
        ("test_x", "pytest would collect the function itself"),
        ("e", "no body"),
        ("d", "defined twice"),
        ("d", ""),
        ("long", "longer than 80 lines"),
        ("fine", ""),
    ]


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8, unique=True), st.data())
def test_a_slice_holds_every_name_it_reads_and_no_other(order: list[int], data: st.DataObject) -> None:
    """Functions that call one another at random: the slice is the closure, and runs."""
    calls = {n: data.draw(st.lists(st.sampled_from(order), max_size=3)) for n in order}
    parts = [f"def g{n}(depth=0):\n    return depth > 3 or ({', '.join(f'g{m}(depth + 1)' for m in calls[n])})" for n in order]
    module = Module("m", "m.py", "\n\n\n".join(parts) + "\n")
    made = cut(module, focal(module, f"g{order[0]}"), None)
    wanted, pending = set(), [order[0]]
    while pending:
        n = pending.pop()
        if n not in wanted:
            wanted.add(n)
            pending += calls[n]
    assert made.names == {f"g{n}" for n in wanted}
    assert {node.name for node in ast.walk(ast.parse(made.source)) if isinstance(node, ast.FunctionDef)} == made.names

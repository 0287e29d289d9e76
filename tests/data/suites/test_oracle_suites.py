from __future__ import annotations

import ast

from data_types import Pytest

from harness.data.suites.oracle import Checks, suite_of
from harness.data.suites.syntax import top_level_names
from harness.data.suites.targets import MAX_LINE, MAX_TARGETS, training_targets

_SOURCE = "import math\n\n\nLIMIT = 3\n\n\ndef double(x):\n    return 2 * x\n\n\ndef focal(x):\n    return double(x)\n"


def _checks(body: str, setup: str = "") -> Checks:
    return Checks("focal", ast.parse(body).body, ast.parse(setup).body)


def _asserts(body: str) -> list[ast.Assert]:
    return [statement for statement in ast.parse(body).body if isinstance(statement, ast.Assert)]


def test_every_single_assert_becomes_a_test_and_the_rest_one_more(run_pytest: Pytest) -> None:
    body = "print\nassert focal(1) == 2, 'one'\nassert True, 'nothing'\n"
    body += "for x in range(LIMIT):\n    assert focal(x) == double(x)\n"
    suite = suite_of(_SOURCE, _checks(body))
    assert suite is not None
    assert suite.startswith("from solution import focal, LIMIT, double\n\n\ndef test_focal_1():\n    assert focal(1) == 2\n")
    assert suite.count("def test_") == 2
    assert "True" not in suite
    status, output = run_pytest(_SOURCE, suite)
    assert (status, "2 passed" in output) == (0, True), output


def test_suite_fails_on_a_wrong_function(run_pytest: Pytest) -> None:
    suite = suite_of(_SOURCE, _checks("assert focal(1) == 2\nassert focal(0) == 0\n"))
    assert suite is not None
    status, output = run_pytest(_SOURCE.replace("2 * x", "3 * x"), suite)
    assert (status, "1 failed, 1 passed" in output) == (1, True), output


def test_names_the_solution_imports_and_set_up_code_are_honoured(run_pytest: Pytest) -> None:
    suite = suite_of(_SOURCE, _checks("assert math.isclose(focal(two), 4)\n", "two = double(1)"))
    assert suite is not None
    assert suite.splitlines()[:3] == ["import math", "from solution import focal, double", "two = double(1)"]
    status, output = run_pytest(_SOURCE, suite)
    assert status == 0, output


def test_asserts_that_need_a_variable_stay_together() -> None:
    checks = _checks("assert focal(0) == 0\nvalue = 4\nassert focal(value) == 8\n")
    assert [ast.unparse(s) for s in checks.single] == ["assert focal(0) == 0"]
    assert [ast.unparse(s) for s in checks.rest] == ["value = 4", "assert focal(value) == 8"]


def test_random_draws_are_seeded() -> None:
    suite = suite_of(_SOURCE, _checks("import random\nfor _ in range(9):\n    assert focal(random.random()) < 2\n"))
    assert suite is not None
    assert "random.seed(0)" in suite


def test_nothing_asserted_is_no_suite() -> None:
    assert suite_of(_SOURCE, _checks("print\nassert True\nvalue = focal(2)\n")) is None


def test_multi_line_strings_survive(run_pytest: Pytest) -> None:
    suite = suite_of("def focal(x):\n    return x\n", _checks("assert focal('''a\n  b''') == 'a\\n  b'\n"))
    assert suite is not None
    status, output = run_pytest("def focal(x):\n    return x\n", suite)
    assert status == 0, output


def test_targets_are_plain_short_first_and_diverse() -> None:
    body = "assert abs(focal(1) - 2) < 1e-6\nassert focal(100) == 200\nassert focal(1) == 2\n"
    body += "assert focal(1.0) == 2\nassert focal(0) == 0\n"
    lines = [target.splitlines()[1].strip() for target in training_targets("focal", _asserts(body))]
    assert lines == [
        "assert focal(0) == 0",
        "assert focal(1) == 2",
        "assert focal(100) == 200",
        "assert abs(focal(1) - 2) < 1e-06",
        "assert focal(1.0) == 2",
    ]


def test_targets_leave_out_what_teaches_nothing() -> None:
    body = "\n".join(
        [
            "assert focal(1) == focal(1)",  # compares the function with itself
            "assert focal(1) == double(1)",  # needs another import
            "assert math.isclose(focal(1), 2)",
            "assert focal(x) == 2",
            "assert all(focal(x) for x in (1, 2))",
            f"assert focal({'1' * MAX_LINE}) == 2",
            "assert other(1) == 2",
        ]
    )
    assert training_targets("focal", _asserts(body)) == ()


def test_targets_are_capped_numbered_and_unique() -> None:
    body = "\n".join(f"assert focal({k}) == {2 * k}\nassert focal({k}) == {2 * k}, 'again'" for k in range(20))
    targets = training_targets("focal", _asserts(body))
    assert [target.split("(")[0] for target in targets] == [f"def test_focal_{k}" for k in range(1, MAX_TARGETS + 1)]
    assert len({target.splitlines()[1] for target in targets}) == MAX_TARGETS


def test_top_level_names_are_own_ones_only() -> None:
    assert top_level_names(_SOURCE) == {"LIMIT", "double", "focal"}

"""Owns what people call the fields of a record, and how much a column's name sounds like one. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping as Values

SYNONYMS: Values[str, tuple[str, ...]] = {
    field: tuple(names.split())
    for field, names in {
        "source": "source code function func solution canonical_solution code_ground_truth ground_truth implementation program "
        "snippet method focal_function focal_method reference python func_code body",
        "tests": "oracle_suite oracle_tests tests test unit_tests unit_test test_code test_cases test_list suite asserts "
        "assertions checks test_suite unittest pytest generated_tests target",
        "id": "id task_id uid uuid key name index idx problem_id question_id sample_id hash slug",
        "entry_point": "entry_point function_name func_name fn_name entrypoint method_name name function identifier",
        "licence": "licence license spdx licence_id license_name copyright",
        "origin": "origin repo repository source_repo dataset project provenance url repo_name",
    }.items()
}
"""Field -> what people call it."""

_WORD = 0.8  # one of the words is a synonym: `my_tests_v2`


def likeness(column: str, field: str) -> float:
    """How much a column's name sounds like a field, 0-1: 1 for a known synonym.

    Args:
        column: Name of a column, in whatever spelling.
        field: A key of `SYNONYMS`.
    """
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column[:100]).lower()).strip("_")
    best = max(difflib.SequenceMatcher(None, name, known).ratio() for known in SYNONYMS[field])
    return max(best, _WORD if set(name.split("_")) & set(SYNONYMS[field]) else 0.0)

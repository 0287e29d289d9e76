"""Owns which of the tests that run a function are paired with it: those that name it and are about little else. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from harness.data.harvest.tests_of_file import TestFile
from harness.data.harvest.traced_runs import TestId

MAX_TESTS = 12


def paired(
    name: str, tests: Collection[TestId], functions_of: Mapping[TestId, int], opened: Callable[[Path], TestFile | None]
) -> tuple[Path, tuple[str, ...]] | None:
    """A test file and the names of its tests to pair with a function; None where no test that runs it names it.

    A test that reaches the function only through others would go on running the code base's copy of it.

    Args:
        name: Of the function.
        tests: The passing tests that run its body.
        functions_of: How many functions each of them runs.
        opened: Reads a test file; None for one that cannot be read.
    """
    by_file: dict[Path, dict[str, int]] = defaultdict(dict)
    for test in sorted(tests):
        file = opened(test.file)
        base = test.name.split("[")[0]
        if file is not None and name in file.words.get(base, ()):
            by_file[test.file].setdefault(base, functions_of[test])
    if not by_file:
        return None
    best = {file: sorted(found, key=lambda one: (found[one], one))[:MAX_TESTS] for file, found in by_file.items()}

    def rank(file: Path) -> tuple[bool, float, int, Path]:
        """Rather two tests than one, then the most particular ones, then the most."""
        mean = sum(by_file[file][test] for test in best[file]) / len(best[file])
        return len(best[file]) < 2, mean, -len(best[file]), file

    chosen = min(best, key=rank)
    return chosen, tuple(best[chosen])

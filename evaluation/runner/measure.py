"""Line and branch coverage of the focal function alone, by coverage.py. Runs inside a fork."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import coverage

from evaluation.runner.source import body_lines


class Measure:
    """Measures one run; use as a context manager around the import of the module and the tests.

    Args:
        source: What is imported and lies in the file; see `evaluation.runner.source.measurable`.
        entry_point: Name of the focal function.
        folder: Where ``solution.py`` lies.
    """

    def __init__(self, source: str, entry_point: str, folder: str) -> None:
        self._source = source
        self._path = Path(folder) / "solution.py"
        self._body = body_lines(source, entry_point)
        self._coverage = coverage.Coverage(
            data_file=None, branch=True, config_file=False, include=[str(self._path)], messages=False
        )

    def __enter__(self) -> Self:
        # coverage would warn about a module that never ran; a suite that calls nothing is an ordinary result here.
        self._coverage._no_warn_slugs.update({"no-data-collected", "module-not-imported"})
        self._coverage.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._coverage.stop()

    def result(self) -> dict[str, Any]:
        """`lines` and `branches` (0-1, of the body) and `ran`: every line of the file that was run."""
        self._path.write_text(self._source, "utf-8")  # the suite may have overwritten it
        _, statements, _, missing, _ = self._coverage.analysis2(str(self._path))
        own = [line for line in statements if line in self._body]
        ran = sorted(set(statements) - set(missing))
        lines = _share(len([line for line in own if line not in missing]), len(own), otherwise=0.0)
        exits = [pair for line, pair in self._coverage.branch_stats(str(self._path)).items() if line in self._body]
        branches = _share(sum(taken for _, taken in exits), sum(total for total, _ in exits), otherwise=lines)
        return {"lines": lines, "branches": branches, "ran": ran}


def _share(part: int, whole: int, *, otherwise: float) -> float:
    return part / whole if whole else otherwise

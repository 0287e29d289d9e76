"""Several reports against the first: reads their JSON, compares the headline metrics on common functions, renders a table.

The statistics are in `evaluation.compare`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from evaluation.compare import Difference, compare_scores, holm
from evaluation.inputs.lines import InputUnusableError
from evaluation.records import Verdict
from evaluation.report.content import HEADLINE, SCHEMA_VERSION, one_line

SAME = ("mutants_per_function", "mutation_scope", "seed")  # settings without which mutation scores do not compare

PARTS = frozenset({"scores", "settings", "tools", "functions"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One report against the first one.

    Attributes:
        metric: Name of the headline metric.
        report: The report that is compared, by file name.
        difference: Its mean minus that of the first report, and whether that may be chance; `p_adjusted` is Holm's over all
            comparisons made together, metrics included.
    """

    metric: str
    report: str
    difference: Difference

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {"metric": self.metric, "report": self.report, **asdict(self.difference)}


def load_report(path: Path) -> dict[str, Any]:
    """A report's JSON.

    Raises:
        InputUnusableError: if it cannot be read or is no report of this version.
    """
    fix = "give a file that `score --out` wrote"
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputUnusableError(f"{path} cannot be read", why=error.strerror or str(error), fix=fix) from error
    except (ValueError, RecursionError) as error:
        raise InputUnusableError(f"{path} is not JSON", why=str(error), fix=fix) from error
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        raise InputUnusableError(f"{path} is no report", why=f"schema_version is {version!r}, not {SCHEMA_VERSION}", fix=fix)
    if missing := PARTS - found.keys():
        raise InputUnusableError(f"{path} is no report", why=f"it has no {', '.join(sorted(missing))}", fix=fix)
    return dict(found)


def compare_reports(paths: Sequence[Path]) -> tuple[list[Comparison], list[str]]:
    """Compare every report with the first.

    Args:
        paths: At least two.

    Returns:
        Metric by metric, the reports in the order given; and warnings for a person, empty when all were made alike.

    Raises:
        InputUnusableError: if a file is no report, or has no function in common with the first.
    """
    reports = dict(zip(_names(paths), map(load_report, paths), strict=True))
    (base_name, base), *others = reports.items()
    found: dict[tuple[str, str], Difference] = {}
    for metric in HEADLINE:
        try:
            values = {name: _values(report, metric) for name, report in others}
            found |= {(metric, name): one for name, one in _differences(_values(base, metric), values).items()}
        except (KeyError, TypeError, ValueError) as error:
            raise InputUnusableError(
                f"{metric} cannot be compared", why=str(error), fix="compare reports on the same functions"
            ) from error
    adjusted = holm({json.dumps(key): difference.p_value for key, difference in found.items()})
    made = [Comparison(*key, replace(one, p_adjusted=adjusted[json.dumps(key)])) for key, one in found.items()]
    return made, [warning for name, report in others for warning in _warnings((base_name, base), (name, report))]


def comparison_table(base: str, comparisons: Sequence[Comparison]) -> Table:
    """The comparisons in percentage points, positive where the report is above the first one."""
    heads = ("metric", "report", "difference", "95 % interval", "p (Holm)", "better", "worse", "same", "n", "left out")
    table = Table(*heads, box=box.SIMPLE_HEAD, title=Text(f"against {one_line(base, 60)}, in points"), title_justify="left")
    for column in table.columns[2:]:
        column.justify = "right"
    for made in comparisons:
        one = made.difference
        between = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
        counts = map(str, (one.wins, one.losses, one.ties, one.n, one.left_out))
        adjusted = one.p_value if one.p_adjusted is None else one.p_adjusted
        table.add_row(
            HEADLINE[made.metric], Text(one_line(made.report, 40)), f"{100 * one.mean:+.1f}", between, f"{adjusted:.4f}", *counts
        )
    return table


def _names(paths: Sequence[Path]) -> list[str]:
    """File names where they are all different, else the paths as they were given; a repeated path gets a number."""
    stems = [path.stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    return [name if name not in names[:at] else f"{name} ({at + 1})" for at, name in enumerate(names)]


def _values(report: Mapping[str, Any], metric: str) -> dict[str, float]:
    """Function id -> value; broken functions and absent values are no part of a comparison."""
    usable = [score for score in report["scores"] if score["verdict"] != Verdict.FUNCTION_BROKEN]
    return {score["function_id"]: score["figures"][metric] for score in usable if score["figures"][metric] is not None}


def _differences(base: Mapping[str, float], others: Mapping[str, Mapping[str, float]]) -> dict[str, Difference]:
    """Those that can be made: a metric that nobody measured is left out, as it is in the reports."""
    measured = {name: values for name, values in others.items() if values} if base else {}
    return compare_scores(base, measured, seed=0) if measured else {}


def _warnings(base: tuple[str, Mapping[str, Any]], other: tuple[str, Mapping[str, Any]]) -> list[str]:
    (base_name, first), (name, second) = base, other
    pairs = [(key, first["settings"].get(key), second["settings"].get(key)) for key in SAME]
    pairs += [(key, first["tools"].get(key), second["tools"].get(key)) for key in sorted({*first["tools"], *second["tools"]})]
    found = [f"{key} is {old!r} in {base_name} and {new!r} in {name}" for key, old, new in pairs if old != new]
    hashes = {row["id"]: row["sha256"] for row in first["functions"]}
    changed = [row["id"] for row in second["functions"] if hashes.get(row["id"], row["sha256"]) != row["sha256"]]
    if changed:
        found.append(f"{len(changed)} functions of the same id have another source in {name}, the first: {changed[0]}")
    return found

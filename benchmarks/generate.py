"""Tests that `harness generate` writes for functions of installed packages, beside those of Pynguin for the same functions.

    python benchmarks/generate.py --model FOLDER [--functions 100] [--json] [--work FILE] [--cache DIR] [--n 8] [--budget 60]

Every function is cut out as `harness generate` does it. The model writes, what is sound is kept (``harness``), or kept with the
values that the code returns where only these were wrong (``observed``, of the same samples); the file runs under plain pytest in
a fresh process. Pynguin gets the cut-out module and as many seconds of search as the model took to write for that function,
within `--budget` (its start and its assertions come on top), two functions at a time: it uses one core. One scorer measures all,
with the same mutants. One JSON line per function and side is appended to the work file: the same command goes on where it was
ended, `--report` only prints what is there, `--side harness` leaves Pynguin for later, `--again FILE` takes what the model wrote
and Pynguin's rows from another work file and keeps tests by the rules of today.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Last, because this folder has an `evaluation.py` of its own.
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]

from generate_pynguin import environment, pynguin_suite  # noqa: E402

from harness.core.errors import HarnessError  # noqa: E402
from harness.core.records import Record  # noqa: E402
from harness.data.targets.choosing import choose  # noqa: E402
from harness.data.targets.target import open_target  # noqa: E402
from harness.files.cache import default_cache_root  # noqa: E402
from harness.guard.supervise import StopSignal  # noqa: E402
from harness.sweep.generate import Generation  # noqa: E402
from harness.sweep.generate_asked import GenerateAsked  # noqa: E402
from harness.sweep.generate_ground import Ground, open_ground, subjects_of  # noqa: E402
from harness.sweep.generate_scoring import Scoring, Subject, covered, scored  # noqa: E402
from harness.sweep.paths import Paths  # noqa: E402
from harness.sweep.watched import Around  # noqa: E402
from harness.sweep.writing import Writing, written_by  # noqa: E402

PACKAGES = ("boltons", "more_itertools", "toolz", "packaging", "sqlparse", "networkx")
BATCH = 32
"""Functions of one process, so that the model is loaded once for them."""
ROWS = 48
"""Suites written together."""
MUTANTS = 30
OWN = ("harness", "observed")
SIDES = (*OWN, "pynguin")
AT_ONCE = 2
"""Pynguins."""
Open = tuple[GenerateAsked, Ground, Subject]
"""A function ready to be written for."""
AROUND = Around(dict(os.environ), StopSignal(), lambda _: None, lambda _: None)


def main() -> None:
    """Go on, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of the model that writes")
    parser.add_argument("--functions", type=int, default=100)
    parser.add_argument("--n", type=int, default=8, help="suites per function")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of writing per function, at most")
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--cache", type=Path, default=default_cache_root(os.environ) / "benchmarks" / "generate")
    parser.add_argument("--work", type=Path, help="where lines are appended; default in the cache")
    parser.add_argument("--side", choices=("harness", "both"), default="both")
    parser.add_argument("--report", action="store_true", help="only print what is there")
    parser.add_argument("--again", type=Path, help="work file of a run whose tests are to be kept anew")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    work: Path = asked.work or asked.cache / f"work-{asked.n}-{asked.budget:g}.jsonl"
    if asked.again:
        keep_again(asked, work)
    elif not asked.report:
        go_on(asked, work)
    rows = read(work)
    print(json.dumps(report(rows)) if asked.json else "\n".join(f"{name:<44}{value}" for name, value in shown(report(rows))))


def go_on(asked: argparse.Namespace, work: Path) -> None:
    """Measure what the work file lacks: some functions with the model, then the same with Pynguin."""
    python = environment(asked.cache, PACKAGES) if asked.side == "both" else None
    targets = drawn(asked.functions)
    for first in range(0, len(targets), BATCH):
        found = {(row["id"], row["side"]): row for row in read(work)}
        left = [one for one in targets[first : first + BATCH] if "left_out" not in found.get((one, "harness"), {})]
        ready: dict[str, Open] = {}
        for target in left:
            if any((target, side) not in found for side in (SIDES if python else OWN)):
                try:
                    ready[target] = opened(target, asked)
                except HarnessError as error:
                    note(work, {"id": target, "side": "harness", "left_out": error.why})
        for row in measured({one: own for one, own in ready.items() if (one, "harness") not in found}, asked):
            note(work, row)
        if python is not None:
            compare(ready, python, work)


def keep_again(asked: argparse.Namespace, work: Path) -> None:
    """Rows of another work file, ours measured anew from what the model wrote then; goes on where it was ended."""
    there = {(row["id"], row["side"]) for row in read(work)}
    for row in read(asked.again):
        if (row["id"], row["side"]) in there:
            continue
        if "samples" in row:
            wanted, ground, subject = opened(row["id"], asked)
            generation = Generation(replace(wanted, observed=row["side"] == "observed"), AROUND, ground)
            written = replace(subject, samples=tuple(row["samples"]))
            row = {"id": row["id"], "side": row["side"], **ours(generation, written, row["write_s"])}
        note(work, row)


def compare(ready: dict[str, Open], python: Path, work: Path) -> None:
    """Pynguin's rows for the functions that have none, `AT_ONCE` at a time."""
    rows = read(work)
    seconds = {row["id"]: row["write_s"] for row in rows if "write_s" in row}
    there = {row["id"] for row in rows if row["side"] == "pynguin"}
    todo = [one for one in ready if one in seconds and one not in there]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        texts = pool.map(lambda one: pynguin_suite(python, ready[one][2].source, seconds[one]), todo)
        for one, found in zip(todo, texts, strict=True):
            note(work, {"id": one, "side": "pynguin", **theirs(ready[one], *found)})


def note(work: Path, row: dict[str, Any]) -> None:
    """Append a row."""
    with work.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row)[:200], file=sys.stderr, flush=True)


def opened(target: str, asked: argparse.Namespace) -> Open:
    """A function, cut out and ready to be written for.

    Raises:
        HarnessError: with the reason, where it cannot be.
    """
    how = Writing(None, None, batch_size=ROWS, max_new_tokens=asked.max_new_tokens, samples=asked.n, temperature=0.8, top_p=0.95)
    wanted = GenerateAsked(target, f"base:{asked.model}", Paths.at(Path("mlruns")), None, False, True, None, MUTANTS, how)
    ground = open_ground(wanted, AROUND)
    subjects, left_out = subjects_of(ground, AROUND)
    if not subjects:
        raise HarnessError("left out", why=next(iter(left_out.values())), fix="")
    return wanted, ground, subjects[0]


def drawn(count: int) -> list[str]:
    """``FILE::function``, as many of each package, drawn with seed 0 from all that `harness generate` would take."""
    each: list[list[str]] = []
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        files = sorted(Path((spec.submodule_search_locations or ["."])[0]).rglob("*.py"))
        names = [name for file in files if "test" not in str(file.parent.name) for name in _functions(file)]
        random.Random(0).shuffle(names)
        each.append(names)
    turns = [names[at] for at in range(max(map(len, each))) for names in each if at < len(names)]
    return turns[:count]


def _functions(file: Path) -> Iterator[str]:
    try:
        wanted, _ = choose(open_target(str(file)))
    except HarnessError:
        return
    yield from (f"{file}::{one.name}" for one in wanted if "." not in one.name)


def measured(ready: dict[str, Open], asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Two rows for each of a few functions: as it is by default, and with observed values."""
    samples, seconds = written(list(ready.values()), asked) if ready else ({}, 0.0)
    for at, (target, (wanted, ground, subject)) in enumerate(ready.items()):
        if at not in samples:  # the batch's time was up: the same command goes on with it
            continue
        told = replace(subject, samples=samples[at])
        for side in OWN:
            generation = Generation(replace(wanted, observed=side == "observed"), AROUND, ground)
            yield {"id": target, "side": side, **ours(generation, told, seconds)}


def written(ready: Sequence[Open], asked: argparse.Namespace) -> tuple[dict[int, tuple[str, ...]], float]:
    """What the model writes, by position, and the seconds for each function; loading the model is shared by all."""
    records = [Record(str(at), one.name, one.source, (), None, "", "unknown") for at, (_, _, one) in enumerate(ready)]
    started = time.time()
    writing = replace(ready[0][1].writing, until=started + asked.budget * len(ready))
    with tempfile.TemporaryDirectory(prefix="generate-") as folder:
        suites = written_by(writing, records, Path(folder), AROUND)
    found: dict[int, tuple[str, ...]] = {}
    for suite in suites:
        found[int(suite.function_id)] = (*found.get(int(suite.function_id), ()), suite.code)
    return found, (time.time() - started) / max(1, len(found))


def ours(generation: Generation, subject: Subject, seconds: float) -> dict[str, Any]:
    """From samples to the figures of the file that would be written."""
    started = time.time()
    found = generation.finish([subject], [subject], {})
    one = found.functions[0]
    spent = {"write_s": round(seconds, 2), "keep_s": round(time.time() - started, 2)}
    told = {"kept": one.kept, "observed": one.observed, "reason": one.reason, "text": found.text, "samples": subject.samples}
    return {**told, **spent, **figures(one.lines, one.branches, one.mutants)}


def theirs(ready: Open, text: str, spent: float, problem: str) -> dict[str, Any]:
    """Figures of what Pynguin found for the same function, by the same scorer."""
    _, ground, subject = ready
    row = {"wall_s": round(spent, 2), "text": text}
    score = scored([(subject, text)], Scoring(ground.settings))[0] if text else None
    if score is None or not score.valid:
        return {"kept": 0, "reason": problem if score is None else score.detail, **row, **figures((0, 1), (0, 0), (0, 0))}
    return {"kept": score.passed, **row, **figures(*covered(subject, score))}


def figures(lines: tuple[int, int], branches: tuple[int, int], mutants: tuple[int, int]) -> dict[str, float]:
    """Shares, 0 to 1; branches are lines where there is no branch, mutants are left out where there are none."""
    line = lines[0] / lines[1] if lines[1] else 0.0
    found = {"line": line, "branch": branches[0] / branches[1] if branches[1] else line}
    return {**found, **({"mutation": mutants[0] / mutants[1]} if mutants[1] else {})}


def subject_package(target: str) -> str:
    """The package of a function."""
    return next(package for package in PACKAGES if f"/{package}/" in target)


def read(work: Path) -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in work.read_text("utf-8").splitlines()] if work.exists() else []


def report(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Both sides over the functions that each has measured; a function without a kept test counts 0 in everything."""
    whole = {side: {row["id"]: row for row in rows if row["side"] == side and "left_out" not in row} for side in SIDES}
    both = [one for one in whole["harness"] if one in whole["pynguin"]]
    found: dict[str, Any] = {
        "functions": len(whole["harness"]),
        "packages": len({subject_package(one) for one in whole["harness"]}),
        "left_out": sum("left_out" in row for row in rows),
        "compared": len(both),
    }
    for side in OWN if whole["harness"] else ():
        found[side] = _side(list(whole[side].values()))
    for side in SIDES if both else ():
        found[f"{side}_compared"] = _side([whole[side][one] for one in both])
    return found


def _side(own: Sequence[dict[str, Any]]) -> dict[str, float]:
    kept = [one for one in own if one["kept"]]
    shares = {f"median_{name}": statistics.median(one.get(name, 0.0) for one in own) for name in ("line", "branch", "mutation")}
    means = {f"mean_{name}": statistics.fmean(one.get(name, 0.0) for one in own) for name in ("line", "branch", "mutation")}
    times = [sum(one.get(name, 0.0) for name in ("write_s", "keep_s", "wall_s")) for one in own]
    tests = statistics.fmean(one["kept"] for one in kept) if kept else 0.0
    return {
        "share_with_tests": len(kept) / len(own),
        **shares,
        **means,
        "tests_per_function": tests,
        "median_s": statistics.median(times),
    }


def shown(found: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and value of everything in a report."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from shown(value, f"{before}{name}.")
        else:
            yield before + name, f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()

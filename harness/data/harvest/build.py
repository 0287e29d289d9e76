"""Owns the order of a harvest: read, trace the tests, pair, prove, write."""

from __future__ import annotations

import ast
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from evaluation.bytecode import compiled
from harness.data.harvest.bytecode import compile_for
from harness.data.harvest.candidates import Candidate, Found, candidate, find
from harness.data.harvest.codebase import CodeBase
from harness.data.harvest.doctests import EXAMPLE
from harness.data.harvest.fates import NOT_COLLECTED, UNNAMED, lost, unpaired
from harness.data.harvest.modules import functions, public_methods
from harness.data.harvest.pairing import paired
from harness.data.harvest.proving import prove
from harness.data.harvest.reading import Read, files_naming, problem, read_code_base, read_module
from harness.data.harvest.slicing import SliceError
from harness.data.harvest.tests_of_file import TestFile
from harness.data.harvest.traced_process import Job, Places
from harness.data.harvest.traced_runs import Times, Traced, trace_tests
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import SourceOptions
from harness.files.record_files import write_records

VERSION = 2
"""Of what a harvest does; part of its key in the cache."""
RECORDS, SKIPPED, SUMMARY = "records.parquet", "skipped.jsonl", "summary.json"
_METHOD = "a method; only functions are harvested"

# Name of a function -> the test files in which it stands.
Naming = Mapping[str, Sequence[Path]]


@dataclass(slots=True)
class Yield:
    """What a harvest came to.

    Attributes:
        functions_seen: Top-level functions of the modules looked at.
        candidates: Those that could be cut out and have a test or an example.
        pairs: Those that passed twice.
        with_tests / with_examples: Of the pairs, those with a test of the code base, and with an example of the docstring.
        test_files: What became of the test files, in the words of `harness.data.harvest.fates` -> how many.
        passing_tests: Tests of the code base that passed.
        losses: Reason -> functions, methods and files.
        seconds: Step -> wall seconds.
    """

    functions_seen: int = 0
    candidates: int = 0
    pairs: int = 0
    with_tests: int = 0
    with_examples: int = 0
    test_files: dict[str, int] = field(default_factory=dict)
    passing_tests: int = 0
    losses: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Harvest:
    """One harvest of one code base.

    Args:
        base: The code base.
        options: `sample` and `seed` draw from the functions that can be cut out.
        how: How tests and suites are run; with a cache folder.
        times: How long the code base's own tests may run.
    """

    def __init__(self, base: CodeBase, options: SourceOptions, how: Execution, times: Times) -> None:
        self._base, self._options, self._how, self._times = base, options, how, times
        self._skipped: dict[str, str] = {}
        self._yield = Yield()
        self._since = time.monotonic()

    def write(self, folder: Path) -> None:
        """Do everything; the three files of a harvest into an empty folder.

        Raises:
            HarnessError: SANDBOX when tests or suites cannot be run safely.
        """
        read = read_code_base(self._base)
        self._skipped |= read.skipped
        found = self._find(read)
        self._lap("reading")
        with compiled(self._how.cache) as bytecode:
            traced, naming = self._trace(read, found)
            self._lap("tests")
            candidates = self._pair(read, found, traced, naming)
            compile_for((text for one in candidates for text in (one.sources[0], one.suites[0])), bytecode, self._how.workers)
        self._lap("pairing")
        proven = prove(candidates, self._how, (self._base.origin, self._base.licence))
        self._lap("execution")
        self._skipped |= proven.lost
        write_records(folder / RECORDS, proven.records)
        self._count([record.oracle_suite or "" for record in proven.records], len(candidates))
        lines = (json.dumps({"id": name, "reason": reason}) + "\n" for name, reason in self._skipped.items())
        (folder / SKIPPED).write_text("".join(lines), "utf-8")
        (folder / SUMMARY).write_text(json.dumps(asdict(self._yield), indent=1) + "\n", "utf-8")

    def _lap(self, step: str) -> None:
        now = time.monotonic()
        self._yield.seconds[step], self._since = round(now - self._since, 2), now

    def _find(self, read: Read) -> list[Found]:
        """Functions that can be cut out, drawn as the options say."""
        siblings = None if self._base.importable else read.modules
        found: dict[str, Found] = {}
        for module in (read.modules[name] for name in read.focal):
            self._skipped |= dict.fromkeys((f"{module.name}:{name}" for name in public_methods(module)), _METHOD)
            for function, reason in functions(module):
                self._yield.functions_seen += 1
                identity = f"{module.name}:{function.name}"
                try:
                    if reason:
                        raise SliceError(reason)
                    found[identity] = find(module, function, siblings)
                except (SliceError, SyntaxError, ValueError, RecursionError) as error:
                    self._skipped[identity] = str(error) if isinstance(error, SliceError) else "cannot be compiled"
        drawn = list(found)
        if self._options.sample is not None and self._options.sample < len(drawn):
            chosen = set(random.Random(self._options.seed).sample(drawn, self._options.sample))  # noqa: S311 - no secret
            drawn = [one for one in drawn if one in chosen]
        return [found[one] for one in drawn]

    def _trace(self, read: Read, found: Sequence[Found]) -> tuple[Traced, Naming]:
        """Run the test files that name a function."""
        places: dict[str, list[tuple[int, int, int]]] = {}
        for number, one in enumerate(found):
            places.setdefault(str(read.paths[one.module.name]), []).append((*_body(one), number))
        job = self._job(read, {path: sorted(bodies) for path, bodies in places.items()})
        naming = files_naming(read.tests, {one.function.name for one in found})
        files = sorted({path for paths in naming.values() for path in paths})
        traced = trace_tests(job, files, self._how, None, (self._times, self._how.on_done))
        for path in read.tests:
            fate = traced.files.get(path, UNNAMED)
            traced.files[path] = problem(self._base, path) or fate if fate in (UNNAMED, NOT_COLLECTED) else fate
        counted = Counter(traced.files.values())
        self._yield.test_files = {fate: counted[fate] for fate in sorted(counted, key=lambda one: (-counted[one], one))}
        self._yield.passing_tests = traced.tests
        self._skipped |= lost({str(path.relative_to(self._base.folder)): traced.files[path] for path in read.tests})
        return traced, naming

    def _job(self, read: Read, places: Places) -> Job:
        roots = tuple(dict.fromkeys(self._base.import_root(path) for path in read.paths.values()))
        # The root of all for pytest, then what the modules are imported from.
        first = self._base.import_root(self._base.files[0]) if self._base.importable else self._base.folder
        hooks = [name for name in read.modules if name.rpartition(".")[2] == "conftest"]
        preload = (self._base.name, *hooks) if self._base.importable else ()
        return Job(self._base.folder, tuple(dict.fromkeys((first, *roots))), preload, places)

    def _pair(self, read: Read, found: Sequence[Found], traced: Traced, naming: Naming) -> list[Candidate]:
        @cache
        def opened(path: Path) -> TestFile | None:
            module = read_module(self._base, path)
            return TestFile(module, read.modules, self._base.importable) if module is not None else None

        candidates = []
        for number, one in enumerate(found):
            pair = paired(one.function.name, traced.runs.get(number, set()), traced.functions_of, opened)
            without = unpaired([traced.files[path] for path in naming.get(one.function.name, ())])
            made = candidate(one, opened(pair[0]) if pair else None, pair[1] if pair else (), without)
            if isinstance(made, Candidate):
                candidates.append(made)
            else:
                self._skipped[one.id] = made
        return candidates

    def _count(self, suites: Sequence[str], candidates: int) -> None:
        names = [[n.name for n in ast.parse(suite).body if isinstance(n, ast.FunctionDef | ast.ClassDef)] for suite in suites]
        tests = [[name for name in one if name.lower().startswith("test")] for one in names]
        told = self._yield
        told.candidates, told.pairs = candidates, len(suites)
        told.with_examples = sum(any(EXAMPLE in name for name in one) for one in tests)
        told.with_tests = sum(any(EXAMPLE not in name for name in one) for one in tests)
        told.losses = dict(Counter(self._skipped.values()).most_common())


def _body(one: Found) -> tuple[int, int]:
    """First and last line of the statements of a function, its docstring apart: importing the module runs the ``def``."""
    body = one.function.body
    first = body[1] if ast.get_docstring(one.function, clean=False) is not None and len(body) > 1 else body[0]
    return first.lineno, one.function.end_lineno or first.lineno


def with_cache(how: Execution, folder: Path) -> Execution:
    """The execution, with a cache for verdicts and compiled modules where it has none."""
    return how if how.cache is not None else replace(how, cache=folder)

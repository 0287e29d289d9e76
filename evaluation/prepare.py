"""Focal functions -> everything their suites are run against, generated once and kept in the cache."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from evaluation.cache import Cache, key_of
from evaluation.coverage_map import CoverageMap, coverage_map
from evaluation.job import Prepared
from evaluation.mutation.instrument import compiled
from evaluation.mutation.records import MutationSettings, Variants
from evaluation.mutation.store import variants_of
from evaluation.records import SOLUTION_PATH, FocalFunction, ScoreSettings
from evaluation.runner.source import FocalNotFoundError, focal_node, imported_modules, measurable

MAP_VERSION = 1  # raise it when coverage_map.py reads a source differently


def prepare(functions: Sequence[FocalFunction], settings: ScoreSettings, bytecode: Path) -> list[Prepared | str]:
    """One per function, in order; a text where the function cannot be used, saying why.

    Raises:
        EvaluationError: if mutmut cannot be run or the cache cannot be written.
    """
    problems = [problem_of(function) for function in functions]
    usable = [function for function, problem in zip(functions, problems, strict=True) if not problem]
    asked = MutationSettings(
        mutants_per_function=settings.mutants_per_function,
        seed=settings.seed,
        workers=settings.workers,
        cache_dir=settings.cache_dir,
        mutation_scope=settings.mutation_scope,
    )
    made = iter(variants_of(usable, asked, bytecode))
    store = Cache(settings.cache_dir)
    return [problem or _prepared(function, next(made), store) for function, problem in zip(functions, problems, strict=True)]


def problem_of(function: FocalFunction) -> str:
    """Why a function cannot be used, as far as reading it tells; or empty."""
    try:
        focal_node(function.source, function.entry_point)
        compile(function.source, SOLUTION_PATH, "exec", dont_inherit=True)
    except FocalNotFoundError as error:
        return str(error)
    except SyntaxError as error:
        return f"the source does not parse: line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"the source does not parse: {type(error).__name__}: {error}"
    return ""


def _prepared(function: FocalFunction, variants: Variants, store: Cache) -> Prepared:
    source = measurable(function.source, function.entry_point)
    same = source == function.source
    traced = variants.reference_plain if same else compiled(source, SOLUTION_PATH, ticks=False)
    mapped = _coverage_map(source, function.entry_point, store)
    imports = tuple(imported_modules(function.source))
    return Prepared(function.entry_point, function.source, variants, traced, mapped, same, imports)


def _coverage_map(source: str, entry_point: str, store: Cache) -> CoverageMap:
    key = key_of(source, entry_point, _coverage_version(), MAP_VERSION)
    kept = store.read("coverage-maps", key, CoverageMap.from_dict)
    if kept is not None:
        return kept
    made = coverage_map(source, entry_point)
    store.put("coverage-maps", key, made.to_dict())
    return made


@functools.cache
def _coverage_version() -> str:
    return version("coverage")

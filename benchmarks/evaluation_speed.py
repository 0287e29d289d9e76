"""How long scoring takes: all of MBPP, and a sample beside the ordinary commands. Owns these two parts' fields."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import WORKERS, Bench, say
from benchmarks.evaluation_commands import Project
from benchmarks.evaluation_data import Pair
from benchmarks.evaluation_once import scored_apart
from evaluation import Report, Verdict

MUTANTS = 15
SAMPLE = 60
SPARE = 3  # candidates per function wanted: a fifth of the functions has a mutant that never ends


def mbpp(bench: Bench) -> dict[str, Any]:
    """All of MBPP with its own asserts, at most 15 mutants each, mutants made before, no result known before."""
    pairs = data.drawn(data.mbpp(), bench.limit)
    settings = bench.settings(MUTANTS)
    generated = bench.generate([function for function, _ in pairs], settings)
    say(f"  mutants: {generated:.1f} s")
    report, wall = bench.score(pairs, settings)
    bench.scored.update({score.function_id: score for score in report.scores})
    mutants = sum(len(score.mutants) for score in report.scores)
    invalid = {score.function_id: str(score.verdict) for score in report.scores if score.verdict is not Verdict.VALID}
    return {
        "suites": len(pairs),
        "suites_valid": len(pairs) - len(invalid),
        "suites_not_valid": invalid,
        "generate_s": round(generated, 1),
        "wall_s": round(wall, 1),
        "mutants": mutants,
        "mutants_per_s": round(mutants / wall, 1),
        "ms_per_mutant": _median_ms(report, "mutant"),
        "ms_per_baseline": _median_ms(report, "coverage"),
        "ms_per_reference": _median_ms(report, "reference"),
        "worker_s": {stage: round(sum(seconds), 1) for stage, seconds in report.seconds.items()},
        "sandbox": list(report.sandbox.layers),
    }


def cli(bench: Bench) -> dict[str, Any]:
    """The same functions and mutants by `pytest`, `coverage run --branch` and `mutmut run`, and by the engine."""
    wanted = bench.size(SAMPLE)
    candidates = data.drawn(data.mbpp(), SPARE * wanted)
    pairs = bench.usable(candidates, timeouts=False)[:wanted]
    say(f"  {len(pairs)} functions of {len(candidates)} candidates; the ordinary commands ...")
    started = time.perf_counter()
    made = [_ordinary(bench, pair, "ordinary") for pair in pairs]
    commands = time.perf_counter() - started
    say("  and two functions at once, with one child each ...")
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda pair: _ordinary(bench, pair, "parallel", "--max-children", "1"), pairs))
    parallel = time.perf_counter() - started
    report, engine = bench.score(pairs, bench.settings(None))
    started = time.perf_counter()
    scored_apart(bench, pairs, None)
    process = time.perf_counter() - started
    generate = _generate_again(bench, pairs)
    ours = [len(score.mutants) for score in report.scores]
    return {
        "cli_functions": len(pairs),
        "cli_s": round(commands, 1),
        "cli_parallel_s": round(parallel, 1),
        "engine_s": round(engine, 2),
        "engine_process_s": round(process, 2),
        "engine_generate_s": round(generate, 2),
        "speedup_vs_cli": round(commands / engine, 1),
        "speedup_vs_cli_parallel": round(parallel / engine, 1),
        "speedup_vs_cli_process": round(commands / process, 1),
        "speedup_vs_cli_with_generation": round(commands / (process + generate), 1),
        "cli_mutants": sum(made),
        "engine_mutants": sum(ours),
        "cli_other_mutants": [pair[0].id for pair, a, b in zip(pairs, ours, made, strict=True) if a != b],
    }


def _ordinary(bench: Bench, pair: Pair, name: str, *options: str) -> int:
    """Score one suite with the three commands; how many mutants mutmut ran. By itself mutmut takes a child per core."""
    project = Project.create(bench.folder / name, pair)
    project.run("pytest")
    project.run("coverage", "run", "--branch", "-m", "pytest")
    project.run("mutmut", "run", *options)
    return len(project.exit_codes())


def _generate_again(bench: Bench, pairs: Sequence[Pair]) -> float:
    """Seconds to make the mutants of these functions, with an empty store: `mutmut run` makes them too."""
    settings = Bench(bench.folder / "again").settings(None)
    bench.generate([], settings)  # the bytecode of pytest and mutmut, which the commands have as well
    return bench.generate([function for function, _ in pairs], settings)


def _median_ms(report: Report, stage: str) -> float | None:
    seconds = report.seconds.get(stage)
    return round(1000 * statistics.median(seconds), 2) if seconds else None

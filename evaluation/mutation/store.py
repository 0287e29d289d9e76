"""The content-addressed store of mutants and compiled variants: each is made once per content and version. Runs none.

Two kinds: ``mutants`` holds all of a module's, whatever sample is asked for; ``variants`` holds what one scoring runs for one
function. Generation happens in processes of their own, several at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from evaluation.cache import Cache, key_of
from evaluation.errors import EvaluationError
from evaluation.mutation import instrument, neutral
from evaluation.mutation import sample as sampling
from evaluation.mutation.processes import ask
from evaluation.mutation.reach import reached
from evaluation.mutation.records import CompiledMutant, Mutant, MutantSet, MutationSettings, Variants, to_bytes
from evaluation.records import SOLUTION_PATH, FocalFunction

ADAPTER_VERSION = 3  # raise it when mutmut_adapter.py, rendering.py or decorators.py answer differently
NEUTRALS = 4


@cache
def tool() -> str:
    """Name and version of what makes the mutants; a mutation score means nothing without it."""
    return f"mutmut {version('mutmut')}"


def mutants_of(functions: Sequence[FocalFunction], settings: MutationSettings, bytecode: Path) -> list[MutantSet]:
    """All mutants of every function's module, in order; from the store where they are in it.

    Args:
        functions: Two with the same source are generated once.
        settings: Of these, only `workers` and `cache_dir` matter here.
        bytecode: From `evaluation.bytecode.compiled`.

    Raises:
        EvaluationError: if mutmut cannot be run or the store cannot be written.
    """
    store = Cache(settings.cache_dir)
    sources = {_mutants_key(function): function.source for function in functions}
    kept = {key: store.read("mutants", key, MutantSet.from_dict) for key in sources}
    missing = [key for key in sources if kept[key] is None]
    answers = ask("mutmut_adapter", [sources[key] for key in missing], settings.workers, bytecode)
    for key, made in zip(missing, answers, strict=True):
        kept[key] = MutantSet.from_dict({"key": key, **made})
        store.put("mutants", key, {"key": key, **made})
    found = {key: values for key, values in kept.items() if values is not None}
    return [found[_mutants_key(function)] for function in functions]


def variants_of(functions: Sequence[FocalFunction], settings: MutationSettings, bytecode: Path) -> list[Variants]:
    """What is run for every function, compiled, in order; from the store where it is in it.

    Args:
        functions: Two with the same source and entry point are made once.
        settings: Sample, seed, scope, workers and store.
        bytecode: From `evaluation.bytecode.compiled`.

    Raises:
        EvaluationError: if a reference does not compile, mutmut cannot be run, or the store cannot be written.
    """
    store = Cache(settings.cache_dir)
    by_key = {_variants_key(function, settings): function for function in functions}
    kept = {key: store.read("variants", key, Variants.from_dict) for key in by_key}
    missing = {key: by_key[key] for key in by_key if kept[key] is None}
    for made in _make(missing, settings, bytecode):
        kept[made.key] = made
        store.put("variants", made.key, made.to_dict())
    found = {key: values for key, values in kept.items() if values is not None}
    return [found[_variants_key(function, settings)] for function in functions]


def _make(missing: dict[str, FocalFunction], settings: MutationSettings, bytecode: Path) -> list[Variants]:
    functions = list(missing.values())
    none = MutantSet("", (), 0, "")
    wanted = settings.mutants_per_function != 0
    sets = mutants_of(functions, settings, bytecode) if wanted else [none] * len(functions)
    scoped = [_in_scope(function, mutants, settings) for function, mutants in zip(functions, sets, strict=True)]
    samples = [
        sampling.sample(mutants, settings.mutants_per_function, _seed(function, settings))
        for function, mutants in zip(functions, scoped, strict=True)
    ]
    asked = [_question(function, chosen, settings) for function, chosen in zip(functions, samples, strict=True)]
    answers = ask("compiling", asked, settings.workers, bytecode)
    rows = zip(missing, functions, sets, scoped, samples, answers, strict=True)
    return [
        _variants(key, function, mutants, (len(all_), chosen), answer) for key, function, mutants, all_, chosen, answer in rows
    ]


def _in_scope(function: FocalFunction, mutants: MutantSet, settings: MutationSettings) -> list[Mutant]:
    if settings.mutation_scope == "module" or not mutants.mutants:
        return list(mutants.mutants)
    names = reached(function.source, function.entry_point)
    return [mutant for mutant in mutants.mutants if mutant.function in names]


def _question(function: FocalFunction, chosen: Sequence[Mutant], settings: MutationSettings) -> dict[str, Any]:
    sources = [mutant.source for mutant in chosen]
    return {"source": function.source, "mutants": sources, "neutrals": NEUTRALS, "seed": _seed(function, settings)}


def _variants(
    key: str, function: FocalFunction, mutants: MutantSet, sampled: tuple[int, list[Mutant]], answer: dict[str, Any]
) -> Variants:
    if "broken" in answer:
        fix = "every reference must be a whole module"
        raise EvaluationError(f"the reference of {function.id} is broken", why=answer["broken"], fix=fix)
    generated, chosen = sampled
    compiled = [_compiled(mutant, code) for mutant, code in zip(chosen, answer["codes"], strict=True)]
    return Variants(
        key=key,
        mutants=tuple(compiled),
        generated=generated,
        uncompilable=mutants.uncompilable,
        problem=mutants.problem,
        reference=to_bytes(answer["reference"]),
        reference_plain=to_bytes(answer["reference_plain"]),
        neutrals=tuple(to_bytes(code) for code in answer["neutrals"]),
    )


def _compiled(mutant: Mutant, code: str) -> CompiledMutant:
    values = asdict(mutant)
    del values["source"]
    return CompiledMutant(**values, code=to_bytes(code))


def _seed(function: FocalFunction, settings: MutationSettings) -> str:
    # The function's own content, so that its sample does not depend on the other functions.
    return f"{settings.seed}:{key_of(function.source, function.entry_point)}"


def _mutants_key(function: FocalFunction) -> str:
    grammar = f"{sys.version_info.major}.{sys.version_info.minor}"
    return key_of(function.source, tool(), version("libcst"), ADAPTER_VERSION, grammar)


def _variants_key(function: FocalFunction, settings: MutationSettings) -> str:
    asked = (settings.mutants_per_function, settings.seed, settings.mutation_scope, NEUTRALS, SOLUTION_PATH)
    versions = (sampling.VERSION, instrument.VERSION, neutral.VERSION, MAGIC_NUMBER.hex(), sys.implementation.cache_tag)
    return key_of(_mutants_key(function), function.entry_point, *asked, *versions)

"""The one door to mutmut: all mutants of a module, as `mutmut run` makes them, and those of decorated functions.

Runs in a process of its own, started by `evaluation.mutation.processes`: mutmut's Python interface is internal and reads the
configuration of the current directory, so the version is pinned and the process gets a folder with a configuration of its
own. Samples nothing, runs no mutant.

Source: `mutmut.mutation.file_mutation.create_mutations`, mutmut 3.8.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation import file_mutation, mutators, pragma_handling

from evaluation.mutation.decorators import hide_decorators
from evaluation.mutation.differences import difference
from evaluation.mutation.processes import serve
from evaluation.mutation.records import Mutant
from evaluation.mutation.rendering import Rendering

NAMES = {
    "arg_removal": "argument",
    "dict_arguments": "dict_argument",
    "if_exp": "ternary",
    "keywords": "keyword",
    "match": "match_case",
    "remove_unary_ops": "unary",
    "symmetric_string_methods_swap": "string_method",
    "unsymmetrical_string_methods_swap": "string_method",
}
# mutmut offers every node to its swap operator, which looks at these types only: naming them saves most of its time.
SWAPS: dict[type[cst.CSTNode], str] = {
    cst.BinaryOperation: "arithmetic",
    cst.UnaryOperation: "sign",
    cst.BooleanOperation: "boolean",
    cst.ComparisonTarget: "comparison",
    cst.AugAssign: "augmented_operator",
}

Operator = Callable[[Any], Iterable[cst.CSTNode]]
Made = tuple[str, str, str]  # mutated source, operator, function


def main() -> None:
    """Answer the sources of a batch."""
    serve(answer)


def answer(source: str) -> dict[str, Any]:
    """The fields of `MutantSet` but its key, JSON-ready, for one module."""
    try:
        made = list(_all_mutants(source))
    except Exception as error:  # noqa: BLE001 - libcst and mutmut raise many kinds on unusual sources; reported, not dropped
        problem = f"mutmut cannot read the function: {type(error).__name__}"
        return {"mutants": [], "uncompilable": 0, "problem": problem}
    sound = [asdict(mutant) for mutant in made if _compiles(mutant.source)]
    return {"mutants": sound, "uncompilable": len(made) - len(sound), "problem": ""}


def _all_mutants(source: str) -> Iterator[Mutant]:
    own = list(_mutate(source))
    yield from (_mutant(source, made, beyond=False) for made in own)
    hidden = hide_decorators(source)
    if hidden is None:
        return
    known = {mutated for mutated, _, _ in own}
    for mutated, operator, function in _mutate(hidden.source):
        restored = hidden.restore(mutated)
        if restored not in known:
            yield _mutant(source, (restored, operator, function), beyond=True)


def _mutant(source: str, made: Made, *, beyond: bool) -> Mutant:
    mutated, operator, function = made
    place = difference(source, mutated)
    return Mutant(mutated, place.line, place.end_line, operator, place.diff, function, beyond)


def _mutate(source: str) -> Iterator[Made]:
    """What `create_mutations` does, keeping which operator made what and copying less."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    # Looking for its comments takes as long as a fifth of the rest.
    without = pragma_handling.IgnoredCode(set(), set(), set())
    ignored = pragma_handling.get_ignored_lines("solution.py", source, wrapper) if "pragma" in source else without
    names: list[tuple[cst.CSTNode, str]] = []
    visitor = file_mutation.MutationVisitor(_recording(names), ignored)
    wrapper.visit(visitor)
    operators = {id(node): name for node, name in names}
    rendering = Rendering(wrapper.module)
    for mutation in visitor.mutations:
        function = mutation.contained_by_top_level_function
        # mutmut drops what stands outside functions, although it is among the mutations.
        if isinstance(function, cst.FunctionDef):
            mutated = rendering.replace(mutation.original_node, mutation.mutated_node)
            yield mutated, operators[id(mutation.mutated_node)], rendering.qualified_name(function)


def _recording(names: list[tuple[cst.CSTNode, str]]) -> list[tuple[type[cst.CSTNode], Operator]]:
    """The operators of mutmut, in its order; each also notes the nodes it makes."""
    wrapped = []
    for kind, operator in mutators.mutation_operators:
        kinds = list(SWAPS) if operator is mutators.operator_swap_op else [kind]
        wrapped += [(one, _noting(operator, names)) for one in kinds]
    return wrapped


def _noting(operator: Operator, names: list[tuple[cst.CSTNode, str]]) -> Operator:
    plain = getattr(operator, "__name__", "").removeprefix("operator_")

    def noted(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        for made in operator(node):
            names.append((made, SWAPS[type(node)] if plain == "swap_op" else NAMES.get(plain, plain)))
            yield made

    return noted


def _compiles(source: str) -> bool:
    try:
        compile(source, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True

"""Compiles a function's reference, neutral variants and sampled mutants. Runs in a process of its own; executes none."""

from __future__ import annotations

from typing import Any

from evaluation.mutation.instrument import compiled
from evaluation.mutation.neutral import neutral_variants
from evaluation.mutation.processes import serve
from evaluation.mutation.records import to_text


def main() -> None:
    """Answer the functions of a batch."""
    serve(answer)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Marshalled code objects as base64 text.

    Args:
        asked: `source`, `mutants` (their sources), `neutrals` (how many), `seed` (of the neutral variants).

    Returns:
        `reference`, `reference_plain`, `neutrals`, `codes` (of the mutants, in order); or only `broken`, the reason why the
        reference cannot be compiled.
    """
    source = asked["source"]
    try:
        reference, plain = compiled(source), compiled(source, ticks=False)
        neutrals = [compiled(variant) for variant in neutral_variants(source, asked["seed"], asked["neutrals"])]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"broken": f"{type(error).__name__}: {error}"}
    return {
        "reference": to_text(reference),
        "reference_plain": to_text(plain),
        "neutrals": [to_text(code) for code in neutrals],
        "codes": [to_text(compiled(mutant)) for mutant in asked["mutants"]],
    }

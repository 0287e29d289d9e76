"""What a trial could not train on, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def left_out_sentence(metrics: Mapping[str, float]) -> str | None:
    """Says which training examples did not fit.

    Args:
        metrics: Of a trial: ``train_examples``, ``train_examples_dropped``, ``train_tests_dropped``; see `TrialResult`.

    Returns:
        One sentence; None where everything fitted, or nothing was trained.
    """
    kept, dropped = int(metrics.get("train_examples", 0)), int(metrics.get("train_examples_dropped", 0))
    tests = int(metrics.get("train_tests_dropped", 0))
    if not tests and not dropped:
        return None
    limits = "max_length and max_completion_tokens"
    cut = f"{tests} test{'s' * (tests != 1)}"
    if not dropped:
        return f"to fit {limits}, {cut} were left out of the {kept} training examples"
    functions = f"{dropped} of {kept + dropped} training functions {'has' if dropped == 1 else 'have'}"
    return f"{functions} no test that fits {limits}: not trained on; {cut} left out in all"

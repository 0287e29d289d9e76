"""The names of every scalar a finished trial logs: what `objectives` may name. Definitions: docs/metrics.md."""

from __future__ import annotations

EXECUTION_METRICS = (
    "valid_rate",
    "pass_rate",
    "line_coverage",
    "branch_coverage",
    "mutation_score",
    "mutation_score_all",
    "mutation_score_lenient",
    "mutation_score_all_lenient",
    "pass_rate_without_copied",
    "branch_coverage_without_copied",
    "mutation_score_without_copied",
    "assertion_kill_share",
    "copied_assert_share",
)
"""From running the generated suites; fractions 0-1, means over all functions of the split."""

TRAINING_METRICS = (
    "train_loss",
    "eval_loss",
    "train_runtime_s",
    "train_tokens_per_s",
    "generate_runtime_s",
    "generate_tokens_per_s",
    "generate_latency_p50_s",
    "generate_latency_p95_s",
    "truncated_suites",
    "trainable_parameters",
    "peak_bytes",
    "trial_runtime_s",
)
"""From the trial process and its watchdog; seconds, bytes, tokens per second, nats."""

OBJECTIVE_METRICS = EXECUTION_METRICS + TRAINING_METRICS

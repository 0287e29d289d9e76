"""The data that a sweep file asks for, prepared in the cache; and what a person is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.data.lengths import longest_prompt
from harness.data.prepared.prepare import PrepareAsk, PreparedData, prepare_splits
from harness.data.sources.rows import SourceOptions
from harness.files.template_files import load_template
from harness.trial.examples import worked_examples

SLOW_S = 5.0
WRITTEN_SPLITS = ("validation", "selection", "test")
"""The splits that suites are written for."""


def asked_data(config: SweepConfig, cache: Path, say: Callable[[str], None]) -> PreparedData:
    """The four splits of a sweep file without batches.

    Args:
        config: The sweep file.
        cache: The cache folder.
        say: Told what was left out of the sources, one line.

    Raises:
        HarnessError: as `prepare_splits`.
    """
    data = prepare_splits(prepare_ask(config), cache, _if_slow(say))
    if data.left_out:
        counted = ", ".join(f"{count} {reason}" for reason, count in data.left_out.items())
        say(f"left out of the data: {counted}; `harness data inspect` names each")
    return data


def _if_slow(say: Callable[[str], None]) -> Callable[[str], None]:
    """Tells what goes on only once it has taken a while: most sources are ready at once."""
    started = time.monotonic()
    return lambda line: say(line) if time.monotonic() - started > SLOW_S else None


def prepare_ask(config: SweepConfig) -> PrepareAsk:
    """The data that a sweep file asks for."""
    data = config.data
    options = SourceOptions(data.sample, data.seed, data.max_far, data.max_frr)
    return PrepareAsk(data.sources, data.splits.model_dump(), data.limits.model_dump(), options, data.near_duplicates)


def longest_asked(config: SweepConfig, data: PreparedData, tokenizer: Path | None) -> int:
    """Tokens of the longest prompt that a suite is asked for with, over all templates of the space and one-shot too."""
    templates = [load_template(name) for name in config.prompt_templates()]
    shown = worked_examples(data.train_files, data.exclude_file)
    return longest_prompt((data.files[name] for name in WRITTEN_SPLITS), tokenizer, templates, shown)

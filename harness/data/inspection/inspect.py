"""Owns the order of an inspection: open, read once, count tokens and duplicates, run a sample of suites, judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.data.inspection.gather import Gathered, Pass, gather
from harness.data.inspection.oracles import run_sample
from harness.data.inspection.parts import Counts, Duplicates, Lengths, Tokens, spread
from harness.data.inspection.proposals import propose_for
from harness.data.inspection.remarks import remarks
from harness.data.inspection.report import Inspection, Verdict, judged
from harness.data.inspection.tokens import Asked, Counted, Training, open_tokenizer, tokenised
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import Accounting, Source, SourceOptions
from harness.data.splitting.near_duplicates import Sketch, clusters

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class InspectAsk:
    """What is to be inspected, and how.

    Attributes:
        source: Its name.
        options: How it is read; `seed` also draws the samples.
        training: What a training example is.
        tokenizer: As `open_tokenizer`.
        near_duplicates: Jaccard similarity, 0.5-1, from which two functions are near-duplicates.
        execute: Oracle suites to run; None for all, 0 for none.
        read: Rows that are read, at most; of a larger source a seeded sample. None for all.
        workers: Processes that read.
        execution: How suites are run.
        cache: The cache folder.
        mapping_out: Where a proposed mapping is going to be written.
    """

    source: str
    options: SourceOptions
    training: Training
    tokenizer: Asked | None
    near_duplicates: float
    execute: int | None
    read: int | None
    workers: int
    execution: Execution
    cache: Path
    mapping_out: Path | None = None


def inspect(ask: InspectAsk, opened: Callable[[], Source], say: Callable[[str], None]) -> Inspection:
    """Look at a source from its first row to its last.

    Args:
        ask: What and how.
        opened: Opens the source.
        say: Told, one line each, what takes time.

    Raises:
        HarnessError: other than BAD_INPUT of the source itself, which is a finding: the verdict is BROKEN.
    """
    tokenizer = open_tokenizer(ask.tokenizer, ask.cache, say)
    try:
        source = opened()
        if source.layout == UNKNOWN:
            return _unmapped(ask, source)
        how = Pass(ask.training, ask.options.seed, ask.execute, ask.read, ask.workers, say)
        found = gather(source, how)
    except HarnessError as error:
        if error.code is not ExitCode.BAD_INPUT:
            raise
        return _unreadable(ask.source, error)
    inspection = _measured(ask, source, found, tokenizer, say)
    return _mappable(inspection, ask, source) if inspection.verdict is Verdict.BROKEN else inspection


def _measured(
    ask: InspectAsk, source: Source, found: Gathered, opened: tuple[Any, str, str], say: Callable[[str], None]
) -> Inspection:
    tokenizer, name, note = opened
    say("counting tokens")
    counted = tokenised(tokenizer, found.tokenise, ask.training) if tokenizer is not None else Counted({}, ())
    say("looking for near-duplicates")
    duplicates = _duplicates(found.sketches, ask.near_duplicates)
    execution = replace(ask.execution, on_done=lambda done, of: say(f"running oracle suites: {done} of {of}"))
    oracles = run_sample(found.execute, found.suites, found.trainable, execution)
    verdict, reason = judged(source.layout, found.counts)
    inspection = Inspection(
        source=ask.source,
        layout=source.layout,
        origin=source.origin,
        licences=dict(found.licences.most_common()),
        counts=found.counts,
        lengths=_lengths(found.characters, counted.lengths),
        tokens=Tokens(
            name or None, note, len(found.tokenise) if tokenizer else 0, ask.training.template.identity, counted.limits
        ),
        duplicates=duplicates,
        oracles=oracles,
        proposal=None,
        verdict=verdict,
        reason=reason,
        harvest=source.account() if isinstance(source, Accounting) else None,
        values={k: {"characters": tuple(v), "tokens": counted.lengths.get(k, ())} for k, v in found.characters.items()},
    )
    return replace(inspection, remarks=remarks(inspection))


def _lengths(characters: Mapping[str, Sequence[int]], tokens: Mapping[str, tuple[int, ...]]) -> dict[str, Lengths]:
    return {
        kind: Lengths(spread(tuple(found)), spread(tokens[kind]) if tokens.get(kind) else None)
        for kind, found in characters.items()
    }


def _duplicates(sketches: Sequence[Sketch], threshold: float) -> Duplicates | None:
    if not sketches:
        return None
    exact = len(sketches) - len(set(clusters(sketches, 1.0)))
    sizes = Counter(clusters(sketches, threshold))
    return Duplicates(
        exact=exact,
        near=len(sketches) - len(sizes),
        clusters=sum(size > 1 for size in sizes.values()),
        largest=max(sizes.values()),
        threshold=threshold,
    )


def _unmapped(ask: InspectAsk, source: Source) -> Inspection:
    """No layout fits: a mapping is proposed, and nothing else can be said."""
    proposal = propose_for(source, ask.mapping_out)
    counts = Counts(rows=sum(1 for _ in source.rows()))
    verdict, reason = judged(UNKNOWN, counts, mappable=proposal.mapping is not None)
    return replace(_empty(ask.source, verdict, reason), origin=source.origin, counts=counts, proposal=proposal)


def _mappable(inspection: Inspection, ask: InspectAsk, source: Source) -> Inspection:
    """Columns that look like a known layout and are not: where a mapping reads most of the rows, it is proposed."""
    if next(iter(source.rows()), None) is None:
        return inspection
    proposal = propose_for(source, ask.mapping_out)
    if proposal.mapping is None or proposal.records * 2 <= proposal.tried:
        return inspection
    reason = f"as {inspection.layout}: {inspection.reason}; a mapping can read them"
    return replace(inspection, proposal=proposal, verdict=Verdict.NEEDS_MAPPING, reason=reason)


def _unreadable(name: str, error: HarnessError) -> Inspection:
    found = _empty(name, Verdict.BROKEN, f"{error.what}: {error.why}")
    return replace(found, remarks=(error.fix,))


def _empty(name: str, verdict: Verdict, reason: str) -> Inspection:
    return Inspection(name, UNKNOWN, "", {}, Counts(), {}, None, None, None, None, verdict, reason)

"""Records which arcs of the module under test a run executes, with coverage.py's C tracer.

What they mean is worked out outside the sandbox, in `evaluation.coverage_map`: a run carries no copy of the function's text.
"""

from __future__ import annotations

import coverage

from evaluation.records import SOLUTION_PATH

LINE = 0xFFFFFFF
Arc = tuple[int, int]


class Tracer:
    """A coverage measurement that is set up once, in the zygote, and used in a fork.

    Setting up costs 25 ms; starting one that has been started before costs one.
    """

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, branch=True, config_file=False, include=[SOLUTION_PATH], messages=False
        )
        # coverage would warn about a module that never ran; a suite that calls nothing is an ordinary result here.
        self._coverage._no_warn_slugs.update({"no-data-collected", "module-not-imported"})
        self._coverage.start()
        self._coverage.stop()

    def start(self) -> None:
        """Trace from here on."""
        self._coverage.start()

    def stop(self) -> list[Arc]:
        """Arcs (from line, to line) of the module; a negative number is the first line of a code object entered or left."""
        self._coverage.stop()
        collector = self._coverage._collector
        assert collector is not None  # noqa: S101 - started above
        found = next((arcs for name, arcs in collector.data.items() if name == SOLUTION_PATH), ())
        return sorted(_unpack(arc) if isinstance(arc, int) else arc for arc in found)


def _unpack(packed: int) -> Arc:
    # As coverage/tracer.c packs them (CTracer_record_pair) and collector.py flush_data unpacks them.
    start, end = packed & LINE, packed >> 28 & LINE
    return (-start if packed & (1 << 56) else start), (-end if packed & (1 << 57) else end)

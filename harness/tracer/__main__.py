"""The child: requests on standard input, one to a line; answers on standard output, one JSON line each."""

from __future__ import annotations

import gc
import os
import sys
import warnings

from harness.tracer.request import BAD_REQUEST, TraceRequest


def main() -> int:
    """Answer every request. One that fails ends the process, with its error as the last line on standard error."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library that prints must not write between the answers
    gc.disable()  # when it runs would depend on the machine
    from harness.tracer.steps import trace

    gc.freeze()  # what was imported stays: each collection below would look through a million objects
    for line in sys.stdin:
        gc.collect()
        try:
            answer = trace(TraceRequest.from_json(line))
        except Exception as error:  # noqa: BLE001 - the border: whatever a model's code raises is the answer
            print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
            return BAD_REQUEST
        print(answer.to_json(), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The parent's side of the tracer: starts its process, waits for it, keeps its answers as files.

Owns the cache and what a failed trace means. What is traced, and how, is `harness.tracer`'s; nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Timer

from harness.core.errors import ExitCode, HarnessError
from harness.core.memory import DeviceProfile, MemoryEstimate
from harness.tracer.request import BAD_REQUEST, Traced, TraceRequest

_QUIET = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
"""A trace needs no GPU, and must not put a context on one; it asks no hub; fake tensors use no threads."""


def trace_peak(request: TraceRequest, cache: Path, environ: Mapping[str, str], timeout_s: float = 180.0) -> Traced:
    """The answer to one request, from the cache or from a process that takes seconds.

    Args:
        request: What to trace.
        cache: Folder of kept answers; made when it is missing.
        environ: Environment of the process; CUDA is hidden from it.
        timeout_s: Seconds it may take.

    Raises:
        HarnessError: BAD_INPUT when the model cannot be built or run from its config; ENVIRONMENT when the tracer
            cannot run or does not end in time; STORAGE when the answer cannot be kept.
    """
    kept = cache / f"{request.key()}.json"
    known = _read(kept)
    if known is not None:
        return known
    with _kept_or_refused():
        cache.mkdir(parents=True, exist_ok=True)  # before the seconds are spent
    (traced,) = trace_all([request], environ, timeout_s)
    _write(kept, traced)
    return traced


def trace_all(requests: Sequence[TraceRequest], environ: Mapping[str, str], timeout_s: float) -> Iterator[Traced]:
    """Answers in the order of the requests, as they come, from one process that pays its imports once.

    Args:
        requests: What to trace.
        environ: Environment of the process; CUDA is hidden from it.
        timeout_s: Seconds for all of them.

    Raises:
        HarnessError: as `trace_peak`; answers before the failed one have been given by then.
    """
    lines = "".join(request.to_json() + "\n" for request in requests)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as asked, tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        asked.write(lines)
        asked.seek(0)
        process = subprocess.Popen(
            (sys.executable, "-m", "harness.tracer"),
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**environ, **_QUIET},
            encoding="utf-8",
        )
        given = 0
        with _killed_after(process, timeout_s) as late, process:
            for line in process.stdout or ():
                yield Traced.from_json(line)
                given += 1
        if given < len(requests):
            errors.seek(0)
            raise _failure(process.returncode, errors.read(), timeout_s if late else None)


def as_estimate(traced: Traced, device: DeviceProfile, gradient_checkpointing: bool = False) -> MemoryEstimate:
    """The trace as the guard's own value, with what the device adds: context, workspace and fragmentation."""
    percent = device.recompute_fragmentation_percent if gradient_checkpointing else device.fragmentation_percent
    terms = (
        ("context and libraries", device.context_bytes),
        ("workspace", device.workspace_bytes),
        *traced.terms,
        ("fragmentation", traced.peak_bytes * percent // 100),
    )
    return MemoryEstimate(terms, sum(size for _, size in terms), traced.phase, source="tracer")


@contextlib.contextmanager
def _killed_after(process: subprocess.Popen[str], seconds: float) -> Iterator[list[bool]]:
    """Kill the process when time is up; the list it gives is not empty then. Leaving early ends it as well."""
    late: list[bool] = []

    def kill() -> None:
        late.append(True)
        process.kill()

    timer = Timer(seconds, kill)
    timer.start()
    try:
        yield late
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def _failure(returncode: int, errors: str, timed_out_s: float | None) -> HarnessError:
    if timed_out_s is not None:
        return HarnessError(
            "tracing the model's memory took too long",
            why=f"no answer within {timed_out_s:g} s",
            fix="give the machine more room, or set a budget by hand with guard.budget",
            code=ExitCode.ENVIRONMENT,
        )
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), f"exit code {returncode}")
    if returncode == BAD_REQUEST:
        return HarnessError(
            "the model's memory cannot be traced",
            why=last,
            fix="check the model's config.json: transformers must be able to build a causal language model from it",
            code=ExitCode.BAD_INPUT,
        )
    return HarnessError(
        "the memory tracer could not run",
        why=last,
        fix="run `harness doctor`; the tracer needs torch, transformers, peft, trl and bitsandbytes in this environment",
        code=ExitCode.ENVIRONMENT,
    )


def _read(path: Path) -> Traced | None:
    """A kept answer; one that cannot be read is as good as none."""
    try:
        return Traced.from_json(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, traced: Traced) -> None:
    """The whole file or none: others may read it meanwhile."""
    with _kept_or_refused():
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".trace-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(traced.to_json())
        Path(name).replace(path)


@contextlib.contextmanager
def _kept_or_refused() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HarnessError(
            "a traced peak could not be kept",
            why=str(error),
            fix="free some disk space, or set HARNESS_CACHE to a folder that can be written",
            code=ExitCode.STORAGE,
        ) from error

"""How a trial process is started: its command, and what of the environment it gets to see."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from harness.guard.probe import MemoryProbe
from harness.guard.worker import Worker

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME", "USER", "LOGNAME")
_PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_", "HF_", "TRANSFORMERS_", "PYTORCH_", "TORCH_", "OMP_", "MKL_", "BNB_", "HARNESS_")


def open_worker(environ: Mapping[str, str], probe: MemoryProbe) -> Worker:
    """A trial process that does one job after another; none is started before the first.

    Args:
        environ: The harness' own environment.
        probe: Of this worker alone.
    """
    return Worker((sys.executable, "-m", "harness.trial", "--jobs"), child_environ(environ), probe)


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment a trial process gets to see."""
    kept = {k: v for k, v in environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    return {**kept, "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}

"""What a run cannot be cheaper than on this machine: fork, fences, import and call. Owns the fields ``floor_*``.

The figures are taken in a process of its own, `benchmarks.evaluation_floor_child`, which is as large as a worker.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import Bench
from evaluation.bytecode import PACKAGE, boot, compiled, python
from evaluation.prepare import prepare
from evaluation.sandbox import Level
from evaluation.sandbox.launch import Fence, environment, plan
from evaluation.sandbox.launch import floor as layers

TESTS = ["test_0", "test_1", "test_2"]
CHILD = Path(__file__).with_name("evaluation_floor_child.py")
PROGRAM = f"import runpy; runpy.run_path({str(CHILD)!r}, run_name='__main__')"
LIMIT_S = 120.0


def floor(bench: Bench) -> dict[str, Any]:
    """Milliseconds, medians: the bare fork, the fork behind all fences, and what the run itself takes in it."""
    settings = bench.settings(0)
    function, suite = data.mbpp()[1]
    has_landlock, has_seccomp = layers()
    fence = Fence(Level.BARE, has_landlock, has_seccomp)
    with compiled(settings.cache_dir) as bytecode, tempfile.TemporaryDirectory(prefix="evaluation-benchmark-") as folder:
        (prepared,) = prepare([function], settings, bytecode)
        if isinstance(prepared, str):
            raise TypeError(prepared)
        code = base64.b64encode(prepared.variants.reference).decode("ascii")
        job = {"code": code, "entry_point": function.entry_point, "suite": suite.code, "tests": TESTS}
        asked = json.dumps({"plan": asdict(plan(fence, folder, bytecode)), "job": job})
        command = [*python(bytecode), "-c", boot(PROGRAM), str(PACKAGE)]
        ended = subprocess.run(
            command, input=asked, env=environment(folder, 0), capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    return {f"floor_{name}": round(value, 3) for name, value in json.loads(ended.stdout).items()}

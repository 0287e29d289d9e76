"""Batches of questions answered by processes of their own, as JSON on stdin and stdout. Knows nothing of the answers.

A process gets a folder of its own with a configuration for mutmut, which reads that of the current directory.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evaluation.bytecode import PACKAGE, boot, clean_environment, python
from evaluation.errors import EvaluationError

CONFIG = '[tool.mutmut]\nsource_paths = ["."]\n'
TIMEOUT_S = 120.0  # for a batch, and
TIMEOUT_EACH_S = 5.0  # for each question in it
BATCH = 400  # importing libcst and mutmut takes a second, as long as the mutants of 80 functions


def serve(answer: Callable[[Any], Any]) -> None:
    """The process's side: read a JSON list of questions, write a JSON list of answers in the same order."""
    warnings.simplefilter("ignore")  # a mutant such as `1()` makes the compiler warn
    with contextlib.redirect_stdout(sys.stderr):  # mutmut prints what it does not know
        answers = [answer(question) for question in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


def ask(module: str, questions: Sequence[Any], workers: int, bytecode: Path) -> list[Any]:
    """One answer per question, in order, from `workers` processes at a time.

    Args:
        module: Of this package; its ``main`` calls `serve`.
        questions: JSON-ready values.
        workers: At least 1.
        bytecode: From `evaluation.bytecode.compiled`.

    Raises:
        EvaluationError: if a process fails or gives no answer in time.
    """
    rounds = -(-len(questions) // (BATCH * workers))
    size = max(1, -(-len(questions) // max(1, rounds * workers)))  # as many batches for one worker as for another
    batches = [questions[start : start + size] for start in range(0, len(questions), size)]
    with ThreadPoolExecutor(workers) as pool:
        answers = pool.map(lambda batch: _run(module, batch, bytecode), batches)
        return [answer for batch in answers for answer in batch]


def _run(module: str, batch: Sequence[Any], bytecode: Path) -> Any:
    program = boot(f"from evaluation.mutation.{module} import main; main()")
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        (Path(folder) / "pyproject.toml").write_text(CONFIG, "utf-8")
        try:
            ended = subprocess.run(
                [*python(bytecode, trusted=True), "-c", program, str(PACKAGE)],
                input=json.dumps(batch),
                cwd=folder,
                env=clean_environment(),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S + TIMEOUT_EACH_S * len(batch),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            why, fix = f"waited {error.timeout:.0f} s", "look for a huge function"
            raise EvaluationError("the mutants cannot be generated", why=why, fix=fix) from error
    if ended.returncode != 0:
        why = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
        raise EvaluationError("the mutants cannot be generated", why=why, fix="install the pinned version of mutmut")
    return json.loads(ended.stdout)

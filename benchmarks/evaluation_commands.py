"""A suite and its function as an ordinary project: ``src``, ``tests`` and the commands that people run there. Judges nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.evaluation_data import Pair

# mutmut waits (test seconds + 1) times this for a mutant that never ends; its default of 15 changes no verdict of a suite that
# takes milliseconds, and lets an endless list grow for 15 s.
TIMEOUT_MULTIPLIER = 5
CONFIG = f"""[tool.pytest.ini_options]
pythonpath = ["src"]

[tool.mutmut]
source_paths = ["src"]
timeout_multiplier = {TIMEOUT_MULTIPLIER}
"""
LIMIT_S = 900.0


class CommandFailedError(Exception):
    """A command that had to succeed did not; the message holds its last line."""


@dataclass(frozen=True, slots=True)
class Project:
    """One folder."""

    folder: Path

    @classmethod
    def create(cls, under: Path, pair: Pair) -> Self:
        """Write the files."""
        function, suite = pair
        folder = under / function.id.replace("/", "-")
        (folder / "src").mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "src" / "solution.py").write_text(function.source, "utf-8")
        (folder / "tests" / "test_solution.py").write_text(suite.code, "utf-8")
        (folder / "pyproject.toml").write_text(CONFIG, "utf-8")
        return cls(folder)

    def run(self, *command: str) -> str:
        """What a command of this Python's installation prints.

        Plugins that happen to be installed here are left out: they take longer to import than pytest itself.

        Raises:
            CommandFailedError: if it ends with another status than 0, or not at all.
        """
        program = Path(sys.executable).with_name(command[0])
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1"}
        try:
            ended = subprocess.run(
                [program, *command[1:]],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(f"{' '.join(command)} in {self.folder.name}: no end after {LIMIT_S:.0f} s") from error
        printed = ended.stdout.decode("utf-8", "replace")
        if ended.returncode:
            last = (printed.strip().splitlines() or ["no output"])[-1]
            raise CommandFailedError(f"{' '.join(command)} in {self.folder.name}: status {ended.returncode}, {last[-200:]}")
        return printed

    def exit_codes(self) -> dict[str, int | None]:
        """Mutant -> exit status of its run, as `mutmut run` notes them."""
        text = (self.folder / "mutants" / "src" / "solution.py.meta").read_text("utf-8")
        codes: dict[str, int | None] = json.loads(text)["exit_code_by_key"]
        return codes

    def statuses(self) -> dict[str, str]:
        """Mutant -> what `mutmut results` calls its end, in mutmut's order, without the module's name in front."""
        lines = self.run("mutmut", "results", "--all", "true").splitlines()
        pairs = [line.strip().rpartition(": ")[::2] for line in lines if "__mutmut_" in line]
        return {name.removeprefix("solution."): status for name, status in pairs}

    def mutated(self) -> dict[str, str]:
        """Mutant -> its function as a syntax tree in text, under the function's own name."""
        tree = ast.parse((self.folder / "mutants" / "src" / "solution.py").read_text("utf-8"))
        found = {}
        for body in [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]:
            for node in body:
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and "__mutmut_" in node.name:
                    found[node.name] = dump(node)
        return {name: code for name, code in found.items() if not name.endswith("_orig")}


def dump(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function without its own name and its place in the file."""
    name, node.name = node.name, ""
    text = ast.dump(node)
    node.name = name
    return text

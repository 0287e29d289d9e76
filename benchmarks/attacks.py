"""Test files that attack the sandbox, and the harness that runs them behind each layer combination.

Owns the reading of ``attack_suites/*.txt`` (sections ``# %% name``, ``# why:``, optionally ``# escape:`` and ``# control: yes``,
then a pytest file that goes behind ``tools.txt``), the start of a batch and the names of what counts as an escape. What stands
outside to be attacked is in `attack_world`, how a batch becomes an ordinary user in `attack_user`, what happens in one in
`attack_batch`. For tests and benchmarks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.attack_user import command_as
from benchmarks.attack_world import Site
from evaluation.records import TestVerdict
from evaluation.runner.syscall_numbers import machine, numbers
from evaluation.sandbox.launch import Fence, Level

FOLDER = Path(__file__).parent / "attack_suites"
FAMILIES = ("files", "network", "processes", "kernel", "resources", "verdict")
RULES = frozenset({"passes", "valid", "remembers", "kills", "crashed", "outside"})
MEMORY_MIB = 512
FLOOD_BYTES = 256 << 20
ORDINARY_USER = 12_345
BATCH_LIMIT_S = 300.0
# The attack's test came to its end at least once, whatever later runs made of that.
CAME_THROUGH = frozenset({
    TestVerdict.PASSED, TestVerdict.FLAKY, TestVerdict.OVERSPECIFIED, TestVerdict.NO_CHECK, TestVerdict.FORBIDDEN,
})  # fmt: skip
# aarch64 lacks some calls, and the table names only what the filters do: number -1 is refused like any other unknown.
NO_CALL = -1


@dataclass(frozen=True, slots=True)
class Attack:
    """A test file that tries to get out.

    Attributes:
        name: Unique over all families.
        why: What there is to gain.
        family: One of `FAMILIES`.
        rules: What of its score is an escape: ``passes`` (its test comes to its end), ``valid``, ``kills`` (a mutant),
            ``crashed`` (its process dies of it), ``remembers`` (an honest check that fails where an early run has left
            something), ``outside`` (nothing of its score). A change outside is one for every attack.
        control: Whether it must succeed where no layer stands, which shows that the attack is a real one.
        code: The pytest file, with the names of places still to be filled in.
    """

    name: str
    why: str
    family: str
    rules: frozenset[str]
    control: bool
    code: str

    def suite(self, site: Site) -> str:
        """The pytest file for one site."""
        text = self.code
        for place, value in site.places.items():
            text = text.replace(f"@{place}@", value)
        return text


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attack, or of what holds for a whole batch (the name then stands in brackets).

    Attributes:
        attack: Its name.
        level: What it stood behind, as ``level+layer+layer``.
        escaped: Whether it did what it must not.
        seen: The verdict and its reason, or what changed outside.
    """

    attack: str
    level: str
    escaped: bool
    seen: str


@cache
def attacks() -> tuple[Attack, ...]:
    """All attacks, family by family.

    Raises:
        ValueError: if a file of `FOLDER` is malformed.
    """
    return tuple(_attack(section, family) for family in FAMILIES for section in _sections(family))


def _sections(family: str) -> list[str]:
    return (FOLDER / f"{family}.txt").read_text("utf-8").removeprefix("# %% ").split("\n# %% ")


def _attack(section: str, family: str) -> Attack:
    name, _, rest = section.partition("\n")
    told: dict[str, str] = {}
    while rest.startswith("# "):
        line, _, rest = rest.partition("\n")
        key, _, told[key.removeprefix("# ")] = line.partition(": ")
    rules = frozenset(told.get("escape", "passes").split(" or "))
    if not told.get("why") or not rules <= RULES:
        raise ValueError(f"{family}.txt: section {name!r} needs a line '# why: ...', and rules of {sorted(RULES)}")
    code = (FOLDER / "tools.txt").read_text("utf-8") + "\n\n" + rest
    for fragment, text in _fragments().items():
        code = code.replace(fragment, text)
    return Attack(name, told["why"], family, rules, told.get("control") == "yes", code)


@cache
def _fragments() -> dict[str, str]:
    """What a suite's author can look up: system call numbers, and sources of a size that is awkward to read."""
    known = dict.fromkeys(("vfork", "fork", "chmod", "mknod", "inotify_init", "iopl", "ioperm", "modify_ldt"), NO_CALL)
    known |= numbers(machine() or "x86_64")
    calls = {f"@NR {name}@": str(number) for name, number in known.items()}
    chain = "\n".join(f"def f{number}(): f{number + 1}()" for number in range(20_000))
    many = {"@MANY_NUMBERS@": "0," * 500_000, "@MANY_FUNCTIONS@": f"{chain}\ndef f20000(): import ctypes"}
    return calls | many | {"@MEMORY_MIB@": str(MEMORY_MIB), "@FLOOD@": str(FLOOD_BYTES)}


def run_attacks(levels: Iterable[Level], *, as_user: bool) -> list[Outcome]:
    """Run every attack behind each level with all layers, in a process of its own.

    Args:
        levels: What stands around Landlock, seccomp and the limits.
        as_user: Be an ordinary user; takes root.

    Raises:
        RuntimeError: if a batch itself does not come to its end.
    """
    return [outcome for level in levels for outcome in run_batch(Fence(level), as_user=as_user)]


def run_batch(fence: Fence, *, as_user: bool, only: Iterable[str] = ()) -> list[Outcome]:
    """Run attacks behind one fence, in a process of its own.

    Args:
        fence: A fence without Landlock or seccomp is one the engine refuses: then only the controls run.
        as_user: Be an ordinary user; takes root.
        only: Names of attacks; all where empty.

    Raises:
        RuntimeError: if the batch itself does not come to its end.
    """
    told = json.dumps({"fence": asdict(fence), "only": list(only)})
    command = [sys.executable, str(Path(__file__).with_name("attack_batch.py")), told]
    user = ORDINARY_USER if as_user else None
    try:
        done = subprocess.run(
            command_as(user, command), capture_output=True, text=True, timeout=BATCH_LIMIT_S, cwd="/", check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"the batch behind {fence} did not come to its end: {error.stderr!r}") from error
    return [Outcome(**row) for row in json.loads(done.stdout.splitlines()[-1])]

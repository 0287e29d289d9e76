"""Writes a large set in the schema of CodeRM-UnitTest: the fixture of the tests, repeated with variations. A row at a time.

    python benchmarks/coderm_shaped.py --rows 20000 --out rows.parquet [--seed 0] [--json]

Every row that is no copy has a function of its own: a renamed function of the fixture as the first step, and three to six
further steps with constants drawn at random. 3 % of the rows are exact copies of an earlier function and 5 % near copies
(another name and one other constant); the same seed writes the same rows.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "data"))

from coderm_rows import FUNCTIONS, Function, row_of

EXACT = 0.03
NEAR = 0.05
ROW_GROUP = 500
_WORDS = [
    "count",
    "find",
    "make",
    "get",
    "build",
    "select",
    "trim",
    "scan",
    "weigh",
    "order",
    "group",
    "check",
    "shift",
    "map",
    "fold",
    "mark",
    "rank",
    "pick",
    "match",
    "pack",
]
_THINGS = [
    "items",
    "letters",
    "numbers",
    "parts",
    "steps",
    "words",
    "rows",
    "scores",
    "marks",
    "pieces",
    "tokens",
    "prices",
    "ranges",
    "codes",
    "shares",
    "signs",
]
# Every step works on the text of a value or on a list of numbers; {a}, {b} and {c} are drawn.
_STEPS = (
    "numbers = [number * {a} + {b} for number in numbers]",
    "numbers = [number for number in numbers if number % {c} != {d}]",
    "numbers = sorted(numbers, key=lambda number: (number % {c}, number))",
    "for place in range(0, len(numbers), {c}):\n    numbers[place] += {a}",
    "numbers = numbers[{d}:] + numbers[:{d}]",
    "if len(numbers) > {c}:\n    numbers = numbers[:{c}] + [sum(numbers[{c}:])]",
    "numbers.append(len(text) * {a})",
    "text = text.replace({s!r}, {t!r})",
    "numbers = [max(number, {a}) if place % {c} else number for place, number in enumerate(numbers)]",
    "total = {b}\nfor number in numbers:\n    total = (total * {a} + number) % {m}\nnumbers.append(total)",
    "while len(numbers) < {c}:\n    numbers.append({b})",
    "numbers = [left ^ {a} for left in numbers]",
    "numbers = [number // {a} for number in reversed(numbers)]",
    "if {s!r} in text:\n    numbers.insert(0, text.count({s!r}) + {b})",
    "smallest = min(numbers, default={b})\nnumbers = [number - smallest for number in numbers]",
    "text += {s!r} * (len(numbers) % {c})",
    "numbers = [a + b for a, b in zip(numbers, numbers[{d}:] + [{b}] * {d})]",
    "seen = set()\nnumbers = [n for n in numbers if not (n % {m} in seen or seen.add(n % {m}))]",
)
_ENDS = (
    "return sum(numbers) % {m}",
    "return numbers",
    "return text[: {m}] + str(len(numbers))",
    "return max(numbers, default={b})",
    "return [text, *numbers][: {c} + 2]",
    "return sum(numbers) > {m}",
    "return sum(numbers) / {a}",
)


def shaped_rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """That many rows; task ids count from 0."""
    rng = random.Random(seed)
    kept: list[tuple[Function, str, int]] = []
    for task_id in range(count):
        lot = rng.random()
        if kept and lot < EXACT:
            function = rng.choice(kept)[0]
        elif kept and lot < EXACT + NEAR:
            function = _near(*rng.choice(kept), rng)
        else:
            made = _varied(rng, task_id)
            function = made[0]
            if len(kept) < 2000:  # copies are taken of these; nothing else is held
                kept.append(made)
        yield row_of(task_id, function, rng)


def _varied(rng: random.Random, number: int) -> tuple[Function, str, int]:
    """A new function, its code with a place for one constant, and that constant."""
    base = rng.choice(FUNCTIONS)
    name = f"{rng.choice(_WORDS)}_{rng.choice(_THINGS)}_{number}"
    arguments = base.code.split("(", 1)[1].split("):", 1)[0]
    steps = [_filled(step, rng) for step in rng.sample(_STEPS, rng.randint(3, 6))]
    first = rng.randint(2, 97)
    lines = [
        f"value = _first_step({arguments})",
        "text = str(value)",
        "numbers = [ord(letter) % <CONSTANT> for letter in text]",
        *"\n".join([*steps, _filled(rng.choice(_ENDS), rng)]).split("\n"),
    ]
    helper = base.code.replace(f"def {base.name}(", "def _first_step(", 1)
    template = f"{helper}\n\ndef <NAME>({arguments}):\n" + "\n".join(f"    {line}" for line in lines) + "\n"
    code = template.replace("<NAME>", name).replace("<CONSTANT>", str(first))
    question = f"{base.question} Then work on the digits of the result in {len(steps)} more steps (task {number})."
    return replace(base, name=name, question=question, code=code), template, first


def _near(function: Function, template: str, constant: int, rng: random.Random) -> Function:
    """The same function under another name and with one other constant."""
    name = f"{rng.choice(_WORDS)}_{rng.choice(_THINGS)}_{rng.randint(0, 10**6)}"
    code = template.replace("<NAME>", name).replace("<CONSTANT>", str(constant + rng.randint(1, 9)))
    return replace(function, name=name, code=code)


def _filled(form: str, rng: random.Random) -> str:
    return form.format(
        a=rng.randint(2, 40),
        b=rng.randint(-50, 50),
        c=rng.randint(2, 9),
        d=rng.randint(1, 4),
        m=rng.randint(11, 997),
        s=rng.choice("0123456789[], "),
        t=rng.choice("0123456789"),
    )


def write(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    """The rows as Parquet or JSON Lines, by the suffix."""
    if out.suffix == ".parquet":
        _write_parquet(out, rows)
        return
    with out.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def _write_parquet(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ("question", "code_ground_truth", "code_generate", "unit_tests")
    schema = pa.schema([("task_id", pa.int64()), *((name, pa.string()) for name in texts)])
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        held: list[dict[str, Any]] = []
        for row in rows:
            held.append(row)
            if len(held) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(held, schema))
                held = []
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema))


def main() -> None:
    """Write the file and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    started = time.monotonic()
    write(asked.out, shaped_rows(asked.rows, asked.seed))
    facts = {"rows": asked.rows, "bytes": asked.out.stat().st_size, "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(facts) if asked.json else f"{asked.out}: {facts['rows']} rows, {facts['bytes']} bytes, {facts['seconds']} s")


if __name__ == "__main__":
    main()

"""Launches that run out of memory, with the guard's admission and without it, on two simulated cards.

Usage: python benchmarks/admission.py [--seeds 8] [--launches 100] [--table FILE] [--json]

Both sides run in this process with Optuna's TPE, the same seeds and the same first settings. The plain loop launches every
proposal and tells FAIL when it runs out of memory. The guarded loop estimates, corrects the estimate by the peaks that it
has seen, refuses what would not fit (told as PRUNED with its constraint) or adapts it, and goes on until it has launched
as often as the plain loop. A third loop refuses by the same estimate but tells FAIL. The problems: `admission_toy` and
`admission_card`, whose docstrings say what is true there and what the guard is told.

A launch counts in `oom_per_100` when it needs more than the card has, in `over_budget_per_100` when it outgrows its budget:
the watchdog would kill it there. Rows: `guard` is as the file says (budget, coverage, adapt or prune), on the toy problem
the whole card and prune; `prune` refuses at the file's budget; `told FAIL` does so, too, but tells it badly; `whole card`
leaves nothing between an admitted launch and the end of the card but the estimate and what is learned. On the card the
context is as measured at start-up, to 8 MiB; in the last block nothing is measured and the card takes 0-300 MiB more than
assumed. TPE is a multivariate one with a single objective and not with several, which decides how much FAIL harms it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from admission_card import SPACE, TABLE, card_problem, draw_card, draw_worse_card, load_space, read_peaks
from admission_loops import Tally, Way, halves, run_guarded, run_plain
from admission_problem import Problem
from admission_toy import TOY_ESTIMATE, toy

Row = dict[str, Any]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--launches", type=int, default=100)
    parser.add_argument("--table", type=Path, default=TABLE, help="traced peaks, default %(default)s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = measure(options.seeds, options.launches, options.table)
    sys.stdout.write(json.dumps(found) + "\n" if options.json else table(found))


def measure(seeds: int, launches: int, traced: Path) -> Row:
    """Both problems, every loop."""
    config, peaks = load_space(SPACE), read_peaks(traced)
    share, on_risk, coverage = config.guard.budget, config.guard.on_risk, config.guard.coverage
    if not isinstance(share, float):
        sys.exit(f"{SPACE.name}: the simulated card needs guard.budget as a share")
    toys = [toy(seed) for seed in range(seeds)]
    cards = [card_problem(draw_card(seed), peaks, config) for seed in range(seeds)]
    worse = [card_problem(draw_worse_card(seed), peaks, config) for seed in range(seeds)]
    as_filed = Way(share, coverage, on_risk)
    single = [card_problem(draw_card(seed), peaks, config, objectives=1) for seed in range(seeds)]
    found = {
        "toy": compare(toys, launches, {"guard": Way(1.0), "told FAIL": Way(1.0, tell_refused="fail", stop_at="proposals")}),
        "card": compare(
            cards,
            launches,
            {
                "guard": as_filed,
                "prune": Way(share, coverage),
                "told FAIL": Way(share, coverage, tell_refused="fail", stop_at="proposals"),
                "whole card, adapt": Way(1.0, coverage, "adapt"),
                "whole card, prune": Way(1.0, coverage),
            },
        ),
        "card, one objective": compare(single, launches, {"guard": as_filed, "whole card, prune": Way(1.0, coverage)}),
        "card, context not measured": compare(worse, launches, {"guard": as_filed, "whole card, prune": Way(1.0, coverage)}),
    }
    about = {"seeds": seeds, "launches": launches, "optuna": optuna.__version__, "toy_estimate": TOY_ESTIMATE}
    return {**headline(found["toy"], found["card"]), **about, "problems": found}


def headline(toys: Row, cards: Row) -> Row:
    """The figures that stand for the rest; the worse of the two problems where one number is given."""
    both = (toys, cards)
    return {
        "oom_per_100": max(rows["guard"]["oom_per_100"] for rows in both),
        "over_budget_per_100": max(rows["guard"]["over_budget_per_100"] for rows in both),
        "oom_per_100_plain": min(rows["plain"]["oom_per_100"] for rows in both),
        "refused_first_half": {"toy": toys["guard"]["refused_first_half"], "card": cards["prune"]["refused_first_half"]},
        "refused_second_half": {"toy": toys["guard"]["refused_second_half"], "card": cards["prune"]["refused_second_half"]},
        "refused_first_half_fail": {
            "toy": toys["told FAIL"]["refused_first_half"],
            "card": cards["told FAIL"]["refused_first_half"],
        },
        "refused_second_half_fail": {
            "toy": toys["told FAIL"]["refused_second_half"],
            "card": cards["told FAIL"]["refused_second_half"],
        },
        "best": {"toy": toys["guard"]["best"], "card": cards["guard"]["best"]},
        "best_plain": {"toy": toys["plain"]["best"], "card": cards["plain"]["best"]},
        "best_no_worse": all(rows["guard"]["best"] >= rows["plain"]["best"] for rows in both),
    }


def compare(problems: Sequence[Problem], launches: int, ways: Mapping[str, Way]) -> dict[str, Row]:
    """The plain loop and every way of the guarded one, on every seed."""
    plain = [run_plain(problem, seed, launches) for seed, problem in enumerate(problems)]
    found = {"plain": summary(problems, plain, launches)}
    for name, way in ways.items():
        tallies = [run_guarded(problem, seed, launches, way) for seed, problem in enumerate(problems)]
        pairs = [(ours.best(launches) or 0.0, theirs.best(launches) or 0.0) for ours, theirs in zip(tallies, plain, strict=True)]
        found[name] = {**summary(problems, tallies, launches), "best_minus_plain": paired(pairs)}
    return found


def paired(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """(mean difference, its standard error) over the seeds."""
    differences = [ours - theirs for ours, theirs in pairs]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return round(statistics.mean(differences), 4), round(error, 4)


def summary(problems: Sequence[Problem], tallies: Sequence[Tally], launches: int) -> Row:
    """Means over the seeds, per 100 launches or proposals."""
    launched = sum(len(tally.values) for tally in tallies)
    first, second = zip(*(halves(tally.refused, launches) for tally in tallies), strict=True)
    bests = [tally.best(launches) or 0.0 for tally in tallies]
    volumes = [tally.volume(problem, launches) for problem, tally in zip(problems, tallies, strict=True)]
    kept = [tally.reliability.p_rejected_would_fit for tally in tallies if tally.reliability is not None]
    refused_wrongly = [share for share in kept if share is not None]
    return {
        "launches": launched,
        "oom_per_100": round(100 * sum(sum(tally.exhausted) for tally in tallies) / max(1, launched), 2),
        "over_budget_per_100": round(100 * sum(sum(tally.over_budget) for tally in tallies) / max(1, launched), 2),
        "refused_first_half": round(statistics.mean(first), 1),
        "refused_second_half": round(statistics.mean(second), 1),
        "adapted_per_100": round(100 * sum(tally.adapted for tally in tallies) / max(1, launched), 1),
        "largest_share_of_budget": round(max((share for tally in tallies for share in tally.used_shares), default=0.0), 3),
        "p_rejected_would_fit": round(statistics.mean(refused_wrongly), 4) if refused_wrongly else None,
        "best": round(statistics.mean(bests), 4),
        "hypervolume": round(statistics.mean(volumes), 4),
    }


def table(found: Row) -> str:
    """For a person."""
    columns = {
        "oom/100": "oom_per_100",
        "killed/100": "over_budget_per_100",
        "refused, 1st half": "refused_first_half",
        "2nd half": "refused_second_half",
        "adapted/100": "adapted_per_100",
        "best": "best",
        "hypervolume": "hypervolume",
    }
    lines = [f"{found['seeds']} seeds, {found['launches']} launches each, Optuna {found['optuna']}"]
    lines.append(f"the estimate of the toy problem is {found['toy_estimate']}")
    for name, rows in found["problems"].items():
        lines.append(f"\n{name:36}" + "  ".join(f"{title:>10}" for title in columns))
        for way, row in rows.items():
            cells = (f"{row[column]:>{max(10, len(title))}}" for title, column in columns.items())
            lines.append(f"  {way:34}" + "  ".join(cells))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

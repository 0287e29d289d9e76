"""One batch of attacks, as a program: scores them behind one fence, looks at the world, prints the outcomes as one line of JSON.

Owns the order of a batch and the judgement. Started by `attacks.run_batch`, one process per batch, which can be another user.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.pop(0)  # this folder, which has an `evaluation.py` as well
sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.attack_world import Site, World
from benchmarks.attacks import CAME_THROUGH, MEMORY_MIB, Attack, Outcome, attacks
from evaluation import FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict, score_suites
from evaluation.bytecode import compiled
from evaluation.engine import Engine
from evaluation.prepare import prepare
from evaluation.sandbox.launch import Fence, Level
from evaluation.verdicts import Scorer

FOCAL = (Path(__file__).parent / "attack_suites" / "focal.txt").read_text("utf-8")
GOOD = """from solution import clamp

def test_good():
    assert clamp(9, 0, 3) == 3 and clamp(-9, 0, 3) == 0 and clamp(1, 0, 3) == 1
"""
GOOD_EVERY = 10
NOT_RUN = (Verdict.MISSING, Verdict.FUNCTION_BROKEN, Verdict.SYNTAX_ERROR, Verdict.FUNCTION_NOT_IMPORTED)
# The static gate's refusal, and what comes of a mistake in the attack.
BROKEN = (
    "looks at the implementation",
    *(f"{kind}Error" for kind in ("Name", "Attribute", "Type", "ModuleNotFound", "UnboundLocal", "Key")),
)
MOST_MEMORY = 1.3  # times the limit of a run: the suite process reads the suite without one
Scores = dict[str, SuiteScore | str]


def run(fence: Fence, chosen: Sequence[Attack]) -> list[Outcome]:
    """Score, then look."""
    level = "+".join([fence.level, *(name for name in ("landlock", "seccomp") if getattr(fence, name))])
    started = time.monotonic()
    with World() as world:
        sites = {attack.name: world.site(attack.name) for attack in chosen}
        suites = _with_good_ones([(attack.name, attack.suite(sites[attack.name])) for attack in chosen])
        scores = _scores(fence, suites, _settings(fence, world))
        seen = [_judge(attack, sites[attack.name], scores[attack.name], world.secret) for attack in chosen]
        time.sleep(0.3)
        batch = _whole(scores, world, time.monotonic() - started)
    rows = [(attack.name, *found) for attack, found in zip(chosen, seen, strict=True)] + batch
    return [Outcome(name, level, escaped, text) for name, escaped, text in rows]


def _settings(fence: Fence, world: World) -> ScoreSettings:
    return ScoreSettings(
        mutants_per_function=3,
        suite_timeout_s=1.2,
        mutant_timeout_s=1.0,
        memory_bytes=MEMORY_MIB << 20,
        sandbox=fence.level,
        workers=4,  # most of them wait for a limit
        cache_dir=world.cache,
    )


def _with_good_ones(attacking: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Honest suites between the attacks: they share the workers."""
    parts = [attacking[at : at + GOOD_EVERY] for at in range(0, len(attacking), GOOD_EVERY)]
    mixed = [pair for number, part in enumerate(parts) for pair in [*part, (f"good {number}", f"{GOOD}# {number}\n")]]
    return [("good first", GOOD), *mixed]


def _scores(fence: Fence, suites: Sequence[tuple[str, str]], settings: ScoreSettings) -> Scores:
    """A score each; where the engine itself breaks, what it said about the one suite that broke it."""
    functions = [FocalFunction(name, FOCAL, "clamp") for name, _ in suites]
    given = [Suite(name, code) for name, code in suites]
    try:
        if fence.missing():
            return _refused_by_the_engine(fence, functions, given, settings)
        return {score.function_id: score for score in score_suites(functions, given, settings).scores}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is an outcome
        if len(suites) == 1:
            return {suites[0][0]: f"the engine raised {type(error).__name__}: {error}"}
    half = len(suites) // 2
    return _scores(fence, suites[:half], settings) | _scores(fence, suites[half:], settings)


def _refused_by_the_engine(fence: Fence, functions: list[FocalFunction], given: list[Suite], settings: ScoreSettings) -> Scores:
    with compiled(settings.cache_dir) as bytecode:
        engine = Engine(fence, bytecode)
        scorer = Scorer(engine, settings)
        try:
            prepared = prepare(functions, settings, bytecode)
            return {
                suite.function_id: scorer.score(function, ready, suite)
                for function, ready, suite in zip(functions, prepared, given, strict=True)
            }
        finally:
            engine.end()


def _judge(attack: Attack, site: Site, score: SuiteScore | str, secret: str) -> tuple[bool, str]:
    changes = site.changes()
    if isinstance(score, str):
        return True, f"{score}; {changes}"
    seen = f"{score.verdict}: {score.detail}"
    if score.verdict in NOT_RUN or any(text in score.detail for text in BROKEN):
        return True, f"the attack itself is broken: {seen}"
    told = {
        "passes": bool(CAME_THROUGH.intersection(score.tests.values())),
        "valid": score.valid,
        "remembers": score.verdict not in (Verdict.VALID, Verdict.CRASHED),
        "kills": score.killed > 0,
        "crashed": score.verdict is Verdict.CRASHED,
        "outside": False,
    }
    kept = [changes] if changes else []
    if secret in json.dumps(score.to_dict()):
        kept.append("the secret came back")
    return any(told[rule] for rule in attack.rules) or bool(kept), "; ".join([seen, *kept])


def _whole(scores: Scores, world: World, seconds: float) -> list[tuple[str, bool, str]]:
    good = {name: score for name, score in scores.items() if name.startswith("good ")}
    wrong = [f"{name}: {score if isinstance(score, str) else score.detail}" for name, score in good.items() if not _right(score)]
    left = world.leftovers()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return [
        ("[good suites between the attacks]", bool(wrong), "; ".join(wrong) or f"{len(good)} scored as ever"),
        ("[nothing is left]", bool(left), left or "nothing"),
        ("[memory of the largest process]", most > MOST_MEMORY * 1024 * MEMORY_MIB, f"{most // 1024} MiB"),
        ("[time]", False, f"{seconds:.1f} s"),
    ]


def _right(score: SuiteScore | str) -> bool:
    return not isinstance(score, str) and score.valid and score.killed > 0 and score.figures.branch_coverage == 1.0


def main(told: str) -> None:
    """Run the batch that `told` describes and print its outcomes."""
    asked = json.loads(told)
    fence = Fence(**{**asked["fence"], "level": Level(asked["fence"]["level"])})
    wanted = [attack for attack in attacks() if attack.name in asked["only"]] if asked["only"] else list(attacks())
    chosen = [attack for attack in wanted if attack.control or not fence.missing()]
    print(json.dumps([asdict(outcome) for outcome in run(fence, chosen)]))


if __name__ == "__main__":
    main(sys.argv[1])

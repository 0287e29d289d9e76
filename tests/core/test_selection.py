from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from harness.core.fronts import front_ranks
from harness.core.limits import Limit
from harness.core.pareto import Objective, knee, oriented
from harness.core.selection import Contender, Knee, Lexicographic, Rule, Step, Weights, rank, words

OBJECTIVES = (Objective("pass_rate", "maximize"), Objective("train_loss", "minimize"))
quarters = st.integers(0, 4).map(lambda quarter: quarter / 4)
fields = st.lists(st.tuples(quarters, quarters), min_size=1, max_size=12).map(
    lambda rows: [Contender(i, {"pass_rate": a, "train_loss": b}) for i, (a, b) in enumerate(rows)]
)
rules = st.sampled_from(
    [
        Knee(),
        Weights({"pass_rate": 1.0, "train_loss": -2.0}),
        Lexicographic((Step("pass_rate", tolerance=0.25), Step("train_loss", "minimize"))),
    ]
)


def field(*rows: tuple[float, float]) -> list[Contender]:
    return [Contender(i, {"pass_rate": a, "train_loss": b}) for i, (a, b) in enumerate(rows)]


def points(contenders: Sequence[Contender]) -> list[tuple[float, ...]]:
    return [(one.metrics["pass_rate"], one.metrics["train_loss"]) for one in contenders]


@given(fields, rules)
def test_everyone_is_placed_once_whatever_the_order_of_arrival(contenders: list[Contender], rule: Rule) -> None:
    found = rank(contenders, OBJECTIVES, rule)
    assert sorted(found.order) == [one.number for one in contenders]
    assert rank(contenders[::-1], OBJECTIVES, rule) == found


@given(fields, rules)
def test_nobody_stands_behind_whom_they_dominate(contenders: list[Contender], rule: Rule) -> None:
    first = rank(contenders, OBJECTIVES, rule).order[0]
    ranks = front_ranks(oriented(points(contenders), [o.direction for o in OBJECTIVES]))
    if not isinstance(rule, Lexicographic):  # whose tolerance forgives
        assert ranks[first] == 0


@given(fields)
def test_the_first_by_the_knee_is_the_knee_of_the_front(contenders: list[Contender]) -> None:
    directions = [o.direction for o in OBJECTIVES]
    ranks = front_ranks(oriented(points(contenders), directions))
    best = [one for one, found in zip(contenders, ranks, strict=True) if found == 0]
    assert rank(contenders, OBJECTIVES, Knee()).order[0] == best[knee(points(best), directions)].number


def test_a_lexicographic_rule_forgives_what_lies_within_its_tolerance() -> None:
    contenders = field((0.80, 3.0), (0.79, 1.0), (0.70, 0.5))

    def by(tolerance: float) -> tuple[int, ...]:
        rule = Lexicographic((Step("pass_rate", tolerance=tolerance), Step("train_loss", "minimize")))
        return rank(contenders, OBJECTIVES, rule).order

    assert by(0.0) == (0, 1, 2)
    assert by(0.02) == (1, 0, 2)
    assert by(0.2) == (2, 1, 0)


def test_weights_add_up() -> None:
    contenders = field((0.8, 3.0), (0.7, 1.0))
    assert rank(contenders, OBJECTIVES, Weights({"pass_rate": 1})).order == (0, 1)
    assert rank(contenders, OBJECTIVES, Weights({"pass_rate": 1, "train_loss": -0.1})).order == (1, 0)
    unknown = rank(contenders, OBJECTIVES, Weights({"mutation_score": 1}))
    assert (unknown.order, unknown.excluded[0]) == ((), ("mutation_score (not measured)",))


def test_who_breaks_a_limit_or_was_not_measured_for_it_is_left_out_by_name() -> None:
    contenders = [*field((0.8, 3.0), (0.7, 1.0)), Contender(2, {"pass_rate": 0.9, "train_loss": 1.0, "mutation_score": 0.6})]
    limits = [Limit.parse("train_loss < 2"), Limit.parse("mutation_score >= 0.5")]
    found = rank(contenders, OBJECTIVES, Knee(), limits)
    assert found.order == (2,)
    assert found.excluded == {0: ("train_loss < 2", "mutation_score >= 0.5"), 1: ("mutation_score >= 0.5",)}
    assert rank(contenders[:2], OBJECTIVES, Knee(), limits).order == ()


def test_rules_in_words() -> None:
    assert words(Knee()) == "knee of the front"
    assert words(Weights({"pass_rate": 1, "train_loss": -0.5})) == "highest 1 pass_rate -0.5 train_loss"
    steps = (Step("pass_rate", tolerance=0.02), Step("train_loss", "minimize"))
    assert words(Lexicographic(steps)) == "highest pass_rate (within 0.02), then lowest train_loss"

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from harness.data.sources.registry import Loaded
from harness.data.splitting.near_duplicates import Sketch, clusters, near_copies, near_pairs, similarity, sketch

_STEPS = [
    "x = x + 1",
    "x = x * {n}",
    "y = [x for x in range({n})]",
    "if x > {n}:\n        x -= {n}",
    "for k in range({n}):\n        x += k",
    "x = str(x).strip('{n}')",
    "while x < {n}:\n        x *= 2",
    "x = sorted([x, {n}])[0]",
]

_functions = st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 2)), min_size=1, max_size=8).map(
    lambda steps: "def f(x):\n    " + "\n    ".join(step.format(n=n) for step, n in steps) + "\n    return x\n"
)
_modules = st.lists(_functions, min_size=1, max_size=15)
_thresholds = st.sampled_from([0.5, 0.7, 0.8, 0.9, 1.0])


def _is_copy(one: Sketch, other: Sketch, threshold: float) -> bool:
    exact = {part.digest for part in one.parts} & {part.digest for part in other.parts}
    return bool(exact) or (threshold < 1 and similarity(one, other) >= threshold)


def _brute_force(sketches: list[Sketch], threshold: float) -> list[int]:
    """Single linkage over all pairs, without MinHash."""
    label = list(range(len(sketches)))
    for i, one in enumerate(sketches):
        for j in range(i):
            if _is_copy(one, sketches[j], threshold):
                old, new = label[i], label[j]
                label = [new if k == old else k for k in label]
    return label


def _groups(labels: list[int]) -> set[frozenset[int]]:
    return {frozenset(i for i, label in enumerate(labels) if label == one) for one in labels}


@settings(max_examples=40, deadline=None)
@given(_modules, _thresholds)
def test_clusters_are_those_of_all_pairs(sources: list[str], threshold: float) -> None:
    sketches = [sketch(source) for source in sources]
    assert _groups(clusters(sketches, threshold)) == _groups(_brute_force(sketches, threshold))


@settings(max_examples=30, deadline=None)
@given(_modules, _thresholds, st.randoms(use_true_random=False))
def test_order_does_not_matter(sources: list[str], threshold: float, rng: random.Random) -> None:
    order = list(range(len(sources)))
    rng.shuffle(order)
    sketches = [sketch(source) for source in sources]
    shuffled = clusters([sketches[k] for k in order], threshold)
    back = [shuffled[order.index(k)] for k in range(len(order))]
    assert _groups(back) == _groups(clusters(sketches, threshold))


@settings(max_examples=30, deadline=None)
@given(_modules, _modules, _thresholds)
def test_near_copies_are_those_of_all_pairs(sources: list[str], others: list[str], threshold: float) -> None:
    mine, known = [sketch(source) for source in sources], [sketch(source) for source in others]
    wanted = {(i, j) for i, one in enumerate(mine) for j, other in enumerate(known) if _is_copy(one, other, threshold)}
    assert set(near_pairs(mine, known, threshold)) == wanted
    assert near_copies(mine, known, threshold) == sorted({i for i, _ in wanted})


def test_nothing_has_no_clusters() -> None:
    assert clusters([], 0.8) == []
    assert near_copies([], [sketch("def f(): pass")], 0.8) == []
    assert near_copies([sketch("def f(): pass")], [], 0.8) == []


def test_clusters_are_numbered_by_appearance() -> None:
    one, other = sketch("def f(x):\n    return x + 1\n"), sketch("def g(a, b):\n    return sorted(a)[b:]\n")
    assert clusters([one, other, one], 0.8) == [0, 1, 0]


BRACKETS = """def correct(brackets):
    depth = 0
    for b in brackets:
        if b == "(":
            depth += 1
        else:
            depth -= 1
        if depth < 0:
            return False
    return depth == 0
"""


@pytest.mark.parametrize(
    "copy",
    [
        BRACKETS.replace('"("', '"<"'),
        BRACKETS.replace("correct", "balanced").replace('"("', '"[[["'),
        BRACKETS.replace("depth", "level").replace("correct", "is_correct"),
        BRACKETS.replace("    depth = 0\n", "    level = 5\n    depth = 0\n", 1),
        BRACKETS.replace("brackets):", 'brackets: str) -> bool:\n    """Whether they match."""'),
        "import math\nfrom typing import List\n\n\ndef helper(x):\n    return math.sqrt(x) + 1\n\n\n" + BRACKETS,
    ],
)
def test_copies_are_found(copy: str) -> None:
    one, other = (
        sketch(BRACKETS, "correct"),
        sketch(copy, next(name for name in ("is_correct", "balanced", "correct") if name in copy)),
    )
    assert clusters([one, other], 0.8) == [0, 0]


def test_exact_clones_only_at_one() -> None:
    renamed = BRACKETS.replace("depth", "level")
    near = BRACKETS.replace('"("', '"<"')
    assert clusters([sketch(BRACKETS), sketch(renamed), sketch(near)], 1) == [0, 0, 1]


def test_wrappers_of_different_helpers_share_a_side() -> None:
    wrapper = "def helper(x):\n    return x{op}\n\n\ndef f(x):\n    return {name}(x)\n"
    one = wrapper.format(op=" + 1", name="helper")
    other = wrapper.format(op="[::-1] if len(x) > 3 else x.upper().split(',')", name="other").replace("helper", "other")
    assert clusters([sketch(one, "f"), sketch(other, "f")], 0.8) == [0, 0]


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "(" * 500 + ")" * 500, "x = " + "-" * 100_000 + "1"])
def test_what_does_not_parse_is_a_syntax_error(source: str) -> None:
    with pytest.raises(SyntaxError):
        sketch(source)


@pytest.mark.parametrize("source", ["", "pass", "x", "def f(): pass"])
def test_the_smallest_sources_have_shingles(source: str) -> None:
    assert similarity(sketch(source), sketch(source)) == 1


def test_methods_are_found_by_their_dotted_name() -> None:
    method = BRACKETS.replace("correct(brackets)", "correct(self, brackets)")
    source = "class Checker:\n    LIMIT = 3\n\n" + "".join(f"    {line}\n" for line in method.splitlines())
    alone = sketch(method, "correct")
    assert clusters([sketch(source, "Checker.correct"), alone], 1) == [0, 0]
    assert clusters([sketch(source, "Checker.absent"), alone], 1) == [0, 1]


def test_real_functions_do_not_chain(human_eval: Loaded, mbpp: Loaded) -> None:
    records = [*human_eval.records, *mbpp.records]
    sketches = [sketch(record.source, record.entry_point) for record in records]
    found = clusters(sketches, 0.8)
    assert max(Counter(found).values()) <= 8
    # No pair that is similar, over all pairs, lies in two clusters.
    parts = [(index, np.frombuffer(part.shingles, np.uint32)) for index, item in enumerate(sketches) for part in item.parts]
    shingles, columns = np.unique(np.concatenate([values for _, values in parts]), return_inverse=True)
    sizes = np.array([len(values) for _, values in parts])
    rows = np.repeat(np.arange(len(parts)), sizes)
    table = csr_matrix((np.ones(len(rows)), (rows, columns)), (len(parts), len(shingles)))
    common = (table @ table.T).tocoo()
    alike = common.data / (sizes[common.row] + sizes[common.col] - common.data) >= 0.8
    label = np.array([found[index] for index, _ in parts])
    assert (label[common.row[alike]] == label[common.col[alike]]).all()
    names = [record.id for record in records]
    assert found[names.index("HumanEval/56")] == found[names.index("HumanEval/61")]

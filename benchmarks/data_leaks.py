"""Counts near copies over the border of two splits, by a method that shares nothing with the one that made the splits.

    python benchmarks/data_leaks.py PREPARED_FOLDER [--json]

Every function of one split is compared with every one of the others, exactly: sets of 8 characters in a row, once of the code
as it stands and once with its names numbered, without comments, docstrings and blanks; Jaccard similarity over a sparse
matrix. Focal functions alone are compared, as are their whole modules.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import io
import json
import keyword
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from harness.core.records import Record
from harness.files.record_files import iter_records

GRAM = 8
LEAK = 0.8
"""Jaccard similarity from which a pair is a leak."""

_SPLITS = ("train", "validation", "selection", "test")
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_BLOCK = 2000  # rows of the similarity matrix at a time


def leaks(folder: Path) -> list[tuple[float, str, str]]:
    """Pairs of functions in different splits that are near copies.

    Args:
        folder: Holds a Parquet file for each split.

    Returns:
        Similarity, ``split: id`` and ``split: id`` of each pair, the most similar first.
    """
    split_of: list[str] = []
    names: list[str] = []
    texts: list[tuple[str, ...]] = []
    for split in _SPLITS:
        for record in iter_records(folder / f"{split}.parquet"):
            split_of.append(split)
            names.append(f"{split}: {record.id}")
            texts.append(_texts(record))
    found: dict[tuple[int, int], float] = {}
    for kind in range(4):
        for i, j, similarity in _similar([text[kind] for text in texts], np.unique(split_of, return_inverse=True)[1]):
            found[i, j] = max(similarity, found.get((i, j), 0.0))
    return sorted(((value, names[i], names[j]) for (i, j), value in found.items()), reverse=True)


def _texts(record: Record) -> tuple[str, ...]:
    """The module and the focal function, each as it stands and with its names numbered."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(record.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    last = record.entry_point.split(".")[-1]
    focal = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == last]
    codes = [ast.unparse(tree), ast.unparse(focal[0]) if focal else ast.unparse(tree)]
    return tuple(text for code in codes for text in ("".join(_tokens(code, {}, numbered)) for numbered in (False, True)))


def _tokens(code: str, seen: dict[str, str], numbered: bool) -> Iterator[str]:
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            rename = numbered and before != "." and token.string not in _KEPT
            yield (seen.setdefault(token.string, f"n{len(seen)}") if rename else token.string) + " "
        elif token.type in (tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            yield token.string
        before = token.string


def _similar(texts: list[str], side: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Every pair of texts of different sides that is similar, all pairs looked at."""
    grams = [{text[k : k + GRAM] for k in range(max(len(text) - GRAM + 1, 1))} for text in texts]
    number: dict[str, int] = {}
    columns = np.array([number.setdefault(gram, len(number)) for one in grams for gram in sorted(one)])
    sizes = np.array([len(one) for one in grams])
    rows = np.repeat(np.arange(len(texts)), sizes)
    table = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(texts), len(number)))
    for start in range(0, len(texts), _BLOCK):
        common = (table[start : start + _BLOCK] @ table.T).tocoo()
        first, second = common.row + start, common.col
        similarity = common.data / (sizes[first] + sizes[second] - common.data)
        hit = (similarity >= LEAK) & (side[first] != side[second]) & (first < second)
        yield from zip(first[hit].tolist(), second[hit].tolist(), similarity[hit].tolist(), strict=True)


def main() -> None:
    """Print one line of JSON, or the pairs one below the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = leaks(asked.folder)
    if asked.json:
        print(json.dumps({"near_duplicate_leaks": len(found), "pairs": found[:20]}))
        return
    print(f"near copies over the border of two splits: {len(found)}")
    for similarity, one, other in found:
        print(f"{similarity:6.2f}  {one:<40} {other}")


if __name__ == "__main__":
    main()

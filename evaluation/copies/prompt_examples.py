"""The examples that a prompt itself gives: which call of the focal function returns what. Pure; runs nothing.

Reads text for people, so it is a best effort: an example in a form that is not known here is not found.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from evaluation.copies.claims import FOCAL, Bound, Reader, TooMuchWorkError, equality, parse

MAX_PROMPT = 1 << 16  # characters read; what follows is not the description of one function
MAX_SPAN = 1500  # characters of one call or one value
MAX_TRIES = 64
WORDS = {"true": True, "false": False, "none": None, "null": None}
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

_VERB = r"(?:should\s+)?(?:returns?|be|equals?|gives?|evaluates\s+to|outputs?|yields?|produces?|is)\b"
_RESULT = r"the\s+(?:output|result|answer|return\s+value)\s+(?:should\s+be|will\s+be|would\s+be|must\s+be|is)\b"
_SIGN = r"=+>?|-+>|[\u2192\u21d2\u279e]"  # the last three are arrows
CONNECTOR = re.compile(rf"`?(?:[ \t]*#?[ \t]*(?:{_SIGN})|,?\s*{_RESULT}|\s*#?\s*{_VERB}|[ \t]*#)[ \t]*:?\s*`?", re.IGNORECASE)
FOR = re.compile(rf"\bfor\s+(\w+\s*=[^\n]*?){_RESULT}\s*", re.IGNORECASE)
INPUT = re.compile(r"\binput\s*:\s*(.{1,1500}?)\s*\boutput\s*:\s*", re.IGNORECASE | re.DOTALL)
LABEL = re.compile(r"^\s*(\w+)\s*:\s*", re.MULTILINE)
SUM = re.compile(r"[\d\s().]+[-+*/][-+*/().\d\s]*=[ \t]*(?=[-\d])")  # `19 - 5 - 6 = 8`: the value is behind it
GOES_ON = re.compile(r"\w|[ \t]*(?:[+*/%]|-[ \t]*[\d(])")  # a longer expression, not a value
CUT = re.compile(r"\w+|[\])}'\"]")


def prompt_examples(prompt: str, entry_point: str) -> frozenset[str]:
    """Examples found in a prompt, for `evaluation.copies.copied.find_copies`.

    Known forms: doctests; ``f(1) == 2`` and the same with ``=``, ``=>``, ``==>``, ``->``, an arrow sign, ``# 2``, ``returns``,
    ``should return``, ``is``; ``assert f(1) == 2``; ``For n = 1 the output should be 2``; ``Input: n = 1 Output: 2``.

    Args:
        prompt: Free text, or source with docstrings; only the first 65,536 characters are read. Never run.
        entry_point: Name of the focal function.

    Returns:
        Normal forms of ``call == value``; empty when there is no example.
    """
    found: set[str] = set()
    for text in _texts(prompt[:MAX_PROMPT]):
        for read in (_doctests, _assertions, _calls, _described):
            try:
                found.update(claim for claim in read(text, entry_point) if FOCAL in claim)
            except TooMuchWorkError:
                continue
    return frozenset(found)


def _texts(prompt: str) -> Iterator[str]:
    """The prompt as it stands, and its docstrings as Python reads them: an escape may be meant either way."""
    yield re.sub(r'"""|\'\'\'', "\n\n", prompt)
    try:
        tree = parse(prompt)
    except UNREADABLE:
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node)
            if docstring and "\\" in prompt:
                yield docstring


def _doctests(text: str, entry_point: str) -> Iterator[str]:
    reader, names = Reader(entry_point), {entry_point: Bound(FOCAL)}
    # One at a time: the parser gives up on all when one is badly indented.
    for chunk in re.split(r"(?m)^(?=[ \t]*>>>)", text):
        try:
            for example in doctest.DocTestParser().get_examples(chunk):
                statement = parse(example.source).body[0]
                yield from _doctest(reader, statement, example.want, names)
        except (*UNREADABLE, IndexError):
            continue


def _doctest(reader: Reader, statement: ast.stmt, want: str, names: dict[str, Bound]) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            names[name] = Bound(reader.text(value, names))
        case ast.Expr(value=ast.Compare() as test) if want.strip() in {"", "True"}:
            yield reader.says(test, names)
        case ast.Expr(value=ast.Call(func=ast.Name("print"), args=[shown])) if want.strip():
            yield equality(reader.text(shown, names), reader.text(ast.Constant(want.strip()), names))
            yield from _returns(reader, shown, want, names)
        case ast.Expr(value=value) if want.strip() or isinstance(value, ast.Call):
            yield from _returns(reader, value, want if want.strip() else "None", names)


def _returns(reader: Reader, value: ast.expr, want: str, names: dict[str, Bound]) -> Iterator[str]:
    expected = _value(want)
    if expected is not None:
        yield equality(reader.text(value, names), reader.text(expected, {}))


def _assertions(text: str, entry_point: str) -> Iterator[str]:
    reader, names = Reader(entry_point), {entry_point: Bound(FOCAL)}
    for line in re.findall(r"(?m)^[ \t]*(?:[-*][ \t]+)?(assert\b.+)$", text):
        try:
            statement = parse(line).body[0]
        except UNREADABLE:
            continue
        if isinstance(statement, ast.Assert):
            yield reader.says(statement.test, names)


def _calls(text: str, entry_point: str) -> Iterator[str]:
    reader = Reader(entry_point)
    for place in re.finditer(rf"(?<![\w.])(?<!def )(?<!class ){re.escape(entry_point)}\(", text):
        span = text[place.start() : place.start() + MAX_SPAN]
        end, call = _first(span, (match.end() for match in re.finditer(r"\)", span)))
        joint = CONNECTOR.match(text, place.start() + end)
        if isinstance(call, ast.Call) and joint is not None:
            yield from _example(reader, call, _value(text[joint.end() :]))


def _described(text: str, entry_point: str) -> Iterator[str]:
    reader = Reader(entry_point)
    for match in [*FOR.finditer(text), *INPUT.finditer(text)]:
        # `For n = 1, the sum will be 1 the output should be "1"`: the arguments are the part that parses.
        words = [match[1][:end] for end in _cuts(match[1])]
        lines = LABEL.sub(r"\1=", match[1]).splitlines()
        for arguments in [*words[:MAX_TRIES], ",".join(lines)]:
            call = _expression(f"f({arguments})")
            if isinstance(call, ast.Call) and all(map(_is_literal, _arguments(call))):
                yield from _example(reader, call, _value(text[match.end() :]))
                break


def _example(reader: Reader, call: ast.Call, expected: ast.expr | None) -> Iterator[str]:
    # A bare word stands for a string: `is_happy(abcd) => True`.
    words = [ast.Constant(WORDS.get(word.id, word.id)) if isinstance(word, ast.Name) else word for word in _arguments(call)]
    if expected is not None:
        focal = ast.Call(ast.Name(FOCAL, ast.Load()), words, [])
        yield equality(reader.text(focal, {}), reader.text(expected, {}))


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _value(text: str) -> ast.expr | None:
    """The literal that the text begins with: the longest on the line, else the first that closes on a later one."""
    text = text[:MAX_SPAN].lstrip()
    summed = SUM.match(text)
    text = text[summed.end() :] if summed else text
    word = re.match(r"[a-z]+\b", text, re.IGNORECASE)
    if word and word[0].lower() in WORDS:
        return ast.Constant(WORDS[word[0].lower()])
    line = text.partition("\n")[0]
    later = [match.end() for match in re.finditer(r"[\])}]", text) if match.end() > len(line)]
    end, value = _first(text, [*_cuts(line)[:MAX_TRIES], *later[:MAX_TRIES]])
    return None if isinstance(value, ast.Call) or GOES_ON.match(text, end) else value


def _cuts(text: str) -> list[int]:
    """Where words and brackets end, the last first."""
    return [match.end() for match in CUT.finditer(text)][::-1]


def _first(text: str, ends: Iterable[int]) -> tuple[int, ast.expr | None]:
    """The first end up to which the text is a literal or a call with literals or bare words."""
    for end in islice(ends, 2 * MAX_TRIES):
        found = _expression(text[:end])
        if found is not None:
            return end, found
    return 0, None


def _expression(text: str) -> ast.expr | None:
    try:
        statement = parse(text).body[0]
    except (*UNREADABLE, IndexError):
        return None
    if not isinstance(statement, ast.Expr):
        return None
    value = statement.value
    if isinstance(value, ast.Call):
        return value if all(isinstance(part, ast.Name) or _is_literal(part) for part in _arguments(value)) else None
    return value if _is_literal(value) else None


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (*UNREADABLE, TypeError):
        return False
    return True

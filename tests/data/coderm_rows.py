"""Makes rows in the schema of CodeRM-UnitTest out of functions written for this purpose: nothing is copied from a data set.

Expected values are computed by running the functions, so that good suites are right, and the wrong and weak ones wrong and weak.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Inputs = Callable[[random.Random], tuple[Any, ...]]
SUITES = 22
TESTS = 6


@dataclass(frozen=True, slots=True)
class Function:
    """One function to be tested.

    Attributes:
        name: What it is called in `code`.
        question: The task in words.
        code: The ground truth.
        inputs: Draws arguments.
        error: Arguments, as text, for which it raises ValueError, or empty.
    """

    name: str
    question: str
    code: str
    inputs: Inputs
    error: str = ""


def _ints(low: int = -20, high: int = 40, most: int = 8, least: int = 0) -> Inputs:
    return lambda rng: ([rng.randint(low, high) for _ in range(rng.randint(least, most))],)


def _int(low: int, high: int) -> Inputs:
    return lambda rng: (rng.randint(low, high),)


def _text(alphabet: str = "abcde ABz", most: int = 12) -> Inputs:
    return lambda rng: ("".join(rng.choice(alphabet) for _ in range(rng.randint(0, most))),)


def _with_int(inputs: Inputs, low: int, high: int) -> Inputs:
    return lambda rng: (*inputs(rng), rng.randint(low, high))


def _pair(inputs: Inputs) -> Inputs:
    return lambda rng: (*inputs(rng), *inputs(rng))


def _function(head: str, question: str, body: str, inputs: Inputs, error: str = "") -> Function:
    code = f"def {head}:\n" + "\n".join(f"    {line}" for line in body.strip("\n").split("\n")) + "\n"
    return Function(head.split("(")[0], question, code, inputs, error)


FUNCTIONS: tuple[Function, ...] = (
    _function(
        "sum_of_multiples(limit, step)",
        "Add up all multiples of step below limit. A step of zero is not allowed.",
        "if step == 0:\n    raise ValueError('step is zero')\ntotal = 0\nfor number in range(limit):\n"
        "    if number % step == 0:\n        total += number\nreturn total",
        lambda rng: (rng.randint(0, 60), rng.randint(1, 9)),
        "5, 0",
    ),
    _function(
        "longest_run(values)",
        "Return the length of the longest run of equal neighbours.",
        "best = current = 0\nlast = object()\nfor value in values:\n    current = current + 1 if value == last else 1\n"
        "    last = value\n    best = max(best, current)\nreturn best",
        _ints(0, 2, 12),
    ),
    _function(
        "rotate_left(values, count)",
        "Rotate a list to the left by count places, which may be more than its length.",
        "if not values:\n    return []\ncount %= len(values)\nreturn values[count:] + values[:count]",
        _with_int(_ints(), 0, 20),
    ),
    _function(
        "vowel_count(text)",
        "Count the vowels of a text, in any case.",
        "return sum(1 for letter in text.lower() if letter in 'aeiou')",
        _text("aeiouxyzAEK "),
    ),
    _function(
        "compress(text)",
        "Replace every run of equal letters by the letter and its number, if that is more than one.",
        "parts = []\nindex = 0\nwhile index < len(text):\n    end = index\n    while text[end : end + 1] == text[index]:\n"
        "        end += 1\n    size = end - index\n    parts.append(text[index] + (str(size) if size > 1 else ''))\n"
        "    index = end\nreturn ''.join(parts)",
        _text("aab", 14),
    ),
    _function(
        "digits_product(number)",
        "Multiply the digits of a number that are not zero.",
        "product = 1\nfor digit in str(abs(number)):\n    if digit != '0':\n        product *= int(digit)\nreturn product",
        _int(-9999, 99999),
    ),
    _function(
        "is_balanced(text)",
        "Tell whether all round and square brackets of a text are closed in order.",
        "pairs = {')': '(', ']': '['}\nwaiting = []\nfor sign in text:\n    if sign in '([':\n        waiting.append(sign)\n"
        "    elif sign in pairs:\n        if not waiting or waiting.pop() != pairs[sign]:\n            return False\n"
        "return not waiting",
        _text("()[]x", 8),
    ),
    _function(
        "prefix_sums(values)",
        "Return the running totals of a list.",
        "total = 0\nresult = []\nfor value in values:\n    total += value\n    result.append(total)\nreturn result",
        _ints(),
    ),
    _function(
        "gcd_of(first, second)",
        "Return the greatest common divisor of two numbers by Euclid's way.",
        "first, second = abs(first), abs(second)\nwhile second:\n    first, second = second, first % second\nreturn first",
        lambda rng: (rng.randint(-60, 90), rng.randint(-60, 90)),
    ),
    _function(
        "word_lengths(text)",
        "Map every word of a text to its length.",
        "return {word: len(word) for word in text.split()}",
        _text("ab c d", 16),
    ),
    _function(
        "second_largest(values)",
        "Return the second largest different value. Fewer than two of them is an error.",
        "different = sorted(set(values))\nif len(different) < 2:\n    raise ValueError('too few values')\nreturn different[-2]",
        lambda rng: (rng.sample(range(-30, 60), rng.randint(2, 8)),),
        "[4, 4]",
    ),
    _function(
        "caesar(text, shift)",
        "Move every small letter by shift places in the alphabet; all else stays.",
        "result = ''\nfor letter in text:\n    if 'a' <= letter <= 'z':\n"
        "        letter = chr((ord(letter) - 97 + shift) % 26 + 97)\n    result += letter\nreturn result",
        _with_int(_text("abcxyz AB", 10), -30, 30),
    ),
    _function(
        "mean_of(values)",
        "Return the mean of numbers, or zero for none.",
        "if not values:\n    return 0.0\nreturn sum(values) / len(values)",
        _ints(0, 30, 7),
    ),
    _function(
        "primes_below(limit)",
        "List the prime numbers below limit with a sieve.",
        "marks = [True] * max(limit, 2)\nmarks[0] = marks[1] = False\nfor number in range(2, int(max(limit, 0) ** 0.5) + 1):\n"
        "    if marks[number]:\n        for multiple in range(number * number, limit, number):\n"
        "            marks[multiple] = False\nreturn [number for number in range(max(limit, 0)) if marks[number]]",
        _int(-3, 70),
    ),
    _function(
        "merge_sorted(left, right)",
        "Merge two sorted lists into one sorted list.",
        "merged = []\nleft, right = sorted(left), sorted(right)\nwhile left and right:\n"
        "    merged.append(left.pop(0) if left[0] <= right[0] else right.pop(0))\nreturn merged + left + right",
        _pair(_ints(-9, 9, 5)),
    ),
    _function(
        "to_binary(number)",
        "Write a natural number in binary. Negative numbers are refused.",
        "if number < 0:\n    raise ValueError('negative')\nif number == 0:\n    return '0'\ndigits = ''\nwhile number:\n"
        "    digits = str(number % 2) + digits\n    number //= 2\nreturn digits",
        _int(0, 600),
        "-4",
    ),
    _function(
        "count_inversions(values)",
        "Count the pairs that stand in the wrong order.",
        "count = 0\nfor i in range(len(values)):\n    for j in range(i + 1, len(values)):\n        if values[i] > values[j]:\n"
        "            count += 1\nreturn count",
        _ints(0, 9, 8),
    ),
    _function(
        "title_words(text)",
        "Write every word with a capital first letter and small others.",
        "return ' '.join(word[:1].upper() + word[1:].lower() for word in text.split())",
        _text("abC dE ", 16),
    ),
    _function(
        "clamp_all(values, low, high)",
        "Limit every value to the range from low to high.",
        "if low > high:\n    raise ValueError('empty range')\nreturn [min(max(value, low), high) for value in values]",
        lambda rng: (*_ints()(rng), rng.randint(-10, 5), rng.randint(6, 20)),
        "[1], 3, 2",
    ),
    _function(
        "collatz_steps(number)",
        "Count the steps of the Collatz rule until one is reached.",
        "if number < 1:\n    raise ValueError('not positive')\nsteps = 0\nwhile number != 1:\n"
        "    number = number // 2 if number % 2 == 0 else 3 * number + 1\n    steps += 1\nreturn steps",
        _int(1, 200),
        "0",
    ),
    _function(
        "common_prefix(first, second)",
        "Return the longest common beginning of two texts.",
        "size = 0\nfor a, b in zip(first, second):\n    if a != b:\n        break\n    size += 1\nreturn first[:size]",
        _pair(_text("ab", 8)),
    ),
    _function(
        "matrix_trace(size, factor)",
        "Sum the diagonal of the multiplication table of that size, times factor.",
        "table = [[i * j for j in range(size)] for i in range(size)]\nreturn factor * sum(table[k][k] for k in range(size))",
        lambda rng: (rng.randint(0, 9), rng.randint(-4, 7)),
    ),
    _function(
        "roman(number)",
        "Write a number from 1 to 3999 in Roman numerals.",
        "if not 0 < number < 4000:\n    raise ValueError('out of range')\n"
        "table = [(1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (50, 'L'), (40, 'XL'),\n"
        "         (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I')]\nresult = ''\nfor value, letters in table:\n"
        "    while number >= value:\n        result += letters\n        number -= value\nreturn result",
        _int(1, 3999),
        "4000",
    ),
    _function(
        "moving_average(values, width)",
        "Return the means of every window of that width.",
        "if width < 1:\n    raise ValueError('width')\n"
        "return [sum(values[k:k + width]) / width for k in range(len(values) - width + 1)]",
        _with_int(_ints(0, 20, 8), 1, 4),
        "[1], 0",
    ),
    _function(
        "most_common(text)",
        "Return the most frequent letter; the first in the alphabet among equals; nothing for an empty text.",
        "counts = {}\nfor letter in text:\n    counts[letter] = counts.get(letter, 0) + 1\nif not counts:\n    return None\n"
        "return min(counts, key=lambda letter: (-counts[letter], letter))",
        _text("abcd", 12),
    ),
    _function(
        "flatten_pairs(values)",
        "Pair every value with its position and flatten the pairs.",
        "flat = []\nfor position, value in enumerate(values):\n    flat.extend([position, value])\nreturn flat",
        _ints(-5, 5, 6),
    ),
    _function(
        "triangle_kind(a, b, c)",
        "Name a triangle by its sides: equilateral, isosceles, scalene or none.",
        "a, b, c = sorted([a, b, c])\nif a <= 0 or a + b <= c:\n    return 'none'\nif a == c:\n    return 'equilateral'\n"
        "return 'isosceles' if a == b or b == c else 'scalene'",
        lambda rng: tuple(rng.choice([3, 3, 4, 5, 6, 0]) for _ in range(3)),
    ),
    _function(
        "fibonacci(count)",
        "List the first count Fibonacci numbers.",
        "numbers = []\na, b = 0, 1\nfor _ in range(count):\n    numbers.append(a)\n    a, b = b, a + b\nreturn numbers",
        _int(0, 16),
    ),
    _function(
        "is_palindrome(text)",
        "Tell whether a text reads the same backwards, letters and digits only.",
        "letters = [sign.lower() for sign in text if sign.isalnum()]\nreturn letters == letters[::-1]",
        _text("aAb,", 6),
    ),
    _function(
        "split_even_odd(values)",
        "Split numbers into the even ones and the odd ones.",
        "even = [value for value in values if value % 2 == 0]\nodd = [value for value in values if value % 2]\nreturn even, odd",
        _ints(),
    ),
    _function(
        "power_mod(base, exponent, modulus)",
        "Compute a power modulo a number by squaring.",
        "if modulus < 1:\n    raise ValueError('modulus')\nresult = 1 % modulus\nbase %= modulus\nwhile exponent > 0:\n"
        "    if exponent & 1:\n        result = result * base % modulus\n    base = base * base % modulus\n    exponent >>= 1\n"
        "return result",
        lambda rng: (rng.randint(0, 30), rng.randint(0, 12), rng.randint(1, 50)),
        "2, 3, 0",
    ),
    _function(
        "remove_duplicates(values)",
        "Keep the first of equal values, in order.",
        "seen = set()\nresult = []\nfor value in values:\n    if value not in seen:\n        seen.add(value)\n"
        "        result.append(value)\nreturn result",
        _ints(0, 6, 10),
    ),
    _function(
        "hamming(first, second)",
        "Count the places in which two texts differ, longer ends included.",
        "size = max(len(first), len(second))\nfirst, second = first.ljust(size), second.ljust(size)\n"
        "return sum(a != b for a, b in zip(first, second))",
        _pair(_text("abc", 7)),
    ),
    _function(
        "binary_search(values, wanted)",
        "Return a position of wanted in the sorted values, or -1.",
        "values = sorted(set(values))\nlow, high = 0, len(values) - 1\nwhile low <= high:\n    middle = (low + high) // 2\n"
        "    if values[middle] == wanted:\n        return middle\n    if values[middle] < wanted:\n        low = middle + 1\n"
        "    else:\n        high = middle - 1\nreturn -1",
        _with_int(_ints(0, 12, 9), 0, 12),
    ),
    _function(
        "snake_case(text)",
        "Write a name in camel case with underscores.",
        "result = ''\nfor position, letter in enumerate(text):\n    if letter.isupper() and position:\n        result += '_'\n"
        "    result += letter.lower()\nreturn result",
        _text("abCdE", 9),
    ),
    _function(
        "digital_root(number)",
        "Add the digits of a number until one digit is left.",
        "number = abs(number)\nwhile number > 9:\n    number = sum(int(digit) for digit in str(number))\nreturn number",
        _int(-500, 99999),
    ),
    _function(
        "chunks(values, size)",
        "Cut a list into pieces of that size; the last may be shorter.",
        "if size <= 0:\n    raise ValueError('size')\nreturn [values[k:k + size] for k in range(0, len(values), size)]",
        _with_int(_ints(), 1, 5),
        "[1, 2], 0",
    ),
    _function(
        "largest_gap(values)",
        "Return the largest difference of neighbours after sorting.",
        "ordered = sorted(values)\nreturn max((b - a for a, b in zip(ordered, ordered[1:])), default=0)",
        _ints(-30, 60, 7),
    ),
    _function(
        "interleave(first, second)",
        "Take letters of two texts in turn, then what is left of the longer one.",
        "size = min(len(first), len(second))\nmixed = ''.join(a + b for a, b in zip(first, second))\n"
        "return mixed + first[size:] + second[size:]",
        _pair(_text("abXY", 6)),
    ),
    _function(
        "leap_years(start, end)",
        "List the leap years from start to end, both included.",
        "years = []\nfor year in range(start, end + 1):\n    if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):\n"
        "        years.append(year)\nreturn years",
        lambda rng: (lambda first: (first, first + rng.randint(0, 20)))(rng.randint(1880, 2100)),
    ),
)


def call_of(code: str, name: str) -> Callable[..., Any]:
    """The function that our own code defines."""
    space: dict[str, Any] = {}
    exec(compile(code, name, "exec"), space)
    found: Callable[..., Any] = space[name]
    return found


def row_of(task_id: int, function: Function, rng: random.Random, suites: int = SUITES) -> dict[str, Any]:
    """One row of the data set: two columns are JSON strings, as there.

    The last two suites are a weak one (FAR 0.8) and a wrong one (FRR 0.9); the others accept 0 to 10 % of wrong programs.
    """
    call = call_of(function.code, function.name)
    calls = []
    for _ in range(4 * TESTS):
        values = function.inputs(rng)
        text = ", ".join(map(repr, values))
        calls.append((text, call(*values)))
    texts = [_suite(function, rng, calls) for _ in range(suites - 2)]
    rates = [(rng.choice([0.0, 0.0, 0.05, 0.1]), 0.0) for _ in texts]
    entries = [
        {"ut_id": k, "code": code, "FAR": far, "FRR": frr}
        for k, (code, (far, frr)) in enumerate(
            zip([*texts, _weak(function, calls), _wrong(function, calls)], [*rates, (0.8, 0.0), (0.0, 0.9)], strict=True)
        )
    ]
    answers = [{"sol_id": k, "code": function.code.replace("\n    ", "\n    # attempt\n    ", 1)} for k in range(6)]
    return {
        "task_id": task_id,
        "question": function.question,
        "code_ground_truth": function.code,
        "code_generate": json.dumps(answers),
        "unit_tests": json.dumps(entries),
    }


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """One row for every function of the fixture."""
    rng = random.Random(seed)
    for task_id, function in enumerate(FUNCTIONS):
        yield row_of(task_id, function, rng)


def _class(function: Function, methods: Sequence[str]) -> str:
    name = string.capwords(function.name, "_").replace("_", "")
    return f"import unittest\n\nclass Test{name}(unittest.TestCase):\n" + "\n".join(methods)


def _suite(function: Function, rng: random.Random, calls: Sequence[tuple[str, Any]]) -> str:
    methods = []
    for k, (arguments, result) in enumerate(rng.sample(calls, TESTS)):
        check = _check(function, arguments, result, k)
        methods.append(f"    def test_case_{k}(self):\n        # {_first_sentence(function)}\n{check}\n")
    if function.error:
        call = f"{function.name}({function.error})"
        methods.append(f"    def test_error(self):\n        with self.assertRaises(ValueError):\n            {call}\n")
    return _class(function, methods) + rng.choice(["", "\nif __name__ == '__main__':\n    unittest.main()\n"])


def _check(function: Function, arguments: str, result: Any, style: int) -> str:
    call = f"{function.name}({arguments})"
    if isinstance(result, float):
        return f"        self.assertAlmostEqual({call}, {result!r})"
    if isinstance(result, bool):
        return f"        self.assert{result}({call})"
    if style % 3 == 2:
        return f"        result = {call}\n        self.assertEqual(result, {result!r}, 'unexpected result')"
    return f"        self.assertEqual({call}, {result!r})"


def _weak(function: Function, calls: Sequence[tuple[str, Any]]) -> str:
    call = f"{function.name}({calls[0][0]})"
    return _class(function, [f"    def test_runs(self):\n        self.assertIsInstance({call}, object)\n"])


def _wrong(function: Function, calls: Sequence[tuple[str, Any]]) -> str:
    return _class(
        function, [f"    def test_wrong(self):\n        self.assertEqual({function.name}({calls[0][0]}), 'no such result')\n"]
    )


def _first_sentence(function: Function) -> str:
    return function.question.split(". ")[0]

"""A small assembler for the classic BPF programs that seccomp runs.

Owns the instruction set, the layout of what a program sees of a system call, and the search for the call's number. Knows no
system call: `seccomp_policy` says what happens to each.
Source: linux/filter.h, linux/seccomp.h, Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LOAD, AND, RETURN = 0x20, 0x54, 0x06
JUMP, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT = 0x05, 0x15, 0x35, 0x45
LONGEST_JUMP = 255  # conditional jumps hold 8 bits

ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER_OFFSET, ARCH_OFFSET = 0, 4
NUMBER_END = 1 << 32


class Instruction(NamedTuple):
    """One `struct sock_filter`: the jumps count the instructions to skip."""

    code: int
    if_true: int
    if_false: int
    value: int


Program = tuple[Instruction, ...]
"""Instructions of which every path ends in RETURN; jumps are relative, so programs nest."""


def give(action: int, data: int = 0) -> Program:
    """End with `action`; `data` is the errno of `ERRNO`, of which 0 means a call that did nothing and succeeded."""
    return (Instruction(RETURN, 0, 0, action | data),)


def low(argument: int) -> int:
    """Offset of the lower half of an argument, 0 to 5: all that the kernel reads of an int; both machines are little-endian."""
    return 16 + 8 * argument


def if_one_of(offset: int, values: Sequence[int], then: Program, other: Program) -> Program:
    """Go on with `then` when the 32 bits at `offset` equal one of `values`, else with `other`."""
    jumps = tuple(Instruction(JUMP_EQUAL, len(values) - 1 - at + len(other), 0, value) for at, value in enumerate(values))
    return (Instruction(LOAD, 0, 0, offset), *jumps, *other, *then)


def if_any_bit(offset: int, mask: int, then: Program, other: Program) -> Program:
    """Go on with `then` when the 32 bits at `offset` and `mask` share a bit, else with `other`."""
    return (Instruction(LOAD, 0, 0, offset), Instruction(JUMP_ANY_BIT, len(other), 0, mask), *other, *then)


def if_masked(offset: int, mask: int, value: int, branches: tuple[Program, Program]) -> Program:
    """Go on with the first branch when the 32 bits at `offset`, cut to `mask`, equal `value`, else with the second."""
    then, other = branches
    test = (Instruction(LOAD, 0, 0, offset), Instruction(AND, 0, 0, mask), Instruction(JUMP_EQUAL, len(other), 0, value))
    return (*test, *other, *then)


def if_null(argument: int, then: Program, other: Program) -> Program:
    """Go on with `then` when the whole 64-bit argument is zero, else with `other`."""
    return if_one_of(low(argument), (0,), if_one_of(low(argument) + 4, (0,), then, other), other)


def by_number(rules: Mapping[int, Program], ranges: Sequence[tuple[int, int, Program]], arch: int) -> Program:
    """A whole filter: calls of another architecture end the process, the others follow their rule or are allowed.

    Args:
        rules: Program of each call by number.
        ranges: `(first, end, program)`, disjoint; they outweigh `rules`.
        arch: The AUDIT_ARCH value that calls must have.

    Returns:
        A binary search for the number: a dozen steps instead of hundreds. The kernel walks the filter once per number when it
        is installed, so this also makes entering cheap.
    """
    starts = {0: give(ALLOW)}
    for number, program in sorted(rules.items()):
        starts[number] = program
        starts.setdefault(number + 1, give(ALLOW))
    for first, end, program in ranges:
        after = starts[max(start for start in starts if start <= end)]
        starts = {start: held for start, held in starts.items() if not first <= start < end}
        starts[first] = program
        if end < NUMBER_END:
            starts.setdefault(end, after)
    ordered = sorted(starts.items())
    merged = [item for at, item in enumerate(ordered) if not at or ordered[at - 1][1] != item[1]]
    search = (Instruction(LOAD, 0, 0, NUMBER_OFFSET), *_search(merged))
    return if_one_of(ARCH_OFFSET, (arch,), search, give(KILL_PROCESS))


def _search(segments: Sequence[tuple[int, Program]]) -> Program:
    if len(segments) == 1:
        return segments[0][1]
    middle = len(segments) // 2
    below, above = _search(segments[:middle]), _search(segments[middle:])
    pivot = segments[middle][0]
    if len(below) <= LONGEST_JUMP:
        return (Instruction(JUMP_GREATER_EQUAL, len(below), 0, pivot), *below, *above)
    return (Instruction(JUMP_GREATER_EQUAL, 0, 1, pivot), Instruction(JUMP, 0, 0, len(below)), *below, *above)


def encode(program: Program) -> bytes:
    """The program as an array of `struct sock_filter`, 8 bytes each."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)

from __future__ import annotations

from evaluation.mutation.reach import reached

MODULE = """
import math

SCALE = other(2)
TABLE = {}

def register(function):
    TABLE[function.__name__] = function
    return function

def other(x):
    return x

def alone(x):
    return used(x)

def helper(x, by=other):
    return [used(y) for y in x]

def used(x):
    return math.floor(x)

class Base:
    def shared(self):
        return far()

class Shape(Base):
    def area(self):
        return 1

class Stack:
    def push(self, item):
        return item

def far():
    return 2

def entry(x):
    def inner():
        return helper(x)
    return inner

def scaled(x):
    return SCALE * x

def looked_up(x):
    return TABLE[x]

def pushes(items):
    return items.push(1)
"""


def test_what_is_used_by_name_is_reached_and_what_that_uses() -> None:
    assert reached(MODULE, "entry") == {"entry", "helper", "used", "other"}
    assert reached(MODULE, "used") == {"used"}


def test_a_class_reaches_its_methods_and_bases() -> None:
    expected = {"Shape", "Shape.area", "Base", "Base.shared", "far"}
    assert reached(MODULE, "Shape") == reached(MODULE, "Shape.area") == expected


def test_a_method_called_on_any_object_reaches_its_class() -> None:
    assert reached(MODULE, "pushes") == {"pushes", "Stack", "Stack.push"}


def test_module_variables_lead_to_what_made_them() -> None:
    assert reached(MODULE, "scaled") == {"scaled", "other"}
    assert reached(MODULE, "looked_up") == {"looked_up"}
    assert reached("def a():\n    return 1\nb = a\n", "b") == {"a"}


def test_an_unknown_name_reaches_nothing() -> None:
    assert reached(MODULE, "missing") == frozenset()

"""From a file that a person points at to functions that can be tested alone, and from tests of these to a file beside it."""

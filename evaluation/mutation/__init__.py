"""Versions of a focal function's module: mutants that should fail its suite, neutral ones that must not. Runs no suite."""

"""The side of scoring that lives inside the sandbox: one process per suite, one fork per run of the suite."""

"""Which asserts of a suite repeat the examples of its prompt. Pure; standard library only: the suite process imports it."""

"""Files of functions and suites -> values, and what of them cannot be used. Runs nothing."""

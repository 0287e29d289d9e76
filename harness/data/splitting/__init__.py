"""Which functions are near-duplicates, and which split each of them belongs to."""

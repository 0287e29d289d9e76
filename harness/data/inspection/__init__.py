"""What `harness data inspect` finds out about a source: counts, lengths, duplicates, oracle suites, and a verdict."""

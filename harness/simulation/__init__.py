"""What a sweep meets when nothing real is run: learning curves, a card, a clock, faults. No torch, no process, no study."""

"""The peak memory of a trial from a run on fake tensors: no GPU, no weights, seconds. A process of its own, it imports torch."""

"""harness: an experiment-tracking sweep harness for LoRA adapters that write unit tests.

Importing this package, or any part of it but `harness.trial`'s child side, never imports torch.
"""

__version__ = "0.1.0"

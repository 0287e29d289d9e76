"""One seed for every generator that a trial draws from."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch on every device.

    As transformers' `set_seed`, which lives beside its trainer: importing it imports PEFT and bitsandbytes, seconds of work.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)

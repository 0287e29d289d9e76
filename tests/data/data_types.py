"""What the fixtures of the data tests return."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Pytest = Callable[..., tuple[int, str]]
Python = Callable[..., subprocess.CompletedProcess[str]]

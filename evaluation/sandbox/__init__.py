"""How suites are fenced in, seen from outside: which layers work here, how a zygote is started, talked to and ended.

docs/sandbox.md says what is covered and what is not.
"""

from __future__ import annotations

from evaluation.sandbox.launch import Fence, Level
from evaluation.sandbox.levels import SandboxStrength, choose, probe, sandbox_strength, strength_of

__all__ = ["Fence", "Level", "SandboxStrength", "choose", "probe", "sandbox_strength", "strength_of"]

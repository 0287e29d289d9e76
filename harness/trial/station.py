"""What stays in a process between trials: the base, and the state of the libraries as it was before the first.

Owns putting it back. The jobs themselves are `harness.trial.jobs`'.
"""

from __future__ import annotations

import os

import pyarrow as pa
import torch
from accelerate.state import AcceleratorState, GradientState

from harness.trial.process import Interruption
from harness.trial.readings import give_back_everything, held_bytes, reset_peaks
from harness.trial.run import Trial
from harness.trial.spec import TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir
from harness.trial.warm_bases import WarmBases

TOLERANCE_BYTES = 64 << 20
TOLERANCE_SHARE = 0.03


class Station:
    """Runs trials one after the other. Made when everything is imported and nothing has run."""

    def __init__(self) -> None:
        self._bases = WarmBases()
        self._environ = dict(os.environ)
        self._flags = _TorchFlags()

    @property
    def baseline_bytes(self) -> int:
        """Held with nothing but the base loaded."""
        return self._bases.baseline_bytes

    def run(self, folder: TrialDir, spec: TrialSpec, interruption: Interruption) -> TrialResult:
        """One trial, as a process of its own would run it."""
        reset_peaks()
        return Trial(folder, spec, interruption, self._bases).run()

    def settle(self) -> tuple[int, str | None]:
        """Put everything back behind a trial.

        Returns:
            What is held now, in bytes; and why that is too much, or None.
        """
        self._bases.settle()
        self._flags.restore()
        # transformers leaves the precision of a trial in the environment, and the next would take it up.
        os.environ.clear()
        os.environ.update(self._environ)
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        pa.default_memory_pool().release_unused()
        give_back_everything()
        held = held_bytes()
        more = held - self.baseline_bytes
        if more <= max(TOLERANCE_BYTES, TOLERANCE_SHARE * self.baseline_bytes):
            return held, None
        return held, f"{more} bytes more are held than with the base alone"


class _TorchFlags:
    """Switches of torch that a library may turn."""

    def __init__(self) -> None:
        self._dtype = torch.get_default_dtype()
        self._precision = torch.get_float32_matmul_precision()
        self._grad = torch.is_grad_enabled()
        self._deterministic = torch.are_deterministic_algorithms_enabled()
        self._cudnn = (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32)

    def restore(self) -> None:
        """Turn them back."""
        torch.set_default_dtype(self._dtype)
        torch.set_float32_matmul_precision(self._precision)
        torch.set_grad_enabled(self._grad)
        torch.use_deterministic_algorithms(self._deterministic)
        cudnn = torch.backends.cudnn
        cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = self._cudnn

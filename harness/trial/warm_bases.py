"""A loaded base that is kept for the next trial. Loading is `harness.trial.base`'s, bringing a base back `kept_base`'s."""

from __future__ import annotations

import gc
from typing import Any

from harness.core.params import Quantization
from harness.trial.base import Base, load_base
from harness.trial.kept_base import KeptBase, adapted_bytes, own_copies
from harness.trial.readings import below_peak_bytes, give_back_everything, give_back_memory, held_bytes
from harness.trial.spec import ModelSpec


class WarmBases:
    """Keeps the last base; one at a time, so that its memory is free before another is loaded.

    An adapter is merged into copies of the weights where they fit below the peak that the trial has reached already: no trial
    takes more memory than in a process of its own. Where they do not, it is merged in place and the weights are read again from
    their files.

    Attributes:
        baseline_bytes: Held with nothing but the base loaded; 0 before the first.
    """

    def __init__(self) -> None:
        self.baseline_bytes = 0
        self._kept: KeptBase | None = None
        self._loaded: tuple[ModelSpec, Quantization] | None = None

    def open(self, spec: ModelSpec, quantization: Quantization) -> Base:
        """The kept base where it is the same, else another one."""
        if self._kept is not None and self._loaded == (spec, quantization):
            return self._kept.base
        self.drop()
        base = load_base(spec, quantization)
        give_back_everything()
        self.baseline_bytes = held_bytes()
        # accelerate's hooks move the weights of a spread model about: there is no state to bring back.
        if not spec.offloaded_layers and spec.device_map is None:
            self._kept, self._loaded = KeptBase(base, spec.path), (spec, quantization)
        gc.freeze()  # a collection walks over a million objects of the libraries otherwise: 0.4 s of the next trial's start
        return base

    def merge(self, model: Any) -> None:
        """Merge into copies, or in place where there is no room for them."""
        give_back_memory()
        if self._kept is not None:
            if adapted_bytes(model) <= below_peak_bytes():
                own_copies(model)
            else:
                self._kept.note_merge(model)
        model.merge_adapter()

    def settle(self) -> None:
        """After a trial: bring the base back, or let it go where that cannot be."""
        if self._kept is not None and not self._kept.restore():
            self.drop()

    def drop(self) -> None:
        """Let the base go."""
        self._kept = self._loaded = None
        gc.unfreeze()
        give_back_everything()

"""The trial, composed: load, train, save, generate, report. The child's only module that knows every stage."""

from __future__ import annotations

import time
import traceback
from functools import partial
from typing import Any

import torch

from harness.core.params import Quantization
from harness.trial.base import Base
from harness.trial.bases import Bases, FreshBases
from harness.trial.events import Event, EventWriter
from harness.trial.examples import Wording, wording_of
from harness.trial.failure import is_out_of_memory, last_line
from harness.trial.generation import Writer, generate, write_suites
from harness.trial.process import InterruptedTrialError, Interruption, importing
from harness.trial.readings import memory_now, memory_peak, versions
from harness.trial.sampling import append_suites, write_samples
from harness.trial.seeding import seed_all
from harness.trial.spec import ChildEnding, TrialResult, TrialSpec
from harness.trial.stability import DivergedError
from harness.trial.transformers_engine import TransformersEngine
from harness.trial.trial_dir import TrialDir


class Trial:
    """One trial in its folder.

    Args:
        folder: Where everything is read from and written to.
        spec: What to do.
        interruption: State of SIGTERM.
        bases: Where its base comes from.
    """

    def __init__(self, folder: TrialDir, spec: TrialSpec, interruption: Interruption, bases: Bases | None = None) -> None:
        self._folder = folder
        self._spec = spec
        self._interruption = interruption
        self._bases = bases or FreshBases()
        self._metrics: dict[str, float] = {}
        self._facts: dict[str, str] = {}

    def run(self) -> TrialResult:
        """Do all of it; every end but a kill becomes a result."""
        try:
            with EventWriter(self._folder.events_file) as events:
                self._stages(events)
        except InterruptedTrialError:
            return self._ended(ChildEnding.INTERRUPTED, "SIGTERM")
        except DivergedError as error:
            return self._ended(ChildEnding.DIVERGED, str(error))
        except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, the parent must hear of it
            traceback.print_exc()
            ending = ChildEnding.OUT_OF_MEMORY if is_out_of_memory(error) else ChildEnding.FAILED
            return self._ended(ending, last_line(error))
        return self._ended(ChildEnding.COMPLETED, "trained and generated" if self._spec.train else "generated")

    def _stages(self, events: EventWriter) -> None:
        spec = self._spec
        if spec.threads:
            torch.set_num_threads(spec.threads)
        seed_all(spec.seed)
        asked = wording_of(spec)
        words = {"prompt_template": asked.template.identity, "prompt_template_digest": asked.template.digest}
        self._facts |= versions() | words | {"threads": str(torch.get_num_threads())}
        started = time.monotonic()
        base = self._bases.open(
            spec.model, Quantization(spec.train.params.quantization if spec.train else spec.model.quantization)
        )
        self._facts |= {"dtype": str(base.dtype).removeprefix("torch."), "quantization": base.quantization.value}
        self._metrics["load_runtime_s"] = time.monotonic() - started
        events.write(Event("load", 0, 0, time.time(), memory_now()))
        model = self._adapted(base, events)
        self._write_suites(model, base, asked, events)

    def _adapted(self, base: Base, events: EventWriter) -> Any:
        """The model to generate with: the base, a finished adapter over it, or a freshly trained one."""
        spec = self._spec
        if spec.train is None and spec.adapter is None:
            return base.model.eval()
        with importing():
            from harness.trial.training import Training
            from harness.trial.tuned import finished, ready, trained  # only now: the untuned base needs neither PEFT nor TRL

        if spec.train is not None:
            training = Training(spec.train, spec.seed, self._folder.checkpoints_dir, events, self._interruption)
            tuned = trained(base, spec, training, self._folder)
        else:
            tuned = finished(base, str(spec.adapter))
        self._metrics |= tuned.metrics
        self._facts |= tuned.facts
        return ready(tuned, base, self._bases).eval()

    def _write_suites(self, model: Any, base: Base, wording: Wording, events: EventWriter) -> None:
        def report(done: int, total: int) -> None:
            events.write(Event("generate", done, total, time.time(), memory_now()))

        seed_all(self._spec.seed)  # sampled suites must not depend on how many random numbers training drew
        model.config.use_cache = True
        asked = self._spec.generate
        writer = Writer(TransformersEngine(model, base.tokenizer), base.tokenizer, wording, self._spec.seed)
        if asked.samples > 1 or asked.until is not None or not asked.whole_tests:
            line = partial(append_suites, self._folder.suites_file)
            written = write_samples(writer, asked, line, report)
        else:
            written = generate(writer, asked, report)
            write_suites(self._folder.suites_file, written.suites)
        self._metrics |= written.metrics()

    def _ended(self, ending: ChildEnding, reason: str) -> TrialResult:
        return TrialResult(ending, reason, self._metrics | memory_peak(), self._facts)

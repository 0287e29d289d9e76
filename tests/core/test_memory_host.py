"""Estimates for a CPU against real trials, whose resident peaks were measured once and are kept here."""

from __future__ import annotations

import statistics

import pytest
from model_configs import SMOLLM2

from harness.core.memory import DeviceProfile, LossPath, ModelShape, estimate_peak
from harness.core.params import Quantization, TrialParams
from harness.core.workload import Workload

SMALL = ModelShape.from_config(SMOLLM2)
LABELLED = 55
"""Tokens of every answer."""

Observed = tuple[str, int, int, int, int, int, bool, float, int, int]

# quantization, bytes a weight, batch, length, r, accumulation, checkpointing, dropout, mean peak resident MB, trials. Three
# optimizer steps of `python -m harness.trial` on SmolLM2-135M, no validation, answers that overlap as little as they can (torch
# 2.13 CPU, transformers 5.23, TRL 1.16, PEFT 0.21.2, bitsandbytes 0.50.2, fp32 adapters, 2 threads, glibc 2.36). The same
# trial differed by up to 9 %.
OBSERVED: list[Observed] = [
    ("int8", 2, 1, 128, 8, 1, False, 0.0, 1340, 2),
    ("int8", 2, 2, 256, 16, 1, False, 0.0, 2012, 1),
    ("int8", 2, 4, 256, 16, 1, False, 0.0, 3069, 2),
    ("int8", 2, 4, 256, 16, 1, True, 0.0, 1687, 1),
    ("nf4", 4, 1, 128, 8, 1, False, 0.0, 1193, 2),
    ("nf4", 4, 2, 320, 16, 1, False, 0.0, 2638, 1),
    ("nf4", 4, 4, 256, 16, 1, False, 0.0, 3875, 2),
    ("nf4", 4, 2, 320, 16, 1, True, 0.0, 1727, 1),
    ("nf4", 4, 4, 256, 16, 1, True, 0.0, 2724, 2),
    ("nf4", 4, 4, 320, 16, 1, True, 0.0, 2868, 1),
    ("none", 2, 1, 128, 8, 1, False, 0.0, 1127, 2),
    ("none", 2, 2, 256, 16, 1, False, 0.0, 1811, 2),
    ("none", 2, 4, 192, 8, 2, False, 0.0, 2254, 1),
    ("none", 2, 4, 256, 16, 1, False, 0.0, 2746, 3),
    ("none", 2, 4, 256, 16, 1, False, 0.05, 3405, 2),
    ("none", 2, 4, 320, 32, 1, False, 0.0, 3359, 2),
    ("none", 2, 2, 320, 16, 1, True, 0.0, 1383, 1),
    ("none", 2, 4, 256, 16, 1, True, 0.0, 1875, 1),
    ("none", 2, 4, 320, 16, 1, True, 0.0, 2121, 1),
    ("none", 4, 2, 128, 8, 1, False, 0.0, 1827, 1),
    ("none", 4, 4, 256, 16, 1, False, 0.0, 3965, 2),
    ("none", 4, 2, 320, 16, 1, True, 0.0, 2004, 1),
    ("none", 4, 4, 256, 16, 1, True, 0.0, 2587, 1),
]


def error(observed: Observed) -> float:
    quantization, width, batch, length, r, accumulation, checkpointing, dropout, megabytes, _ = observed
    params = TrialParams(
        r=r,
        lora_dropout=dropout,
        quantization=Quantization(quantization),
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        max_length=length,
        gradient_checkpointing=checkpointing,
    )
    workload = Workload(params, loss_path=LossPath.COMPLETION, completion_tokens=LABELLED)
    estimate = estimate_peak(SMALL, workload, DeviceProfile.host(width), padded=batch > 1)
    return estimate.total_bytes / (megabytes * 10**6) - 1


@pytest.mark.parametrize("observed", OBSERVED)
def test_estimates_stay_by_what_was_measured(observed: Observed) -> None:
    """At most 5 % below; 12 % above, but for int8 with checkpointing, whose blocks leave fewer holes."""
    int8_recomputing = observed[0] == "int8" and observed[6]
    assert -0.05 <= error(observed) <= (0.18 if int8_recomputing else 0.12)


def test_most_are_close() -> None:
    assert statistics.median(abs(error(observed)) for observed in OBSERVED) <= 0.04

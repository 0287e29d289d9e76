"""A plan made by hand: forty settings of three parameters on a card of 4 GiB."""

from __future__ import annotations

from dataclasses import replace

from harness.core.memory import MemoryEstimate
from harness.core.plan import Durations, Extreme, Fate, Plan, Setting
from harness.core.sensitivity import Decider
from harness.core.speed import Seconds

GIB = 1 << 30
BATCH = "per_device_train_batch_size"


def judged(r: int, quantization: str, batch: int) -> Setting:
    weights = GIB if quantization == "none" else GIB // 4
    terms = (
        ("linear weights", weights),
        ("activations", batch * GIB // 4),
        ("adapters", r << 22),
        ("context and libraries", GIB // 2),
    )
    peak = MemoryEstimate(terms, sum(size for _, size in terms), "backward")
    fate = Fate.FITS if peak.total_bytes <= 3 * GIB else Fate.ADAPTED if batch > 1 else Fate.REFUSED
    steps = ((BATCH, f"{BATCH} {batch} -> {batch // 2}"),) if fate is Fate.ADAPTED else ()
    seconds = None if fate is Fate.REFUSED else Seconds(30.0, 60.0, 150.0)
    return Setting({"r": r, "quantization": quantization, BATCH: batch, "learning_rate": 2e-4}, peak, fate, steps, seconds)


def make_plan() -> Plan:
    settings = tuple(judged(r, q, b) for r in (8, 16, 32, 64, 384) for q in ("nf4", "none") for b in (1, 2, 4, 8))
    return Plan(
        name="tiny-4gb",
        model="org/tiny",
        device="RTX 3050 4GB",
        budget_bytes=3 * GIB,
        budget_source="0.92 of the 3.82 GiB free",
        settings=settings,
        extremes=(
            Extreme("smallest", judged(8, "nf4", 1)),
            Extreme("trial 0", judged(16, "nf4", 1)),
            Extreme("largest", judged(384, "none", 8)),
        ),
        deciders=(
            Decider(BATCH, 0.71, (1, GIB), (8, 3 * GIB)),
            Decider("quantization", 0.2, ("nf4", GIB), ("none", 2 * GIB)),
        ),
        on_risk="prune",
        n_trials=30,
        durations=Durations(Seconds(30.0, 60.0, 150.0), Seconds(900.0, 4000.0, 250000.0)),
        time_basis="roofline of RTX 3050 4GB: 12 TFLOP/s, 192 GB/s; not measured, so within a factor of 2.5",
        notes=("RTX 3050 4GB is taken as idle; its context (0.59 GiB) is assumed, not measured",),
    )


def traced_plan() -> Plan:
    """What is left where every peak takes seconds."""
    return replace(make_plan(), settings=(), deciders=(), durations=None, time_basis="unknown for this architecture")

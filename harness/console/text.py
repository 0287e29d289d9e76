"""How single values are written on a screen: sizes, durations, settings, figures with intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.core.measured import Measured

ABSENT = "-"
ALPHA = "\N{GREEK SMALL LETTER ALPHA}"

_SHORT_METRICS = {
    "pass_rate": "pass",
    "valid_rate": "valid",
    "line_coverage": "line",
    "branch_coverage": "branch",
    "mutation_score": "mutation",
    "mutation_score_all": "mutation all",
    "mutation_score_lenient": "mutation lenient",
    "mutation_score_all_lenient": "mutation all lenient",
}
_ASCII = str.maketrans(
    {"±": "+-", ALPHA: "a", "\N{EN DASH}": "-", "—": "-", "…": "...", "·": "|", "↑": "max", "↓": "min", "→": "->"}
)


def gib(size_bytes: int) -> str:
    """Bytes -> ``2.1 GiB``."""
    return f"{size_bytes / 2**30:.1f} GiB"


def gauge(used_bytes: int, budget_bytes: int) -> str:
    """``2.1/8.0 GiB``."""
    return f"{used_bytes / 2**30:.1f}/{gib(budget_bytes)}"


def duration(seconds: float) -> str:
    """Seconds -> ``0:42``, ``12:05`` or ``1:02:03``."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rung_of(rung: int, rungs: int) -> str:
    """``rung 1/3``: a rung by its index, counted from 1 on a screen, among all rungs."""
    return f"rung {rung + 1}/{rungs}"


def short_metric(name: str) -> str:
    """A column heading: ``pass_rate`` -> ``pass``; other names lose their underscores."""
    return _SHORT_METRICS.get(name, name.removesuffix("_s").removesuffix("_bytes").replace("_", " "))


def is_fraction(name: str) -> bool:
    """Whether a metric lies in 0-1 and is written with two decimals."""
    return name in _SHORT_METRICS


def number(name: str, value: float) -> str:
    """A metric's value with its unit: fractions as ``0.46``, ``*_bytes`` in GiB, ``*_s`` in seconds."""
    if not math.isfinite(value):
        return ABSENT
    if is_fraction(name):
        return f"{value:.2f}"
    if name.endswith("_bytes"):
        return f"{value / 2**30:.2f} GiB"
    if name.endswith("_s") and not name.endswith("_per_s"):
        return f"{value:.3g} s" if abs(value) < 100 else f"{value:.0f} s"
    return f"{value:.3f}" if 0.01 <= abs(value) < 100 else f"{value:.4g}"


def measured(name: str, figure: Measured | None) -> str:
    """``0.46 ±.09``: the figure and half the width of its 95 % interval; ``-`` when it was not measured."""
    if figure is None or not math.isfinite(figure.value):
        return ABSENT
    if figure.low is None or figure.high is None:
        return number(name, figure.value)
    return f"{number(name, figure.value)} ±{number(name, (figure.high - figure.low) / 2).removeprefix('0')}"


def _learning_rate(value: float) -> str:
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def setting(name: str, value: Any) -> str:
    """One setting in a table cell: learning rates as ``2e-4``, ratios as ``.03``."""
    if name == "learning_rate":
        return _learning_rate(value)
    if name in ("warmup_ratio", "lora_dropout"):
        return f"{value:.2f}".removeprefix("0") if value else "0"
    return _plain(value)


SHORT_SETTINGS = {
    "r": "r",
    "lora_alpha": ALPHA,
    "learning_rate": "lr",
    "warmup_ratio": "warmup",
    "quantization": "quant",
    "lora_dropout": "drop",
    "per_device_train_batch_size": "batch",
    "gradient_accumulation_steps": "accum",
    "num_train_epochs": "epochs",
    "max_steps": "steps",
    "target_modules": "modules",
    "lr_scheduler_type": "schedule",
    "gradient_checkpointing": "ckpt",
    "use_rslora": "rslora",
    "max_length": "length",
    "weight_decay": "decay",
    "max_grad_norm": "clip",
}
"""Settings in the order they are shown, with their short headings; others follow under their own names."""

_CORE = ("r", "lora_alpha", "learning_rate", "warmup_ratio", "quantization")
_TIGHT = ("r", "learning_rate", "quantization")


def ordered_settings(params: Mapping[str, Any]) -> list[str]:
    """Names of the settings that are present and not None, in the order they are shown."""
    known = [name for name in SHORT_SETTINGS if name in params]
    return [name for name in [*known, *(n for n in params if n not in SHORT_SETTINGS)] if params[name] is not None]


def compact(params: Mapping[str, Any], *, tight: bool = False) -> str:
    """Settings on one line: ``r16 a32 lr 2e-4 wu .03 nf4``, the ``a`` being an alpha.

    `tight` keeps rank, learning rate and quantization.
    """
    names = [name for name in ordered_settings(params) if not tight or name in _TIGHT]
    return " ".join(_compact_one(name, params[name]) for name in names)


def _compact_one(name: str, value: Any) -> str:
    if name in ("r", "lora_alpha"):
        return f"{SHORT_SETTINGS[name]}{value}"
    if name == "quantization":
        return "no quant" if str(value) == "none" else str(value)
    short = "wu" if name == "warmup_ratio" else SHORT_SETTINGS.get(name, name)
    return f"{short} {setting(name, value)}"


def core_settings(params: Mapping[str, Any], searched: Mapping[str, str]) -> dict[str, Any]:
    """The settings worth a line: the five that matter most and whatever the space searches."""
    return {name: value for name, value in params.items() if name in _CORE or name in searched}


def encodable(text: str, encoding: str) -> str:
    """The text as a stream of that encoding can take it; signs with a plain spelling get it."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    return text

"""Context, workspace and fragmentation of a device, measured once by a short child process and remembered.

Owns the cache, and the words that say what was measured and what is assumed. Running the child and reading the driver is
`harness.guard.measuring`'s, what the numbers are for `harness.core.memory`'s. A measurement that fails never ends a sweep:
the profile is then the assumed one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.memory import DeviceProfile
from harness.guard.measuring import MeasureRun, Seen, look_at_child, unbelieved
from harness.guard.probe import MemoryProbe
from harness.trial.measure import MeasureAsk, StageFacts
from harness.trial.trial_dir import write_atomic

CACHE_VERSION = 1
PROGRAM = (sys.executable, "-m", "harness.trial.measure")
DRIVER_FILE = Path("/proc/driver/nvidia/version")
FRAGMENTATION_PERCENT = (2, 15)
"""Least and most that is believed: two layers hold few blocks, and one 2 MiB segment more or less weighs much in them."""
CONTEXT_BYTES = (48 << 20, 4 << 30)
"""Likewise: outside, the device's free memory moved for another reason."""
_PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes")
_SHAPE = (
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
)


@dataclass(frozen=True, slots=True)
class ProfileAsk:
    """What the profile is for.

    Attributes:
        config: The base model's config.json; None measures no fragmentation.
        compute_bytes: Of a weight that is not quantized: 2 or 4.
        environ: Of the child.
        device: ``cpu``, ``cuda`` or ``cuda:N`` as in the sweep file; any other word is what the probe watches.
        timeout_s: Seconds for the whole measurement.
        program: What is run; the folder of `harness.trial.measure`'s protocol is appended.
    """

    config: Mapping[str, Any] | None
    compute_bytes: int
    environ: Mapping[str, str]
    device: str = "auto"
    timeout_s: float = 120.0
    program: tuple[str, ...] = PROGRAM


@dataclass(frozen=True, slots=True)
class Measurement:
    """A profile and where its numbers come from.

    Attributes:
        profile: For `harness.core.memory.estimate_peak`.
        provenance: ``measured on NAME, driver X, torch Y on DATE`` or ``assumed: WHY``; for people and for the run's tags.
        measured: Whether the context is a measured one.
    """

    profile: DeviceProfile
    provenance: str
    measured: bool


def measured_profile(probe: MemoryProbe, ask: ProfileAsk, cache: Path) -> Measurement:
    """The profile of the device that a probe watches: remembered, else measured in a child process, else assumed.

    Args:
        probe: Turned to the child meanwhile; no trial may be running.
        ask: Model, dtype, environment.
        cache: The cache folder; one file a device, driver, set of packages, dtype and model shape.
    """
    driver = driver_version() if probe.kind == "cuda" else ""
    path = cache / "device" / f"{_key(probe, ask, driver)}.json"
    known = _read(path)
    if known is not None:
        return known
    try:
        found = _measure(probe, ask, driver)
    except (HarnessError, OSError, ValueError, TypeError) as error:  # the last two: an answer that is none
        why = error.why if isinstance(error, HarnessError) else str(error)
        return Measurement(_assumed(probe, ask), f"assumed: {' '.join(why.split())}", measured=False)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs half a minute at the next start
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"version": CACHE_VERSION, **asdict(found)}))
    return found


def driver_version(path: Path = DRIVER_FILE) -> str:
    """The kernel module's version; ``unknown`` where the driver has no such file (WSL2)."""
    try:
        found = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", path.read_text("utf-8", "replace"))
    except OSError:
        return "unknown"
    return found[0] if found else "unknown"


def version_of(package: str) -> str:
    """Of an installed package; ``absent`` where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _measure(probe: MemoryProbe, ask: ProfileAsk, driver: str) -> Measurement:
    """Run the child.

    Raises:
        HarnessError: with the reason, when there is nothing to believe.
    """
    config = None if ask.config is None else dict(ask.config)
    asked = MeasureAsk(_device(probe, ask), ask.compute_bytes, config)
    seen = look_at_child(probe, asked, MeasureRun(ask.program, ask.environ, ask.timeout_s))
    on = f"{probe.device_name}, driver {driver}" if driver else probe.device_name
    words = f"measured on {on}, torch {seen.ready.facts.torch} on {datetime.now(UTC):%Y-%m-%d}"
    if probe.kind == "cuda" and ask.config is not None and seen.trained is None:
        words += f"; fragmentation assumed: {seen.last_words}"
    return Measurement(_profile(probe, ask, seen), words, measured=True)


def _profile(probe: MemoryProbe, ask: ProfileAsk, seen: Seen) -> DeviceProfile:
    """The measured numbers over the assumed ones. The larger context counts: kernels are loaded when first used.

    Raises:
        HarnessError: if the context is no believable size.
    """
    looks = [look for look in (seen.ready, seen.trained) if look is not None]
    context = max(look.used_bytes - look.facts.reserved_bytes for look in looks)
    if not CONTEXT_BYTES[0] <= context <= CONTEXT_BYTES[1]:
        raise unbelieved(f"a context of {context} bytes cannot be: another process uses the device")
    profile = replace(_assumed(probe, ask), context_bytes=context)
    if probe.kind != "cuda":
        return profile
    profile = replace(profile, workspace_bytes=seen.ready.facts.allocated_bytes)
    if seen.trained is None:
        return profile
    percent = _fragmentation(seen.trained.facts)
    # The child trains without checkpointing; recomputing leaves no fewer holes, so the assumed figure stays the least there.
    recompute = max(percent, profile.recompute_fragmentation_percent)
    return replace(profile, fragmentation_percent=percent, recompute_fragmentation_percent=recompute)


def _fragmentation(facts: StageFacts) -> int:
    """What the caching allocator held above what was live, in percent, rounded up."""
    least, most = FRAGMENTATION_PERCENT
    live = max(1, facts.peak_allocated_bytes)
    return max(least, min(most, -(-(facts.peak_reserved_bytes - live) * 100 // live)))


def _assumed(probe: MemoryProbe, ask: ProfileAsk) -> DeviceProfile:
    return DeviceProfile.cuda(ask.compute_bytes) if probe.kind == "cuda" else DeviceProfile.host(ask.compute_bytes)


def _device(probe: MemoryProbe, ask: ProfileAsk) -> str:
    if probe.kind != "cuda":
        return "cpu"
    return ask.device if ask.device.startswith("cuda:") else "cuda:0"


def _key(probe: MemoryProbe, ask: ProfileAsk, driver: str) -> str:
    facts = [CACHE_VERSION, probe.kind, probe.device_name, driver, platform.python_version(), ask.compute_bytes]
    facts += [version_of(name) for name in _PACKAGES]
    if probe.kind == "cuda" and ask.config is not None:
        text = {**ask.config, **ask.config.get("text_config", {})}
        facts.append([text.get(name) for name in _SHAPE])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _read(path: Path) -> Measurement | None:
    """A remembered measurement; a damaged file, or one of another version, counts as none."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept.pop("version") != CACHE_VERSION:
            return None
        return Measurement(**{**kept, "profile": DeviceProfile(**kept["profile"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None

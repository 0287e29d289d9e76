"""Versions that a trace depends on."""

from __future__ import annotations

from importlib.metadata import version

from harness.tracer.request import TRACER_VERSION


def versions() -> dict[str, str]:
    """Of the packages whose code is traced, and of the tracer."""
    packages = {name: version(name) for name in ("torch", "transformers", "peft", "trl", "bitsandbytes")}
    return packages | {"tracer": str(TRACER_VERSION)}

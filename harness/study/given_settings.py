"""Settings as a person writes them on a command line, checked against the space before they are queued.

Owns the reading of ``name=value``. Queueing them is `harness.study.ledger.Ledger.enqueue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.config.space import Space
from harness.core.errors import HarnessError
from harness.study.places import holds
from harness.study.sampling import distributions


def given_settings(space: Space, texts: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value`` texts.

    Args:
        space: What is searched.
        texts: One setting each; settings that are left out will be proposed by the sampler.

    Raises:
        HarnessError: BAD_INPUT for none at all, an unknown parameter, one given twice, or a value that the space does not hold.
    """
    axes = distributions(space)
    given: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name not in axes or name in given:
            raise _not_a_setting(text, name, axes, twice=name in given)
        given[name] = _read(name, value, axes[name])
    if not given:
        raise HarnessError("no settings were given", why="nothing would be fixed", fix=f"give some of: {_forms(axes)}")
    return given


def _read(name: str, text: str, axis: BaseDistribution) -> Any:
    value = _value(text.strip(), axis)
    if value is None or not holds(axis, value):
        raise HarnessError(
            f"{name}={text} cannot be tried", why=f"space.{name} of the study is {describe(axis)}", fix="give a value of it"
        )
    return value


def _value(text: str, axis: BaseDistribution) -> Any:
    if isinstance(axis, CategoricalDistribution):
        return next((choice for choice in axis.choices if _spelled(choice) == text), None)
    try:
        number = float(text)
        return int(number) if isinstance(axis, IntDistribution) and number == int(number) else number
    except (ValueError, OverflowError):
        return None


def _spelled(choice: Any) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def describe(axis: BaseDistribution) -> str:
    """An axis for a person: ``8 to 64`` or ``none, int8, nf4``."""
    if isinstance(axis, CategoricalDistribution):
        return ", ".join(map(_spelled, axis.choices))
    if isinstance(axis, IntDistribution | FloatDistribution):
        step = f" in steps of {axis.step}" if axis.step not in (None, 1) else ""
        return f"{axis.low:g} to {axis.high:g}{step}"
    raise TypeError(f"no such distribution: {axis!r}")


def _not_a_setting(text: str, name: str, axes: dict[str, BaseDistribution], *, twice: bool) -> HarnessError:
    if twice:
        return HarnessError(f"{name} is given twice", why=f"the second is {text!r}", fix="give it once")
    if name in axes:
        return HarnessError(f"{text!r} is no setting", why="it has no '='", fix=f"write {name}=VALUE: {describe(axes[name])}")
    return HarnessError(
        f"{name} is not searched", why=f"the study searches {', '.join(axes)}", fix=f"give some of: {_forms(axes)}"
    )


def _forms(axes: dict[str, BaseDistribution]) -> str:
    return "; ".join(f"{name}=({describe(axis)})" for name, axis in axes.items())

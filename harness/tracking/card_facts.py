"""What a model card says, as values; and their form as JSON, so that a card can be written again from an adapter's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.core.measured import Measured


@dataclass(frozen=True, slots=True)
class Failure:
    """A test function whose suite was worth nothing.

    Attributes:
        function: Its id.
        verdict: What the scorer said, e.g. ``nothing_collected``.
        detail: Why, in words.
        wrote: What the model wrote, cut where it is long.
    """

    function: str
    verdict: str
    detail: str
    wrote: str


@dataclass(frozen=True, slots=True)
class Needs:
    """Memory and time as they were measured; None where they were not.

    Attributes:
        device: The machine's name for it.
        train_bytes: Peak of the training process on it (a GPU's, else resident memory).
        write_bytes: Peak of a process that writes suites with the adapter.
        write_batch: Suites it wrote together.
        train_s: Seconds of training.
    """

    device: str
    train_bytes: int | None = None
    write_bytes: int | None = None
    write_batch: int | None = None
    train_s: float | None = None


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that the card says.

    Attributes:
        title: Heading, e.g. the registered model's name.
        base_model: Public id of the base model, never a local path.
        base_revision: Hub revision, or None.
        license: SPDX identifier of the adapter, e.g. ``apache-2.0``.
        datasets: Where the functions come from.
        data_licence: SPDX expression of the data, or ``unknown``.
        counts: Split -> functions in it.
        test_functions: How many held-out functions were scored, n.
        tuned: Metric -> result of this adapter on them.
        untuned: Label (``untuned, zero-shot``) -> metric -> result on the same functions.
        of_ceiling: Metric -> its share of what the functions' own tests reach, 0-1.
        space: Searched setting -> its range, in words.
        settings: Effective hyper-parameters.
        chosen: How it was chosen: a text, or label -> value; empty leaves it out.
        failures: Test functions whose suites were worth nothing; some of `failed`.
        failed: How many of those there were; None where nobody counted.
        needs: Memory and time; None leaves them out.
        prompt: A whole prompt as the adapter was trained on, before the chat template; empty leaves it out.
        chat: The whole chat around it, system message and worked example included; empty is the prompt alone.
        style: ``chat``, or ``completion`` where the base's chat template is not used.
        prefill: How every answer begins: the caller writes it, in training and in use; empty leaves it out.
    """

    title: str
    base_model: str
    license: str
    datasets: tuple[str, ...]
    test_functions: int
    tuned: Mapping[str, Measured]
    untuned: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    base_revision: str | None = None
    prompt: str = ""
    prefill: str = ""
    data_licence: str = "unknown"
    counts: Mapping[str, int] = field(default_factory=dict)
    of_ceiling: Mapping[str, float] = field(default_factory=dict)
    space: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, Any] | str = ""
    failures: tuple[Failure, ...] = ()
    failed: int | None = None
    needs: Needs | None = None
    chat: tuple[Mapping[str, str], ...] = ()
    style: str = "chat"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CardFacts:
        """Inverse of `to_dict`; keys that it does not know are passed over.

        Raises:
            ValueError: if something is missing or of another form.
        """
        try:
            known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
            parts: dict[str, Any] = {
                "datasets": tuple(values["datasets"]),
                "tuned": _figures(values["tuned"]),
                "untuned": {label: _figures(column) for label, column in values.get("untuned", {}).items()},
                "failures": tuple(Failure(**failure) for failure in values.get("failures", ())),
                "needs": Needs(**values["needs"]) if values.get("needs") else None,
                "chat": tuple(values.get("chat", ())),
            }
            return cls(**{**known, **parts})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _figures(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Measured]:
    return {name: Measured(**figure) for name, figure in values.items()}

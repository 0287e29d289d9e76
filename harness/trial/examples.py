"""What a trial's prompts are made with: the template of its spec, and worked examples from the training files. Torch-free.

The choice of examples is `harness.core.prompts`' rule; here are only the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.prompt_template import Template
from harness.core.prompts import Message, choose_examples, example_for, messages
from harness.core.records import Record
from harness.files.record_files import iter_records
from harness.files.template_files import DEFAULT_TEMPLATE, load_template
from harness.trial.spec import TrialSpec
from harness.trial.trial_dir import PROMPT_FILE


@dataclass(frozen=True, slots=True)
class Wording:
    """How a trial asks.

    Attributes:
        template: The words.
        examples: Two worked examples, one of them where there are no two; empty where none is shown.
    """

    template: Template
    examples: tuple[Record, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping: ``template``, its ``digest``, ``examples``; `adapter_wording` reads it back."""
        shown = [example.to_dict() for example in self.examples]
        return {"template": self.template.to_dict(), "digest": self.template.digest, "examples": shown}

    def chat(self, record: Record) -> list[Message]:
        """The chat for a record. The only example there is, is asked about without one."""
        return messages(self.template, record, example_for(record, self.examples))


def wording_of(spec: TrialSpec) -> Wording:
    """How a trial asks: as its spec says, else as the adapter it writes with was trained, else with the default template.

    Raises:
        HarnessError: as `open_wording` and `adapter_wording`.
    """
    asked = spec.generate
    if spec.adapter and not asked.template and (trained_with := adapter_wording(Path(spec.adapter))):
        return trained_with
    return open_wording(asked.template, asked.example_files, asked.exclude_file, asked.shots)


def adapter_wording(folder: Path) -> Wording | None:
    """What an adapter was trained with; None for one that was made elsewhere.

    Raises:
        HarnessError: if the folder's prompt file is broken.
    """
    file = folder / PROMPT_FILE
    if not file.is_file():
        return None
    try:
        read = json.loads(file.read_text("utf-8"))
        return Wording(Template.from_dict(read["template"]), tuple(Record.from_dict(values) for values in read["examples"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "remove the file to ask with the default template, or name a template"
        raise HarnessError(f"{file}: not the prompt of an adapter", why=f"{type(error).__name__}: {error}", fix=fix) from error


def open_wording(template: Mapping[str, Any], files: Sequence[str], exclude_file: str | None, shots: int = 0) -> Wording:
    """The wording of a spec.

    Args:
        template: `Template.to_dict`; empty is the default template.
        files: What is trained on, for worked examples.
        exclude_file: Ids that are never shown; or None.
        shots: 1 asks for a worked example even where the template does not.

    Raises:
        HarnessError: if a worked example is wanted and no training function has tests.
    """
    words = template_of(template)
    if not (shots or words.example):
        return Wording(words)
    examples = worked_examples(map(Path, files), Path(exclude_file) if exclude_file else None)
    if not examples:
        raise HarnessError(
            "no worked example for the prompt",
            why=f"no function with oracle tests in {', '.join(files) or 'any training file: none was given'}",
            fix="give a data source whose training functions have tests, or a prompt template without an example",
        )
    return Wording(words, examples)


def template_of(values: Mapping[str, Any]) -> Template:
    """The template of a spec; the default one where it names none."""
    return Template.from_dict(values) if values else load_template(DEFAULT_TEMPLATE)


def read_ids(path: Path | None) -> frozenset[str]:
    """Ids, one a line; none without a file."""
    return frozenset() if path is None else frozenset(filter(None, path.read_text("utf-8").split("\n")))


def worked_examples(files: Iterable[Path], exclude_file: Path | None = None) -> tuple[Record, ...]:
    """At most two worked examples for the prompts of a trial; the same in training and in generation.

    Args:
        files: Those that are trained on, in order. Only their beginning is read.
        exclude_file: Ids that are not trained on, and so are not shown either.
    """
    excluded = read_ids(exclude_file)

    def usable() -> Iterator[Record]:
        for file in files:
            yield from (record for record in iter_records(file) if record.id not in excluded)

    return choose_examples(usable())

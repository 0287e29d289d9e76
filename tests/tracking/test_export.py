from __future__ import annotations

import ast
import json
import multiprocessing
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lineages import lineage

from harness.core.errors import ExitCode, HarnessError
from harness.files.adapter_files import CHECKSUMS_FILE, LINEAGE_FILE, SWEEP_FILE, read_lineage, read_record, verify
from harness.tracking import export
from harness.tracking.card import CardFacts, Failure, Needs, model_card
from harness.tracking.card_usage import FOLDER, literal
from harness.tracking.export import LICENCE_FILE, Provenance, export_adapter


def test_the_folder_is_ready_for_peft(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    out = export_adapter(adapter, tmp_path / "out" / "champion", card)
    assert {p.name for p in out.iterdir()} == {"adapter_model.safetensors", "adapter_config.json", "README.md", CHECKSUMS_FILE}
    verify(out)
    assert (out / "adapter_model.safetensors").read_bytes() == b"weights 1"
    config = json.loads((out / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": card.base_model, "peft_type": "LORA", "r": 8, "revision": None}
    assert "/home/someone" not in "".join(p.read_text() for p in out.glob("*.[jm]*"))
    assert [p.name for p in out.parent.iterdir()] == ["champion"]


def test_an_old_folder_is_replaced_whole(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    out = tmp_path / "champion"
    out.mkdir()
    (out / "leftover").write_text("old")
    export_adapter(adapter, out, card)
    assert not (out / "leftover").exists()
    assert (out / "README.md").exists()
    assert not list(tmp_path.glob(".champion*"))


def test_a_failed_export_leaves_the_old_one(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    out = tmp_path / "champion"
    export_adapter(adapter, out, card)
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(HarnessError, match="not a PEFT adapter") as caught:
        export_adapter(adapter, out, card)
    assert caught.value.code is ExitCode.NO_RESULT
    assert len(list(out.iterdir())) == 4


def test_a_place_that_cannot_be_written_is_a_storage_error(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError) as caught:
        export_adapter(adapter, tmp_path / "file" / "champion", card)
    assert caught.value.code is ExitCode.STORAGE


def _export_again_and_again(adapter: Path, out: Path, card: CardFacts) -> None:
    for _ in range(200):
        export_adapter(adapter, out, card)


def test_a_reader_never_sees_half_a_folder(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    out = export_adapter(adapter, tmp_path / "champion", card)
    writer = multiprocessing.get_context("fork").Process(target=_export_again_and_again, args=(adapter, out, card))
    writer.start()
    looks = 0
    while writer.is_alive():
        assert (out / "README.md").exists()
        looks += 1
    writer.join()
    assert writer.exitcode == 0
    assert looks > 10


def test_the_swap_works_where_names_cannot_be_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_RENAME_EXCHANGE", 1 << 30)  # a flag the kernel does not know: EINVAL
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    export._swap_in(tmp_path / "new", tmp_path / "old")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old" / "new").exists()


def test_the_card_says_what_was_measured(card: CardFacts) -> None:
    text = model_card(card)
    front = yaml.safe_load(text.split("---\n")[1])
    assert {k: front[k] for k in ("base_model", "library_name", "license")} == {
        "base_model": card.base_model,
        "library_name": "peft",
        "license": "apache-2.0",
    }
    assert front["metrics"] == ["pass_rate", "mutation_score"]
    assert "| pass_rate | 0.460 [0.350, 0.570] | 0.000 [0.000, 0.090] |" in text
    assert "| mutation_score | 0.200 | not measured |" in text
    assert "n = 41 held-out" in text
    assert "docstrings" in text
    assert program(text)


def program(card: str) -> str:
    """The program in a card; it parses."""
    found = re.search(r"````python\n(from .*?)\n````", card, re.DOTALL)
    assert found is not None
    ast.parse(found[1])
    return found[1]


def test_the_folder_says_where_it_comes_from(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    made = lineage()
    out = export_adapter(adapter, tmp_path / "champion", card, Provenance(made, '{"study": {}}\n', "the whole licence\n"))
    assert read_lineage(out) == made
    told = CardFacts.from_dict((read_record(out) or {})["card"])
    assert replace(told, settings=card.settings) == card
    assert told.settings == {"r": 16, "target_modules": ["q_proj", "v_proj"]}
    assert (out / LICENCE_FILE).read_text() == "the whole licence\n"
    assert (out / SWEEP_FILE).read_text() == '{"study": {}}\n'
    assert LINEAGE_FILE in (out / CHECKSUMS_FILE).read_text()
    verify(out)
    export_adapter(adapter, out, card, Provenance(made))
    assert "SPDX-License-Identifier: apache-2.0" in (out / LICENCE_FILE).read_text()
    assert not (out / SWEEP_FILE).exists()


def test_the_card_says_how_it_was_chosen_what_it_needs_and_where_it_fails(card: CardFacts) -> None:
    failure = Failure("HumanEval/12", "nothing_collected", "pytest finds no test", "def f():\n    ````\n")
    full = replace(
        card,
        chosen={"rule": "knee of the front", "candidates": ["trial 1", "trial 4"], "selection": {"pass_rate": 0.5}},
        of_ceiling={"pass_rate": 0.51},
        space={"r": "8 to 32, logarithmic"},
        failures=(failure,),
        failed=7,
        needs=Needs("NVIDIA H100", 3 << 30, 2 << 30, 8, 61.0),
        counts={"train": 97, "test": 41},
        data_licence="MIT",
    )
    text = model_card(full)
    assert "- selection: pass_rate 0.500" in text
    assert "- candidates: trial 1; trial 4" in text
    assert "| pass_rate | 0.460 [0.350, 0.570] | 0.000 [0.000, 0.090] | 0.510 |" in text
    assert "| mutation_score | 0.200 | not measured | - |" in text
    assert "| `r` | `16` | 8 to 32, logarithmic |" in text
    assert "Training took at most 3.0 GiB in 61 s." in text
    assert "Of 41 test functions 7 got a suite that is worth nothing." in text
    assert "`````text\ndef f():\n    ````\n`````" in text, "what a model wrote must not end its own fence"
    assert "97 train, 41 test" in text
    assert "licence MIT" in text
    assert "## How it was chosen" not in model_card(card)
    assert "by hand" in model_card(replace(card, chosen="by hand"))


def test_the_card_of_a_merged_model_asks_for_no_peft(card: CardFacts) -> None:
    text = model_card(replace(card, settings={"quantization": "nf4"}), merged=True)
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["library_name"], front["base_model_relation"]) == ("transformers", "finetune")
    assert "peft" not in program(text)
    assert FOLDER in program(text)
    assert "nf4, and merged into the unquantized one" in text


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_a_prompt_stands_in_the_program_as_it_is(text: str) -> None:
    for whole in (text, f"{text}\n```python\n{text}\n```"):
        assert ast.literal_eval(literal(whole)) == whole


def test_a_chat_of_several_messages_stands_whole_in_the_program(card: CardFacts) -> None:
    chat = ({"role": "system", "content": "You test."}, {"role": "user", "content": "line 1\nline '''2'''\n"})
    code = program(model_card(replace(card, chat=chat, style="completion")))
    assert "apply_chat_template" not in code
    values: dict[str, object] = {}
    exec(code[code.index("messages = [") : code.index("inputs = ")], values)
    assert values["messages"] == [*chat]
    assert values["text"] == "You test.\n\nline 1\nline '''2'''\n\n\n"

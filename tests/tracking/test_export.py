from __future__ import annotations

import ast
import json
import multiprocessing
import re
from pathlib import Path

import pytest
import yaml

from harness.core.errors import ExitCode, HarnessError
from harness.tracking import export
from harness.tracking.card import CardFacts, model_card
from harness.tracking.export import export_adapter


def test_the_folder_is_ready_for_peft(adapter: Path, card: CardFacts, tmp_path: Path) -> None:
    out = export_adapter(adapter, tmp_path / "out" / "champion", card)
    assert {p.name for p in out.iterdir()} == {"adapter_model.safetensors", "adapter_config.json", "README.md"}
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
    assert len(list(out.iterdir())) == 3


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
    example = re.search(r"````python\n(from peft.*?)````", text, re.DOTALL)
    assert example is not None
    ast.parse(example[1])

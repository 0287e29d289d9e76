"""An adapter after its sweep, on a tiny model: trained again bit by bit, passed on in both forms, and what can be gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_place import Place, stocked

from harness.core.errors import ExitCode, HarnessError
from harness.files.adapter_files import LINEAGE_FILE, WEIGHTS_FILE, read_lineage, verify, write_checksums
from harness.guard.supervise import StopSignal
from harness.sweep.pass_on import ExportAsked, export
from harness.sweep.paths import Paths
from harness.sweep.reproduce import ReproduceAsked, reproduce, reproduce_command
from harness.sweep.show import gather
from harness.sweep.watched import Around

pytestmark = pytest.mark.slow

COMPARE = """
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter, merged = sys.argv[1:]
ids = torch.tensor([list(range(2, 40))])
peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
whole = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).eval()
plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
AutoTokenizer.from_pretrained(merged)
with torch.inference_mode():
    a, b, c = (model(ids).logits for model in (peft, whole, plain))
print(json.dumps({"merged": (a - b).abs().max().item(), "untuned": (a - c).abs().max().item()}))
"""


class Shop:
    """A finished sweep, and the commands as functions."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.paths = Paths.at(place.folder / "mlruns")
        self.said: list[str] = []
        self.around = Around(dict(place.environ), StopSignal(), self.said.append)

    def export(self, given: str, out: Path, **asked: Any) -> Path:
        return export(ExportAsked(given, self.paths, out, **asked), self.around).out

    def reproduced(self, given: str, **asked: Any) -> Any:
        return reproduce(ReproduceAsked(given, self.paths, **asked), self.around)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, cache: Path, migrated: Path) -> Shop:
    """The trial that is promoted was paused at a rung and went on in a warm process."""
    place = Place(stocked(tmp_path_factory.mktemp("shop"), migrated), cache)
    model = place.folder / "model"
    shutil.copytree(tiny_model, model)
    training = {"r": 4, "max_steps": 4, "max_length": 512, "max_completion_tokens": 300, "learning_rate": 1e-2}
    rungs = {"rungs": [{"training": 0.5, "validation": 0}]}
    file = place.write("shop", model, training=training, halving=rungs)
    done = place.harness("sweep", str(file))
    assert done.returncode == ExitCode.OK, done.stderr
    forced = place.harness("promote", "shop", "--force")  # a tiny random model beats nobody
    assert forced.returncode == ExitCode.OK, forced.stderr
    return Shop(place)


@pytest.fixture(scope="module")
def exported(shop: Shop) -> Path:
    return shop.export("shop@champion", shop.place.folder / "exported")


def changed(exported: Path, to: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of an export that says something else of itself, with checksums that hold."""
    shutil.copytree(exported, to)
    record = json.loads((to / LINEAGE_FILE).read_text())
    change(record)
    (to / LINEAGE_FILE).write_text(json.dumps(record))
    write_checksums(to)
    return to


def test_a_paused_and_warm_trial_is_repeated_cold_to_the_last_bit(shop: Shop, exported: Path, tmp_path: Path) -> None:
    done = shop.reproduced(str(exported), out=tmp_path / "again")
    assert done.equal, done.to_dict()
    assert done.differs == ()
    assert (tmp_path / "again" / WEIGHTS_FILE).read_bytes() == (exported / WEIGHTS_FILE).read_bytes()
    verify(tmp_path / "again")


def test_what_is_not_as_it_was_is_refused_and_another_adapter_is_a_conflict(shop: Shop, exported: Path, tmp_path: Path) -> None:
    def aged(record: dict[str, Any]) -> None:
        record["versions"]["torch"] = "1.0"
        record["data"]["digests"]["train"] = "0" * 64
        record["seed"] += 1

    other = changed(exported, tmp_path / "other", aged)
    with pytest.raises(HarnessError, match="would not come out the same") as caught:
        shop.reproduced(str(other))
    assert caught.value.code is ExitCode.CONFLICT
    assert "torch: was 1.0" in caught.value.why
    assert "data: train: was 0000" in caught.value.why
    said: list[str] = []
    asked = ReproduceAsked(str(other), shop.paths, anyway=True)
    assert reproduce_command(asked, shop.around, said.append, as_json=True) is ExitCode.CONFLICT
    told = json.loads(said[0])
    assert not told["equal"]
    assert told["largest_difference"] > 0
    assert any(line.startswith("torch: was 1.0") for line in told["differs"])


def test_what_is_passed_on_names_no_place_of_this_machine_and_checks_out(shop: Shop, exported: Path) -> None:
    for name in ("README.md", "adapter_config.json"):
        assert str(shop.place.folder) not in (exported / name).read_text("utf-8")
    done = subprocess.run(["sha256sum", "-c", "checksums.sha256"], cwd=exported, capture_output=True, check=False)
    assert done.returncode == 0
    lineage = read_lineage(exported)
    assert lineage is not None
    assert (lineage.study, lineage.trial, lineage.machine.threads) == ("shop", 0, 1)
    assert "## Known failures" in (exported / "README.md").read_text("utf-8")
    shown = gather(str(exported), shop.paths, "", shop.place.environ)
    assert (str(shown.version), shown.broken) == ("shop/1", ())


def test_a_merged_model_computes_what_the_adapter_does(shop: Shop, exported: Path, tmp_path: Path) -> None:
    merged = shop.export(str(exported), tmp_path / "merged", merged=True)
    verify(merged)
    names = {path.name for path in merged.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "LICENSE", LINEAGE_FILE} <= names
    texts = [path.read_text("utf-8") for path in merged.iterdir() if path.name in ("README.md", "config.json")]
    assert not any(str(shop.place.folder) in text for text in texts)
    model = str(shop.place.folder / "model")
    argv = [sys.executable, "-c", COMPARE, model, str(exported), str(merged)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["merged"] < 1e-5
    assert found["untuned"] > 100 * found["merged"], "the adapter has to do something for this to mean anything"


def test_a_registered_name_is_evaluated(shop: Shop) -> None:
    arguments = ["--data", f"jsonl:{shop.place.data}", "--limit", "2", "--max-new-tokens", "8", "--mutants", "2"]
    base = ["--base", str(shop.place.folder / "model")]
    done = shop.place.harness("evaluate", "shop@champion", *arguments, *base)
    assert done.returncode == ExitCode.OK, done.stderr
    unknown = shop.place.harness("evaluate", "nobody@champion", *arguments)
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (ExitCode.BAD_INPUT, 3)


def test_a_base_model_that_is_gone_is_said_and_may_be_named(shop: Shop, exported: Path, tmp_path: Path) -> None:
    model = shop.place.folder / "model"
    aside = model.rename(tmp_path / "moved")
    try:
        for command in (lambda: shop.reproduced(str(exported)), lambda: shop.export(str(exported), tmp_path / "m", merged=True)):
            with pytest.raises(HarnessError, match="the base model") as caught:
                command()
            assert caught.value.code is ExitCode.ENVIRONMENT
            assert "--base" in caught.value.fix
        assert any("base model" in link for link in gather(str(exported), shop.paths, "", shop.place.environ).broken)
        assert not (tmp_path / "m").exists()
        shop.export(str(exported), tmp_path / "m", merged=True, base=str(aside), dtype="float16")
        config = json.loads((tmp_path / "m" / "config.json").read_text())
        assert config.get("dtype", config.get("torch_dtype")) == "float16"
    finally:
        aside.rename(model)


def test_a_study_that_is_gone_stops_only_what_needs_it(shop: Shop, exported: Path, tmp_path: Path) -> None:
    away = Paths(shop.paths.folder, f"sqlite:///{tmp_path}/study.db", shop.paths.tracking_uri)
    shown = gather(str(exported), away, "", shop.place.environ)
    assert any(link.startswith("study shop, trial 0: there is no study store") for link in shown.broken)
    assert shown.lineage is not None
    bare = tmp_path / "bare"
    shutil.copytree(exported, bare, ignore=shutil.ignore_patterns(LINEAGE_FILE, "checksums.sha256"))
    for out in (tmp_path / "one", tmp_path / "two"):
        with pytest.raises(HarnessError, match="does not say where it comes from") as caught:
            export(ExportAsked(str(bare), away, out), shop.around)
        assert (caught.value.code, out.exists()) == (ExitCode.BAD_INPUT, False)


def test_a_full_disk_leaves_nothing_half_written(shop: Shop, exported: Path, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace may be made here")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"{sys.executable} -m harness export {exported} --out {disk}/x; echo $?; ls -A {disk}"
    argv = ["unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=16k tmpfs {disk} && {command}"]
    where = {"cwd": shop.place.folder, "env": {**os.environ, **shop.place.environ}}
    done = subprocess.run(argv, **where, capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout.splitlines() == [str(int(ExitCode.STORAGE))], done.stderr
    assert "No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 3

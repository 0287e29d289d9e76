from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_configs import QWEN3_06B
from sweep_place import Place

from harness.config.load import load_config
from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.study.sampling import distributions
from harness.study.store import create_ledger, open_storage
from harness.sweep.paths import Paths
from harness.sweep.plan import PlanAsked, plan_command
from harness.trial.spec import ChildEnding, TrialResult

QWEN3 = {"architectures": ["Qwen3ForCausalLM"], **QWEN3_06B}
SPACE = {
    "r": {"low": 8, "high": 64, "log": True},
    "learning_rate": {"low": 1e-5, "high": 5e-4, "log": True},
    "quantization": {"choices": ["none", "int8", "nf4"]},
    "per_device_train_batch_size": {"choices": [1, 2, 4, 8]},
}
TRAINING = {"r": 16, "quantization": "nf4", "max_length": 2048, "gradient_checkpointing": True, "gradient_accumulation_steps": 8}
ASKED = PlanAsked(gpu="RTX 3050 4GB", as_json=True, samples=64)

Planner = Callable[..., dict[str, Any]]


def model_folder(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture
def loaded(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SweepConfig]:
    monkeypatch.chdir(place.folder)

    def load(config: dict[str, Any] | None = None, model: Path | None = None, **sections: Any) -> SweepConfig:
        model = model or model_folder(place.folder / "model", config or QWEN3)
        sections = {"space": SPACE, "training": TRAINING, "guard": {"device": "cuda", "budget": 0.92}} | sections
        file = place.write("asked", model, **sections)
        values = json.loads(file.read_text("utf-8"))
        del values["model"]["dtype"]
        file.write_text(json.dumps(values), "utf-8")
        return load_config(file)

    return load


@pytest.fixture
def environ(place: Place) -> dict[str, str]:
    return {**os.environ, **place.environ}


@pytest.fixture
def planned(loaded: Callable[..., SweepConfig], environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Planner:
    def plan(asked: PlanAsked = ASKED, *, code: ExitCode = ExitCode.OK, **sections: Any) -> dict[str, Any]:
        assert plan_command(loaded(**sections), "asked", asked, environ) == code
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    return plan


def test_a_card_that_is_not_here_can_be_planned_for(planned: Planner, place: Place) -> None:
    said = planned()
    assert said["device"] == "RTX 3050 4GB"
    assert 3.3 * 2**30 < said["budget_bytes"] < 3.7 * 2**30
    assert [e["label"] for e in said["extremes"]] == ["smallest", "trial 0", "largest"]
    smallest, default, largest = (e["estimate_bytes"] for e in said["extremes"])
    assert smallest <= said["estimate_bytes"]["smallest"] <= said["estimate_bytes"]["largest"] <= largest
    assert smallest <= default <= largest
    assert sum(s["count"] for s in said["shares"].values()) == 64
    assert {d["name"] for d in said["deciders"]} == {"r", "quantization", "per_device_train_batch_size"}
    assert sum(d["variance_share"] for d in said["deciders"]) > 0.8
    assert all(sum(e["terms"].values()) == e["estimate_bytes"] for e in said["extremes"])
    assert Path(said["plot"]).read_bytes().startswith(b"\x89PNG")
    assert Path(said["plot"]) == place.folder / "mlruns" / "plan-asked.png"


def test_nothing_is_started_or_stored(planned: Planner, place: Place) -> None:
    said = planned(replace(ASKED, plot=place.folder / "elsewhere.png"))
    assert said["plot"] == str(place.folder / "elsewhere.png")
    assert [file.name for file in (place.folder / "mlruns").iterdir()] == ["mlflow.db"], "it left something behind"


def test_the_same_seed_gives_the_same_plan(planned: Planner) -> None:
    assert planned() == planned()


def test_what_does_not_fit_is_shown_with_what_adapting_would_change(planned: Planner) -> None:
    said = planned(guard={"device": "cuda", "budget": "3GiB"})
    assert said["shares"]["adapted"]["count"] > 0
    assert said["on_risk"] == "prune"
    changed = {change["name"]: change for change in said["adapt_changes"]}
    assert changed["per_device_train_batch_size"]["count"] <= said["shares"]["adapted"]["count"]
    assert "->" in changed["per_device_train_batch_size"]["example"]


def test_more_memory_fits_more(planned: Planner) -> None:
    fits = [planned(replace(ASKED, gpu=gpu))["shares"]["fits"]["count"] for gpu in ("3GiB", "RTX 3050 4GB", "a10g")]
    assert fits == sorted(fits)
    assert fits[-1] == 64
    assert fits[0] < 64


def test_nothing_that_fits_is_an_exit_code_of_its_own(planned: Planner) -> None:
    said = planned(replace(ASKED, gpu="1GiB"), code=ExitCode.NO_MEMORY)
    assert said["shares"]["refused"]["count"] == 64


def test_a_budget_larger_than_the_card_is_said_and_capped(planned: Planner) -> None:
    said = planned(guard={"device": "cuda", "budget": "24GiB"})
    assert said["budget_bytes"] < 4 * 2**30
    assert any("24GiB is larger than RTX 3050 4GB" in note for note in said["notes"])


def test_a_size_alone_has_no_times(planned: Planner) -> None:
    said = planned(replace(ASKED, gpu="4GiB"))
    assert said["seconds"] is None
    assert "name a card" in said["seconds_basis"]


def test_times_come_from_the_data_sheet_until_trials_have_finished(planned: Planner) -> None:
    said = planned()
    assert "roofline of RTX 3050 4GB" in said["seconds_basis"]
    trial, sweep = said["seconds"]["trial"], said["seconds"]["sweep"]
    assert 0 < trial["low"] < trial["expected"] < trial["high"]
    assert sweep["expected"] > trial["low"]


def test_finished_trials_of_the_same_kind_scale_the_times(planned: Planner, loaded: Callable[..., SweepConfig]) -> None:
    before = planned()["seconds"]["trial"]["expected"]
    config = loaded()
    paths = Paths.of(config)
    ledger = create_ledger(open_storage(paths.study_url), "earlier", config)
    for device in ("NVIDIA GeForce RTX 3050 Laptop GPU", "NVIDIA A10G"):
        asked = ledger.ask(distributions(config.space), lambda past: {})
        assert asked is not None
        folder = paths.trial_dir("earlier", f"trial {asked.number}")
        folder.path.mkdir(parents=True)
        folder.write_result(TrialResult(ChildEnding.COMPLETED, "trained", facts={"device_name": device}))
        metrics = dict.fromkeys((objective.name for objective in config.objectives), 0.5)
        outcome = Outcome(Ending.COMPLETED, "trained", metrics)
        ledger.decide(asked.number, outcome)
        ledger.tell(asked.number, outcome, [o.name for o in config.objectives])
    said = planned()
    assert "measured: 1 finished trial of earlier" in said["seconds_basis"]
    assert said["seconds"]["trial"]["expected"] < before / 10  # the study above took milliseconds


def test_data_that_cannot_be_read_costs_the_times_alone(planned: Planner) -> None:
    said = planned(data={"source": "jsonl:nowhere.jsonl"})
    assert said["seconds"] is None
    assert any("nowhere.jsonl" in note for note in said["notes"])


def test_a_folder_without_weights_is_enough_and_says_so(planned: Planner) -> None:
    assert any("a sweep would stop: there are no weights in it" in note for note in planned()["notes"])


def test_rungs_are_said_to_shorten_the_time(planned: Planner) -> None:
    assert not any("halving.rungs" in note for note in planned()["notes"])
    said = planned(halving={"rungs": [{"training": 0.5, "validation": 0}]})
    assert any("halving.rungs" in note for note in said["notes"])


def test_an_estimate_that_is_switched_off_is_shown_all_the_same(planned: Planner) -> None:
    said = planned(guard={"device": "cuda", "budget": 0.92, "estimate": "off"})
    assert said["estimate_source"] == "formula"
    assert any("guard.estimate is off" in note for note in said["notes"])


@pytest.mark.parametrize("gpu", ["RTX 3051", "four", "0GiB"])
def test_an_unknown_card_is_refused_with_the_nearest(
    loaded: Callable[..., SweepConfig], environ: dict[str, str], gpu: str
) -> None:
    with pytest.raises(HarnessError) as caught:
        plan_command(loaded(), "asked", replace(ASKED, gpu=gpu), environ)
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "nearest" in caught.value.why


def test_a_missing_gpu_suggests_planning_for_another(loaded: Callable[..., SweepConfig], environ: dict[str, str]) -> None:
    with pytest.raises(HarnessError) as caught:
        plan_command(loaded(guard={"device": "cuda:77"}), "asked", replace(ASKED, gpu=None), environ)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert "--gpu" in caught.value.fix


@pytest.mark.parametrize("name", ["plan.foo", "blocked/plan.png"])
def test_a_plot_that_cannot_be_written_is_an_error_of_storage(
    loaded: Callable[..., SweepConfig], environ: dict[str, str], place: Place, name: str
) -> None:
    (place.folder / "blocked").write_text("a file", "utf-8")
    with pytest.raises(HarnessError) as caught:
        plan_command(loaded(), "asked", replace(ASKED, plot=place.folder / name), environ)
    assert caught.value.code is ExitCode.STORAGE


@pytest.mark.slow
def test_this_machine_can_be_planned_for(planned: Planner, tiny_model: Path) -> None:
    said = planned(PlanAsked(as_json=True, samples=16), model=tiny_model, guard={"device": "cpu", "budget": 0.5})
    assert "cores" in said["device"]
    assert any("context and fragmentation" in note for note in said["notes"])
    assert "roofline of" in said["seconds_basis"]


@pytest.mark.slow
def test_an_architecture_without_a_formula_is_traced_three_times(planned: Planner) -> None:
    small = QWEN3 | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512, "head_dim": 16}
    config = {**small, "model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"]}
    said = planned(config=config, training=TRAINING | {"max_length": 256, "r": 8})  # trial 0 is the smallest: one trace less
    assert said["estimate_source"] == "tracer"
    assert said["shares"] is None
    smallest, default, largest = (e["proposal"] for e in said["extremes"])
    assert (smallest["quantization"], smallest["r"], smallest["learning_rate"]) == ("nf4", 8, default["learning_rate"])
    assert (largest["quantization"], largest["r"], largest["per_device_train_batch_size"]) == ("none", 64, 8)
    assert Path(said["plot"]).exists()
    assert any("no formula" in note for note in said["notes"])

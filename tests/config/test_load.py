"""Every shipped file loads; every kind of wrong file is named by line, field, cause and mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.load import load_config
from harness.config.sweep_config import SweepConfig, json_schema
from harness.core.errors import ExitCode, HarnessError
from harness.core.params import Quantization, TrialParams

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
model: {name: some/model}
data: {source: human-eval}
space:
  r: {low: 8, high: 64, log: true}
  learning_rate: {low: 1e-5, high: 5e-4, log: true}
  quantization: {choices: [none, nf4]}
training:
  r: 16
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("path", sorted((ROOT / "search_spaces").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_file_loads_and_round_trips(path: Path) -> None:
    config = load_config(path)
    assert SweepConfig.model_validate_json(config.to_json()) == config
    assert set(config.default_proposal()) == set(config.space.axes())


@pytest.mark.parametrize("name", ["qwen3-0.6b-4gb", "qwen2.5-coder-7b-24gb"])
def test_gpu_spaces_stay_inside_the_ranges_people_start_from(name: str) -> None:
    config = load_config(ROOT / "search_spaces" / f"{name}.yaml")
    axes = config.space.model_dump(exclude_none=True)
    assert (axes["r"]["low"], axes["r"]["high"]) == (8, 64)
    assert (axes["learning_rate"]["low"], axes["learning_rate"]["high"], axes["learning_rate"]["log"]) == (1e-5, 5e-4, True)
    assert (axes["warmup_ratio"]["low"], axes["warmup_ratio"]["high"]) == (0.0, 0.1)
    assert set(axes["quantization"]["choices"]) == set(Quantization)
    assert config.training.gradient_checkpointing
    assert config.training.max_length == 2048


def test_yaml_reads_numbers_without_a_dot(tmp_path: Path) -> None:
    axis = load_config(write(tmp_path, GOOD)).space.learning_rate
    assert axis is not None
    assert axis.model_dump()["low"] == 1e-5


WRONG = [
    ("high: 5e-4", "hgh: 5e-4", 5, "space.learning_rate.hgh", "did you mean 'high'?"),
    ("low: 8", "low: 80", 4, "space.r", "change the value"),
    ("low: 8", "low: eight", 4, "space.r.low", "change the value"),
    ("low: 8", "low: 0", 4, "space.r", "change the value"),
    ("nf4", "nf5", 6, "space.quantization.choices.1", "did you mean 'nf4'?"),
    ("training", "trainng", 7, "trainng", "did you mean 'training'?"),
    ("r: 16", "r: 128", 8, "training.r", "change the value"),
    ("name: some", "nme: some", 1, "model.nme", "did you mean 'name'?"),
    ("training:\n  r: 16", "objectives:\n- {name: pas_rate}", 8, "objectives.0.name", "did you mean 'pass_rate'?"),
    ("training:\n  r: 16", "guard: {budget: 3.5GB}", 7, "guard.budget", "did you mean 'GiB'?"),
    ("source: human-eval", "source: []", 2, "data.source", "change the value"),
    ("source: human-eval", "source: human-eval, batches: new", 2, "data", "change the value"),
    ("source: human-eval", "limits: {}", 2, "data", "change the value"),
    ("source: human-eval", "source: human-eval, merge: true", 2, "data", "change the value"),
    ("source: human-eval", "source: human-eval, near_duplicates: 0.2", 2, "data.near_duplicates", "change the value"),
    ("training:\n  r: 16", "study: {enqueue: [{r: 7}]}", 7, "study.enqueue.0.r", "change the value"),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "fix"), WRONG, ids=[w[3] + " " + w[1][:12] for w in WRONG])
def test_a_wrong_file_names_line_field_and_mend(tmp_path: Path, old: str, new: str, line: int, field: str, fix: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(HarnessError) as caught:
        load_config(path)
    assert caught.value.what.startswith(f"{path}:{line}: {field}: ")
    assert fix in caught.value.fix
    assert caught.value.code is ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {name: x", "not valid YAML"),
        (GOOD + "model: {name: y}\n", "not valid YAML"),
        ("- 1\n", "not a sweep file"),
        ("", "not a sweep file"),
        (GOOD.replace("space:\n", "space: {}\nx:\n"), "x: unknown field"),
    ],
)
def test_files_that_are_no_sweep_at_all(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HarnessError, match=said):
        load_config(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "sources"),
    [("source: human-eval", ("human-eval",)), ("source: [a, 'hf:b']", ("a", "hf:b")), ("batches: weekly", ())],
)
def test_data_comes_from_one_source_or_several_or_batches(tmp_path: Path, text: str, sources: tuple[str, ...]) -> None:
    config = load_config(write(tmp_path, GOOD.replace("source: human-eval", text)))
    assert config.data.sources == sources
    assert SweepConfig.model_validate_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: human-eval", "source: []", "2: data.source: found []: a source, or a list of sources, is needed"),
        ("source: human-eval", "source: 5", "2: data.source: found 5: a source, or a list of sources, is needed"),
        ("source: human-eval", "source: {a: b}", "2: data.source: a source, or a list of sources, is needed"),
        ("source: human-eval", "source: [a, 5]", "2: data.source.1: found 5: a source, or a list of sources, is needed"),
        ("source: human-eval", "source: [a, '']", "2: data.source.1: found '': a source, or a list of sources, is needed"),
        ("{source: human-eval}", "\n  source:\n  - a\n  - 5", "5: data.source.1: found 5: a source, or a list of sources"),
        ("source: human-eval", "batches: b, holdout: []", "2: data.holdout: found []: a source, or a list of sources, is needed"),
        ("r: 16", "target_modules: [q_proj, 5]", "8: training.target_modules.1: found 5: all-linear, or a list of names"),
        ("name: some/model", "name: [some/model]", "1: model.name: Input should be a valid string"),
    ],
)
def test_what_is_wrong_in_a_list_is_said_of_its_element(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(HarnessError) as caught:
        load_config(path)
    assert f"{caught.value.what.removeprefix(f'{path}:')}: {caught.value.why}".replace("not a valid value: ", "").startswith(said)


@pytest.mark.parametrize(
    ("asked", "field", "fix"),
    [
        ("training: {prompt_template: chat-functoin}", "training.prompt_template", "did you mean 'chat-function'?"),
        ("training: {prompt_template: nope}", "training.prompt_template", "your own template is named by its path"),
        ("space: {prompt_template: {choices: [chat-function, nope]}}", "space.prompt_template.choices.1", "your own template"),
    ],
)
def test_a_template_that_is_not_there_gets_a_name_that_is(tmp_path: Path, asked: str, field: str, fix: str) -> None:
    head = "model: {name: x}\ndata: {source: human-eval}\n" + ("" if "space" in asked else "space: {r: {low: 8, high: 64}}\n")
    path = write(tmp_path, head + asked)
    with pytest.raises(HarnessError) as caught:
        load_config(path)
    assert caught.value.what.partition(": ")[2].startswith(f"{field}: no prompt template is called '")
    assert caught.value.fix.startswith(fix)
    assert caught.value.code is ExitCode.BAD_INPUT


def test_what_is_wrong_with_a_template_is_said_with_its_own_field_and_mend(tmp_path: Path) -> None:
    words = tmp_path / "words.yaml"
    words.write_text("name: a\nversion: 1\nstyle: chat\nuser: '{% for i in source %}{{ i }}{% endfor %}'\n")
    path = write(tmp_path, GOOD.replace("r: 16", f"prompt_template: {words}"))
    with pytest.raises(HarnessError) as caught:
        load_config(path)
    assert caught.value.what == f"{path}:8: training.prompt_template: {words}:4: user: not a usable prompt template"
    assert "a loop is refused" in caught.value.why
    assert "if, set" in caught.value.fix


def test_an_empty_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        load_config(write(tmp_path, "model: {name: x}\ndata: {source: human-eval}\nspace: {}\n"))
    assert "the space is empty" in caught.value.why


def test_a_missing_file_lists_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(HarnessError) as caught:
        load_config(tmp_path / "spce.yaml")
    assert "space.yaml" in caught.value.fix


def test_identity_ignores_what_does_not_change_a_figure(tmp_path: Path) -> None:
    plain = load_config(write(tmp_path, GOOD))
    longer = load_config(write(tmp_path, GOOD + "study: {n_trials: 99}\nguard: {budget: 0.5}\n"))
    other = load_config(write(tmp_path, GOOD + "evaluation: {mutants_per_function: 3}\n"))
    assert plain.identity() == longer.identity() != other.identity()


def test_the_schema_knows_every_section() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(SweepConfig.model_fields)
    json.dumps(schema)


@given(
    r=st.integers(1, 256),
    rate=st.floats(1e-6, 1e-1),
    quantization=st.sampled_from(list(Quantization)),
    modules=st.sampled_from(["all-linear", "q_proj,v_proj", ["q_proj", "k_proj"]]),
)
def test_params_survive_their_own_dictionary(r: int, rate: float, quantization: Quantization, modules: str | list[str]) -> None:
    params = TrialParams().merged({"r": r, "learning_rate": rate, "quantization": quantization.value, "target_modules": modules})
    assert TrialParams.from_dict(json.loads(json.dumps(params.to_dict()))) == params
    assert params.scaling_alpha == 2 * r

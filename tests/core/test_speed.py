from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_configs import SMOLLM2

from harness.core.gpus import CARDS, find_gpu
from harness.core.model_shape import ModelShape
from harness.core.params import Quantization, TrialParams
from harness.core.speed import Lesson, Machine, Seconds, Work, optimizer_steps, trial_seconds, untuned_seconds, with_learned
from harness.core.workload import LossPath, Workload, Writing

SMALL = ModelShape.from_config(SMOLLM2)
WORK = Work(examples=98, prompt_tokens=220, answer_tokens=90, suites=24)
WORKLOAD = Workload(TrialParams(per_device_train_batch_size=2, max_length=512), writing=Writing(8, 512, 64))
T4 = Machine.of_gpu(find_gpu("t4"))


def seconds(workload: Workload, machine: Machine = T4, work: Work = WORK) -> float:
    return trial_seconds(SMALL, workload, work, machine).expected


def of_params(**changes: object) -> float:
    return seconds(WORKLOAD.with_params(**changes))


@given(
    st.integers(1, 64),
    st.integers(1, 512),
    st.sampled_from(Quantization),
    st.sampled_from([Machine.of_gpu(card) for card in CARDS] + [Machine.of_host(4, 2)]),
)
def test_more_work_never_takes_less_time(r: int, suites: int, quantization: Quantization, machine: Machine) -> None:
    workload = WORKLOAD.with_params(r=r, quantization=quantization)
    here = seconds(workload, machine, replace(WORK, suites=suites))
    assert seconds(workload.with_params(r=2 * r), machine, replace(WORK, suites=suites)) >= here
    assert seconds(workload, machine, replace(WORK, suites=suites + 1)) > here
    assert seconds(workload.with_params(num_train_epochs=2.0), machine, replace(WORK, suites=suites)) > here
    assert seconds(workload.with_params(gradient_checkpointing=True), machine, replace(WORK, suites=suites)) > here


def test_the_range_holds_the_expectation() -> None:
    found = trial_seconds(SMALL, WORKLOAD, WORK, T4)
    assert found.low < found.expected < found.high
    assert found.high / found.expected == pytest.approx(T4.spread)
    assert found.times(3) == Seconds(3 * found.low, 3 * found.expected, 3 * found.high)


def test_a_faster_card_is_faster_until_launches_bound_it() -> None:
    slow, fast = (Machine.of_gpu(find_gpu(name)) for name in ("rtx 3050 4gb", "h100"))
    assert seconds(WORKLOAD, fast) < seconds(WORKLOAD, slow)
    endless = replace(fast, flops_per_s=1e30, bytes_per_s=1e30)
    assert seconds(WORKLOAD, endless) > 49 * 2 * 30 * endless.launch_s


def test_accumulation_keeps_the_time_but_for_launches() -> None:
    host = replace(Machine.of_host(2, 4), launch_s=0.0)
    whole = WORKLOAD.with_params(per_device_train_batch_size=8, gradient_accumulation_steps=1, max_steps=10)
    halved = whole.with_params(per_device_train_batch_size=4, gradient_accumulation_steps=2)
    assert seconds(halved, host) == pytest.approx(seconds(whole, host), rel=0.05)
    assert seconds(halved, Machine.of_host(2, 4)) > seconds(whole, Machine.of_host(2, 4))


def test_the_logits_of_the_completion_alone_cost_less() -> None:
    assert seconds(replace(WORKLOAD, loss_path=LossPath.COMPLETION)) < seconds(WORKLOAD)


def test_offloaded_layers_are_copied_in_for_every_pass() -> None:
    offloaded = seconds(replace(WORKLOAD, offloaded_layers=30)) - seconds(WORKLOAD)
    passes = 49 * 2 + 3 * (1 + 64 * 0.75)
    assert offloaded == pytest.approx(passes * 2 * SMALL.linear_parameters / 12e9, rel=0.01)


def test_untuned_is_the_trial_without_training() -> None:
    untuned = untuned_seconds(SMALL, WORKLOAD, WORK, T4).expected
    assert 0 < untuned < seconds(WORKLOAD)
    assert of_params(num_train_epochs=3.0) - untuned == pytest.approx(3 * (seconds(WORKLOAD) - untuned), rel=0.05)
    assert untuned_seconds(SMALL, replace(WORKLOAD, writing=None), WORK, T4).expected < untuned


@pytest.mark.parametrize(
    ("batch", "accumulation", "epochs", "max_steps", "steps"),
    [(2, 1, 1.0, -1, 49), (4, 8, 2.0, -1, 8), (1, 1, 0.001, -1, 1), (4, 2, 3.0, 7, 7), (200, 1, 1.5, -1, 2)],
)
def test_optimizer_steps_are_those_of_transformers(
    batch: int, accumulation: int, epochs: float, max_steps: int, steps: int
) -> None:
    params = TrialParams(
        per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation, num_train_epochs=epochs, max_steps=max_steps
    )
    assert optimizer_steps(params, 98) == steps


# SmolLM2-135M on two cores of one server processor, bf16: a step of 2 x 256 tokens took 1.5 s; a token of 8 suites 0.118 s.
def test_what_was_measured_on_a_host_lies_in_its_range() -> None:
    machine, work = Machine.of_host(2, 2), Work(examples=2, prompt_tokens=200, answer_tokens=56, suites=0)
    one, eleven = (seconds(WORKLOAD.with_params(max_steps=n), machine, work) for n in (1, 11))
    assert 1.5 / machine.spread < (eleven - one) / 10 < 1.5 * machine.spread
    tokens = [
        untuned_seconds(SMALL, replace(WORKLOAD, writing=Writing(8, 64, n)), replace(WORK, suites=8), machine) for n in (4, 404)
    ]
    token = (tokens[1].expected - tokens[0].expected) / 400
    assert 0.118 / machine.spread < token < 0.118 * machine.spread


@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=20))
def test_finished_trials_move_the_expectation_and_span_the_range(ratios: list[float]) -> None:
    lesson = Lesson.of(ratios, "trials")
    moved = with_learned(Seconds(1.0, 10.0, 100.0), lesson)
    assert moved.expected == pytest.approx(10 * lesson.factor)
    assert all(moved.low * 0.999 <= 10 * ratio <= moved.high * 1.001 for ratio in ratios)
    assert lesson.spread >= 1.25

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_configs import QWEN3_06B

from harness.core.admission import Adapt, Admit, Budget, Reject, Step, admit
from harness.core.ladder import PAGED_OPTIMIZER, Judge, adapt, differences
from harness.core.memory import DeviceProfile, MemoryEstimate, estimate_peak
from harness.core.model_shape import ModelShape
from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload

LAYERS = 24
MIB = 1 << 20
QWEN = ModelShape.from_config(QWEN3_06B)


def size(workload: Workload) -> int:
    """A made-up peak in which every rung saves something: what the ladder does must not depend on the formula."""
    params = workload.params
    batch = params.per_device_train_batch_size
    activations = batch * (30 if params.gradient_checkpointing else 100)
    loss = batch * {LossPath.LOGITS: 60, LossPath.FUSED: 10, LossPath.COMPLETION: 5}[workload.loss_path]
    optimizer = 20 if params.optim == PAGED_OPTIMIZER else 60
    weights = {Quantization.NONE: 20, Quantization.INT8: 10, Quantization.NF4: 5}[params.quantization] * (
        LAYERS - workload.offloaded_layers
    )
    return activations + loss + optimizer + weights


def within(budget: int) -> Judge:
    return lambda workload: admit(
        MemoryEstimate((("all", size(workload)),), size(workload), "loss"), Budget(budget, 10**6, "test")
    )


def proposal(batch: int = 8, *, loss_path: LossPath = LossPath.LOGITS, **params: object) -> Workload:
    return Workload(TrialParams(per_device_train_batch_size=batch, gradient_accumulation_steps=4), loss_path).with_params(
        **params
    )


def words(found: Adapt | Reject) -> tuple[str, ...]:
    assert isinstance(found, Adapt)
    return tuple(map(str, found.steps))


def test_what_fits_is_left_alone() -> None:
    found = adapt(proposal(), within(10_000), "cuda", LAYERS)
    assert isinstance(found, Adapt)
    assert (found.workload, found.steps) == (proposal(), ())
    assert found.headroom_bytes == 10_000 - size(proposal())


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (1200, ("per_device_train_batch_size 8 -> 4", "gradient_accumulation_steps 4 -> 8")),
        (700, ("per_device_train_batch_size 8 -> 1", "gradient_accumulation_steps 4 -> 32")),
        (
            640,
            ("per_device_train_batch_size 8 -> 1", "gradient_accumulation_steps 4 -> 32", "gradient_checkpointing false -> true"),
        ),
        (
            590,
            ("per_device_train_batch_size 8 -> 1", "gradient_accumulation_steps 4 -> 32", "gradient_checkpointing false -> true",
             "loss_path logits -> fused"),
        ),
        (
            550,
            ("optim adamw_torch -> paged_adamw_8bit", "per_device_train_batch_size 8 -> 1", "gradient_accumulation_steps 4 -> 32",
             "gradient_checkpointing false -> true", "loss_path logits -> fused"),
        ),
        (
            500,
            ("optim adamw_torch -> paged_adamw_8bit", "per_device_train_batch_size 8 -> 1", "gradient_accumulation_steps 4 -> 32",
             "gradient_checkpointing false -> true", "loss_path logits -> fused", "offloaded_layers 0 -> 2"),
        ),
    ],
)  # fmt: skip
def test_rungs_come_in_order_and_only_as_far_as_needed(budget: int, expected: tuple[str, ...]) -> None:
    assert words(adapt(proposal(), within(budget), "cuda", LAYERS)) == expected


def test_what_a_later_rung_makes_unnecessary_is_taken_back() -> None:
    # 8 x 2 examples: neither smaller batches (at 1: 720) nor checkpointing suffice alone, but with it a batch of 2 does.
    found = adapt(proposal(loss_path=LossPath.FUSED), within(640), "cuda", LAYERS)
    assert words(found) == (
        "per_device_train_batch_size 8 -> 2",
        "gradient_accumulation_steps 4 -> 16",
        "gradient_checkpointing false -> true",
    )


@pytest.mark.parametrize(("batch", "expected"), [(6, 3), (9, 3), (5, 1), (7, 1), (12, 6)])
def test_odd_batches_go_to_their_largest_divisor(batch: int, expected: int) -> None:
    budget = size(proposal(expected))
    found = adapt(proposal(batch), within(budget), "cuda", LAYERS)
    assert isinstance(found, Adapt)
    assert found.workload.params.per_device_train_batch_size == expected
    assert found.workload.params.effective_batch == 4 * batch


def test_when_nothing_suffices_the_reason_is_that_of_the_smallest_and_what_was_tried() -> None:
    found = adapt(proposal(2), within(10), "cuda", LAYERS)
    assert isinstance(found, Reject)
    assert found.constraint == pytest.approx(60 / 10 - 1)
    assert found.reason.endswith(
        "; smallest tried: optim adamw_torch -> paged_adamw_8bit, per_device_train_batch_size 2 -> 1,"
        " gradient_accumulation_steps 4 -> 8, gradient_checkpointing false -> true, loss_path logits -> fused,"
        " offloaded_layers 0 -> 24"
    )
    assert "\n" not in found.reason


def test_where_nothing_can_be_tried_the_rejection_is_the_plain_one() -> None:
    smallest = proposal(1, loss_path=LossPath.COMPLETION, gradient_checkpointing=True)
    assert adapt(smallest, within(10), "host", LAYERS) == within(10)(smallest)


def test_on_the_host_the_loss_of_the_labelled_positions_is_the_saving_one_and_cuda_rungs_are_left_out() -> None:
    found = adapt(proposal(1, gradient_checkpointing=True), within(600), "host", LAYERS)
    assert words(found) == ("loss_path logits -> completion",)
    assert isinstance(adapt(proposal(1, gradient_checkpointing=True), within(570), "host", LAYERS), Reject)


def test_quantized_layers_are_not_offloaded() -> None:
    refused = adapt(proposal(1, quantization=Quantization.NF4), within(100), "cuda", LAYERS)
    assert isinstance(refused, Reject)
    assert "offloaded" not in refused.reason


@pytest.mark.parametrize(
    ("optim", "changed"), [("adamw_torch_fused", True), ("adamw_bnb_8bit", True), ("sgd", False), ("adafactor", False)]
)
def test_only_adam_becomes_paged_adam(optim: str, changed: bool) -> None:
    found = adapt(proposal(1, optim=optim), within(10), "cuda", LAYERS)
    assert isinstance(found, Reject)
    assert (f"optim {optim} -> {PAGED_OPTIMIZER}" in found.reason) == changed


def test_a_rung_that_raises_the_peak_is_not_taken() -> None:
    def judge(workload: Workload) -> Admit | Reject:
        longer = 100 if workload.loss_path is LossPath.COMPLETION else 0
        total = workload.params.per_device_train_batch_size * 100 + longer
        return admit(MemoryEstimate((("all", total),), total, "loss"), Budget(50, 100, "test"))

    found = adapt(proposal(2, gradient_checkpointing=True), judge, "host", LAYERS)
    assert isinstance(found, Reject)
    assert "loss_path" not in found.reason


def test_a_rung_that_helps_only_together_with_a_later_one_is_found() -> None:
    def judge(workload: Workload) -> Admit | Reject:
        backward = 50 if workload.params.gradient_checkpointing else 100
        loss = 60 if workload.loss_path is LossPath.FUSED else 200
        return admit(MemoryEstimate((("all", max(backward, loss)),), max(backward, loss), "loss"), Budget(70, 100, "test"))

    expected = ("gradient_checkpointing false -> true", "loss_path logits -> fused")
    assert words(adapt(proposal(1), judge, "cuda", LAYERS)) == expected


def test_a_change_is_named_by_field_and_both_values() -> None:
    steps = differences(proposal(4), replace(proposal(2), offloaded_layers=3))
    assert steps == (Step("per_device_train_batch_size", "4", "2"), Step("offloaded_layers", "0", "3"))


WORKLOADS = st.builds(
    proposal,
    batch=st.integers(1, 16),
    loss_path=st.sampled_from(list(LossPath)),
    gradient_checkpointing=st.booleans(),
    quantization=st.sampled_from(list(Quantization)),
    gradient_accumulation_steps=st.integers(1, 8),
    optim=st.sampled_from(["adamw_torch", "sgd", PAGED_OPTIMIZER]),
)
KINDS = st.sampled_from(["cuda", "host"])


@given(workload=WORKLOADS, budget=st.integers(1, 3000), kind=KINDS)
def test_the_result_fits_with_the_same_effective_batch_and_is_left_alone_the_second_time(
    workload: Workload, budget: int, kind: str
) -> None:
    found = adapt(workload, within(budget), kind, LAYERS)
    if isinstance(found, Reject):
        assert isinstance(within(budget)(workload), Reject)
        return
    assert size(found.workload) + found.headroom_bytes == budget
    assert found.workload.params.effective_batch == workload.params.effective_batch
    assert adapt(found.workload, within(budget), kind, LAYERS) == replace(found, steps=())


@given(workload=WORKLOADS, budget=st.integers(1, 3000), kind=KINDS)
def test_no_step_can_be_taken_back(workload: Workload, budget: int, kind: str) -> None:
    found = adapt(workload, within(budget), kind, LAYERS)
    if isinstance(found, Adapt):
        for less in _one_step_less(workload, found.workload):
            assert isinstance(within(budget)(less), Reject)


def _one_step_less(was: Workload, now: Workload) -> list[Workload]:
    """Each changed setting back at its proposed value, the others kept; offloading by one layer."""
    back: list[Workload] = []
    for name in ("gradient_checkpointing", "optim"):
        if getattr(was.params, name) != getattr(now.params, name) and not (name != "optim" and now.offloaded_layers):
            back.append(now.with_params(**{name: getattr(was.params, name)}))
    if was.loss_path != now.loss_path:
        back.append(replace(now, loss_path=was.loss_path))
    if was.params.per_device_train_batch_size != now.params.per_device_train_batch_size:
        batch = was.params.per_device_train_batch_size
        back.append(
            now.with_params(per_device_train_batch_size=batch, gradient_accumulation_steps=was.params.gradient_accumulation_steps)
        )
    if now.offloaded_layers:
        back.append(replace(now, offloaded_layers=now.offloaded_layers - 1))
    return back


@given(answers=st.lists(st.booleans(), min_size=1, max_size=40), workload=WORKLOADS, kind=KINDS)
def test_even_a_judge_without_rhyme_or_reason_gets_only_what_it_admitted(
    answers: list[bool], workload: Workload, kind: str
) -> None:
    given_answers: dict[Workload, Admit | Reject] = {}

    def judge(asked: Workload) -> Admit | Reject:
        answer: Admit | Reject = (
            Admit(1, -0.1) if answers[len(given_answers) % len(answers)] else Reject("no", 1 / (2 + len(given_answers)))
        )
        return given_answers.setdefault(asked, answer)

    found = adapt(workload, judge, kind, LAYERS)
    if isinstance(found, Adapt):
        assert isinstance(given_answers[found.workload], Admit)


@given(batch=st.integers(1, 16), length=st.sampled_from([512, 2048, 4096]), budget=st.integers(1500, 9000))
def test_with_the_real_estimate_the_result_fits(batch: int, length: int, budget: int) -> None:
    judge: Callable[[Workload], Admit | Reject] = lambda asked: admit(  # noqa: E731
        estimate_peak(QWEN, asked, DeviceProfile.cuda()), Budget(budget * MIB, budget * MIB, "test")
    )
    found = adapt(proposal(batch, max_length=length), judge, "cuda", QWEN.num_hidden_layers)
    if isinstance(found, Adapt):
        assert estimate_peak(QWEN, found.workload, DeviceProfile.cuda()).total_bytes <= budget * MIB
        assert found.workload.params.effective_batch == 4 * batch

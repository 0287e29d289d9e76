"""Requests and answers on the wire: nothing gets lost, and nothing shares a key that should not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload, Writing
from harness.tracer import request as wire
from harness.tracer.request import Traced, TraceRequest

counts = st.integers(1, 4096)
params = st.builds(
    TrialParams,
    r=counts,
    quantization=st.sampled_from(Quantization),
    target_modules=st.sampled_from(["all-linear", ("q_proj", "v_proj")]),
    max_length=counts,
    gradient_checkpointing=st.booleans(),
)
workloads = st.builds(
    Workload,
    params=params,
    loss_path=st.sampled_from(LossPath),
    attn_implementation=st.sampled_from(["sdpa", "eager"]),
    offloaded_layers=st.integers(0, 40),
    writing=st.none() | st.builds(Writing, counts, counts, counts),
)
requests = st.builds(
    TraceRequest,
    config=st.fixed_dictionaries({"model_type": st.text(), "hidden_size": counts}),
    workload=workloads,
    device_kind=st.sampled_from(["cuda", "host"]),
    compute_bytes=st.sampled_from([2, 4]),
    padded=st.booleans(),
)


@given(requests)
def test_a_request_survives_the_wire_in_one_line(request_: TraceRequest) -> None:
    text = request_.to_json()
    assert "\n" not in text
    assert TraceRequest.from_json(text) == request_


@given(requests, requests)
def test_equal_requests_share_a_key_and_no_others_do(one: TraceRequest, other: TraceRequest) -> None:
    assert (one.key() == other.key()) is (one == other)


def test_the_order_of_a_config_does_not_matter_and_the_version_does(monkeypatch: pytest.MonkeyPatch) -> None:
    request_ = TraceRequest({"a": 1, "b": 2}, Workload(TrialParams()), "cuda", 2)
    assert replace(request_, config={"b": 2, "a": 1}).key() == request_.key()
    before = request_.key()
    monkeypatch.setattr(wire, "TRACER_VERSION", wire.TRACER_VERSION + 1)
    assert request_.key() != before


def test_an_answer_survives_the_wire() -> None:
    traced = Traced(10, "loss", {"loss": 10}, (("adapters", 10),), {"torch": "2"}, 0.5)
    assert Traced.from_json(traced.to_json()) == traced

"""The environment of the child, before anything heavy is imported."""

from __future__ import annotations

import os
import signal

import pytest

from harness.trial.process import InterruptedTrialError, Interruption, prepare_environment


@pytest.mark.parametrize(
    ("device", "visible", "seen"),
    [("cpu", None, None), ("cuda", "2,3", "2,3"), ("cuda:1", None, "1"), ("cuda:1", "4,7", "7"), ("cuda:0", "", "0")],
)
def test_one_gpu_is_left_visible(device: str, visible: str | None, seen: str | None) -> None:
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    prepare_environment(environ, device, threads=0)
    assert environ.get("CUDA_VISIBLE_DEVICES") == seen


def test_threads_and_a_users_wait_policy_are_kept() -> None:
    environ = {"OMP_WAIT_POLICY": "ACTIVE"}
    prepare_environment(environ, "cpu", threads=3)
    assert environ["OMP_NUM_THREADS"] == "3"
    assert environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_signal_between_two_jobs_ends_the_next_one() -> None:
    before = signal.getsignal(signal.SIGTERM)
    interruption = Interruption()
    interruption.install()
    try:
        interruption.begin_job()
        with pytest.raises(InterruptedTrialError):
            os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.end_job()
        assert not interruption.at_safe_point
        interruption.begin_job()
        assert not interruption.end_job()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(InterruptedTrialError):
            interruption.begin_job()
        assert interruption.at_safe_point  # nothing had begun
        assert interruption.end_job()
    finally:
        signal.signal(signal.SIGTERM, before)


def send_and_note(interruption: Interruption, reached: list[bool]) -> None:
    with interruption.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        reached.append(interruption.requested)


def test_sigterm_waits_for_the_safe_point() -> None:
    before = signal.getsignal(signal.SIGTERM)
    interruption = Interruption()
    interruption.install()
    try:
        reached: list[bool] = []
        with pytest.raises(InterruptedTrialError):
            send_and_note(interruption, reached)
        assert reached == [True]
        with pytest.raises(InterruptedTrialError):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

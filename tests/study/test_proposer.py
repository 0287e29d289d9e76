"""The sampler in a process of its own: GP imports torch, this process must not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from study_cases import SPACE, finished, quality, ruled_out

from harness.config.sections import Sampler
from harness.core.errors import ExitCode, HarnessError
from harness.guard.child import Launch
from harness.guard.lines import LineProcess
from harness.study.history import Past
from harness.study.places import holds, value_at
from harness.study.proposer import REMOTE_MODULE, Proposer
from harness.study.sampling import ProposalAsk

ASK = ProposalAsk(SPACE, ("maximize", "maximize"), Sampler(name="gp", n_startup_trials=4), 3)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineProcess]:
    log = tmp_path_factory.mktemp("gp") / "log.txt"
    process = LineProcess(Launch((sys.executable, "-m", REMOTE_MODULE), log, {**os.environ, "OMP_NUM_THREADS": "1"}))
    yield process
    process.close()


def history(count: int) -> list[Past]:
    """Every other one does not fit, where it is not quantised."""
    found = []
    for number in range(count):
        place = (number * 0.618) % 1
        params: dict[str, Any] = {
            name: value_at(axis, (place * (index + 1)) % 1) for index, (name, axis) in enumerate(SPACE.items())
        }
        too_much = params["quantization"] == "none"
        found.append(ruled_out(number, params, 0.4) if too_much else finished(number, params, quality(params)))
    return found


def test_gp_proposes_in_its_own_process_from_the_history_alone(lines: LineProcess) -> None:
    proposer = Proposer(ASK, lines.ask)
    seen = history(9)
    first = proposer.next(seen)
    assert first is not None
    assert all(holds(SPACE[name], value) for name, value in first.items())
    lines.close()  # a new process, with nothing in its memory
    assert proposer.next(seen) == first


def test_a_failure_over_there_is_an_error_here_and_the_next_question_works(lines: LineProcess) -> None:
    broken = Proposer(ProposalAsk(SPACE, ("maximize", "maximize", "minimize"), ASK.settings, 3), lines.ask)
    with pytest.raises(HarnessError) as caught:
        broken.next(history(9))  # two values for three objectives
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert "ValueError" in caught.value.why
    assert Proposer(ASK, lines.ask).next([]) is not None


def test_without_another_process_gp_refuses_instead_of_importing_torch_here() -> None:
    with pytest.raises(HarnessError, match="cannot propose here"):
        Proposer(ASK).next([])

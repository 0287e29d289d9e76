"""The sampler of a sweep, opened: in this process, or in a child where proposing imports torch."""

from __future__ import annotations

import sys

from harness.guard.child import Launch
from harness.guard.lines import LineProcess
from harness.study.proposer import REMOTE, REMOTE_MODULE, Proposer
from harness.study.sampling import ProposalAsk, distributions
from harness.sweep.trial_process import child_environ
from harness.sweep.workplace import Workplace


def open_proposer(work: Workplace) -> Proposer:
    """The sampler that the sweep file asks for; what it starts ends with the sweep."""
    config = work.config
    directions = tuple(objective.direction for objective in config.objectives)
    ask = ProposalAsk(distributions(config.space), directions, config.study.sampler, config.study.seed)
    if config.study.sampler.name not in REMOTE:
        return Proposer(ask)
    log = work.paths.trials / work.ledger.name / "sampler.txt"
    line = LineProcess(Launch((sys.executable, "-m", REMOTE_MODULE), log, child_environ(work.environ)))
    work.stack.callback(line.close)
    return Proposer(ask, line.ask)

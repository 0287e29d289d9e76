"""How many trials a study may have and for how long: what the sweep file says, unless another terminal asked for more since.

Owns which of the two holds. A request is kept with the study, so that it outlives this process; it is void once the sweep file
says something new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.sections import Study
from harness.study.ledger import Ledger


class Allowance:
    """The budget of a study.

    Args:
        ledger: The study.
        filed: The section `study` of the sweep file.

    Attributes:
        n_trials: How many trials are asked for.
        timeout_s: After how many seconds no trial starts any more; None for no limit.
    """

    def __init__(self, ledger: Ledger, filed: Study) -> None:
        self._ledger = ledger
        self._filed: list[float | None] = [filed.n_trials, filed.timeout_s]
        self.n_trials, self.timeout_s = filed.n_trials, filed.timeout_s
        self._read()

    def change(self, asked: Mapping[str, Any]) -> None:
        """Write down what another terminal asks for, and heed it."""
        self._ledger.note("budget", {**self._kept(), **asked, "file": self._filed})
        self._read()

    def _read(self) -> None:
        kept = self._kept()
        self.n_trials = kept.get("n_trials") or self.n_trials
        self.timeout_s = kept.get("timeout_s") or self.timeout_s

    def _kept(self) -> dict[str, Any]:
        kept = dict(self._ledger.noted("budget") or {})
        return kept if kept.get("file") == self._filed else {}

"""``python -m harness.trial TRIAL_DIR``: the trial process. Exit code 0 whenever a result.json was written.

``python -m harness.trial --jobs FD`` does one trial after another (`harness.trial.jobs`).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.trial.jobs import serve
from harness.trial.process import Interruption, die_with_parent, hush, importing, prepare_environment
from harness.trial.trial_dir import TrialDir


def main(argv: Sequence[str]) -> int:
    """Run the trial of a folder.

    Args:
        argv: The folder, or ``--jobs`` and the descriptor of the line that folders come from.

    Returns:
        0 when a result was written, 2 for a wrong command line.
    """
    if len(argv) not in (1, 2) or (len(argv) == 2 and argv[0] != "--jobs"):
        print("usage: python -m harness.trial TRIAL_DIR | --jobs FD", file=sys.stderr)
        return 2
    die_with_parent()
    interruption = Interruption()
    interruption.install()
    if len(argv) == 2:
        line = socket.socket(fileno=int(argv[1]))
        line.set_inheritable(False)
        serve(line, interruption)
        return 0
    _one_trial(TrialDir(Path(argv[0])), interruption)
    return 0


def _one_trial(folder: TrialDir, interruption: Interruption) -> None:
    spec = folder.read_spec()
    prepare_environment(os.environ, spec.model.device, spec.threads)
    hush()
    with importing():
        from harness.trial.run import Trial  # only now: the libraries read the environment when they are imported

    folder.write_result(Trial(folder, spec, interruption).run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

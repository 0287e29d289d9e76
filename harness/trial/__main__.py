"""``python -m harness.trial TRIAL_DIR``: the trial process. Exit code 0 whenever a result.json was written."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.trial.process import Interruption, die_with_parent, hush, prepare_environment
from harness.trial.trial_dir import TrialDir


def main(argv: Sequence[str]) -> int:
    """Run the trial of a folder.

    Args:
        argv: The folder, alone.

    Returns:
        0 when a result was written, 2 for a wrong command line.
    """
    if len(argv) != 1:
        print("usage: python -m harness.trial TRIAL_DIR", file=sys.stderr)
        return 2
    die_with_parent()
    interruption = Interruption()
    interruption.install()
    folder = TrialDir(Path(argv[0]))
    spec = folder.read_spec()
    prepare_environment(os.environ, spec.model.device, spec.threads)
    hush()
    from harness.trial.run import Trial  # only now: the libraries read the environment when they are imported

    folder.write_result(Trial(folder, spec, interruption).run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A study does not keep the password of its MLflow store."""

from __future__ import annotations

from pathlib import Path

from sweep_place import Place

from harness.config.load import load_config
from harness.core.errors import ExitCode
from harness.study.store import create_ledger, open_storage
from harness.sweep.paths import Paths

ADDRESS = "postgresql://me:opensesame@127.0.0.1:9/mlflow"


def test_promote_asks_for_the_address_that_was_kept_without_its_password(place: Place) -> None:
    file = place.write("kept", Path("no-model"), tracking={"tracking_uri": ADDRESS})
    paths = Paths.at(place.folder / "mlruns")
    ledger = create_ledger(open_storage(paths.study_url), "kept", load_config(file))
    assert ledger.config().tracking.tracking_uri == "postgresql://me:***@127.0.0.1:9/mlflow"
    assert b"opensesame" not in (paths.folder / "study.db").read_bytes()

    done = place.harness("promote", "kept")
    assert done.returncode == ExitCode.BAD_INPUT
    assert "needs its password" in done.stderr
    assert "--tracking-uri" in done.stderr

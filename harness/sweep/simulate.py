"""`harness sweep FILE --simulate`: the whole loop on learning curves and a card that is not there.

Owns what stands in for data, model and device. Study, gate, rungs, tracking and recovery are the sweep's own; everything is
kept below `tracking.folder`/simulated, so that no real study is mixed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError
from harness.data.models import ResolvedModel
from harness.data.prepared.folder import PreparedData
from harness.simulation.card import SimulatedCard
from harness.simulation.curves import Curves
from harness.simulation.faults import FaultPlan
from harness.simulation.probe import IdleProbe
from harness.simulation.synthetic import SyntheticCurves
from harness.simulation.table import CurveTable
from harness.simulation.timeline import Timeline
from harness.study.store import open_storage
from harness.sweep.crew import Crew
from harness.sweep.crew_simulated import SimulatedCrew, World
from harness.sweep.loop import Finished, run_sweep
from harness.sweep.materials import Materials
from harness.sweep.naming import Place, Wanted, claim_study
from harness.sweep.paths import Paths
from harness.sweep.plan_ground import Ground, survey
from harness.sweep.simulate_report import budget_lines
from harness.sweep.trial_process import open_worker
from harness.sweep.workplace import Session, Workplace, check_platform
from harness.tracking.store import Store
from harness.tracking.tracker import Tracker

FOLDER = "simulated"
TIMELINE = "timeline.jsonl"
SWITCHES = "HARNESS_SIMULATION"
"""In the environment, for tests and drills: ``pace_ms=20,deaths=0.05,slow=0.1`` spends real time on every segment, lets
workers die, and makes some of them slow."""


@dataclass(frozen=True, slots=True)
class SimulateAsked:
    """What the command line says.

    Attributes:
        curves: A recorded table; None takes made-up curves.
        gpu: A card's name or a size; None is this machine.
    """

    curves: Path | None = None
    gpu: str | None = None


def run_simulation(config: SweepConfig, stem: str, session: Session, asked: SimulateAsked) -> tuple[Workplace, Finished]:
    """Run a sweep to its end without running a trial.

    Raises:
        HarnessError: BAD_INPUT for batches, a table that cannot be read or switches that make no sense; else as `survey` and
            `run_sweep`.
    """
    work, world = open_simulation(config, stem, session, asked)

    def hire(opened: Workplace) -> Crew:
        gate = opened.materials.gate
        return SimulatedCrew(
            world,
            opened.objectives,
            lambda label: opened.paths.trial_dir(opened.ledger.name, label),
            lambda judged, peak, censored: gate.observe(judged, peak, censored=censored),
        )

    finished = run_sweep(work, hire)
    for line in budget_lines(timeline_file(work), work.config):
        work.view.message(line)
    return work, finished


def timeline_file(work: Workplace) -> Path:
    """Where a simulated study keeps what happened when."""
    return work.paths.trials / work.ledger.name / TIMELINE


def open_simulation(config: SweepConfig, stem: str, session: Session, asked: SimulateAsked) -> tuple[Workplace, World]:
    """Open the stores of a simulation, and what it has instead of trials and a device."""
    check_platform()
    if config.data.batches is not None:
        why = "a simulation trains nothing that a later batch could go on from"
        raise HarnessError("a sweep over batches cannot be simulated", why=why, fix="simulate one with data.source")
    curves, origin = _curves(config, asked.curves)
    ground = survey(apart(config), asked.gpu, session.environ, session.view.message)
    for note in ground.notes:
        session.view.message(note)
    config = ground.config
    paths = Paths.of(config)
    card = SimulatedCard(ground.device.name, ground.device.budget.bytes, seed=config.study.seed)
    materials = _materials(ground, card, curves)
    storage = open_storage(paths.study_url)
    store = Store.open(paths.tracking_uri, paths.artifacts, config.tracking.experiment)
    wanted = Wanted(config, sha256(f"{materials.data.digest} {origin}".encode()).hexdigest())
    claimed = claim_study(Place(storage, paths.study_url, paths.trials), wanted, stem, session.view.message)
    session.stack.callback(claimed.lock.release)
    work = Workplace(
        config=config,
        paths=paths,
        materials=materials,
        ledger=claimed.ledger,
        tracker=Tracker(store, claimed.ledger.name, scratch=paths.trials / claimed.ledger.name),
        store=store,
        view=session.view,
        stop=session.stop,
        environ=session.environ,
        resumed=claimed.resumed,
        storage=storage,
        beside=open_worker(session.environ, materials.probe),
        stack=session.stack,
        tags={"simulated": origin},
    )
    count = config.workers.count
    faults, pace_s = switches(session.environ.get(SWITCHES, ""), config.study.seed)
    timeline = Timeline(timeline_file(work))
    return work, World(curves, card, timeline, 1 if count == "auto" else count, faults, pace_s)


def apart(config: SweepConfig) -> SweepConfig:
    """The same sweep in stores of its own; nothing is promoted."""
    folder = str(Path(config.tracking.folder) / FOLDER)
    tracking = config.tracking.model_copy(update={"folder": folder, "tracking_uri": None, "promote": False})
    study = config.study.model_copy(update={"storage": None})
    return config.model_copy(update={"tracking": tracking, "study": study})


def switches(text: str, seed: int) -> tuple[FaultPlan, float]:
    """What `SWITCHES` asks for: what goes wrong, and real seconds a segment.

    Raises:
        HarnessError: BAD_INPUT for anything else.
    """
    try:
        read = {name.strip(): float(value) for name, value in (part.split("=") for part in text.split(",") if part.strip())}
        pace_ms = read.pop("pace_ms", 0.0)
        return FaultPlan(**read, seed=seed), pace_ms / 1000
    except (ValueError, TypeError) as error:
        fix = "write it as pace_ms=20,deaths=0.05,slow=0.1,slower=10"
        raise HarnessError(f"{SWITCHES}={text!r} makes no sense", why=str(error), fix=fix) from error


def _curves(config: SweepConfig, file: Path | None) -> tuple[Curves, str]:
    """The curves, and what they are called: a study goes on with the same ones only."""
    if file is None:
        return SyntheticCurves(config.study.seed), f"made-up curves, seed {config.study.seed}"
    table = CurveTable.read_file(file)
    content = sha256(file.read_bytes()).hexdigest()[:12]
    return table, f"{file.name}, {len(table.configurations)} configurations ({content})"


def _materials(ground: Ground, card: SimulatedCard, curves: Curves) -> Materials:
    model = ResolvedModel(ground.model.public_id, ground.model.public_id, None, ground.model.config, None)
    probe = IdleProbe(card, ground.device.profile.kind)
    data = ground.data or _no_data(curves)
    return Materials(data, model, probe, ground.device.budget, ground.gate, ground.predictor, "assumed: nothing is measured")


def _no_data(curves: Curves) -> PreparedData:
    """Stands for data that cannot be had here: a simulation needs their number alone."""
    counts: Mapping[str, int] = {"train": 0, "validation": curves.functions}
    return PreparedData(Path(), {}, (), None, counts, dict.fromkeys(counts, ""), "", "simulated", "unknown")

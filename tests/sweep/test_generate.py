"""`harness generate` from what a model wrote to the file, in the real sandbox; one run of the command with a real tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.__main__ import run
from harness.core.errors import ExitCode, HarnessError
from harness.core.generated import GenerateOutcome
from harness.guard.supervise import StopSignal
from harness.sweep.generate import Generation
from harness.sweep.generate_asked import GenerateAsked
from harness.sweep.generate_ground import subjects_of
from harness.sweep.paths import Paths
from harness.sweep.watched import Around
from harness.sweep.writing import Writing

CART = '''
from .money import rounded


def total(prices, discount=0):
    """Sum of the prices minus a discount in percent."""
    if not 0 <= discount <= 100:
        raise ValueError("discount must be between 0 and 100")
    return rounded(sum(prices) * (100 - discount) / 100)


def cheapest(prices):
    if not prices:
        return None
    return min(prices)


def read_prices(path):
    with open(path) as file:
        return [float(line) for line in file]


class Cart:
    def __init__(self):
        self.items = {}

    def add(self, name, count=1):
        if count < 1:
            raise ValueError("count must be at least 1")
        self.items[name] = self.items.get(name, 0) + count
'''
SAMPLES = {
    "total": (
        """from solution import total

def test_total():
    assert total([1, 2]) == 3
    assert total([10], 50) == 6
    assert total([10], 50) == 5

def test_total_is_a_number():
    total([1])
""",
        """from solution import total
import pytest

def test_bad_discount():
    with pytest.raises(ValueError):
        total([1], 101)

def test_total():
    assert total([1, 2]) == 3
    assert total([]) == 0
""",
    ),
    "cheapest": (
        """from solution import cheapest

def test_cheapest():
    prices = [3, 1, 2]
    smallest = cheapest(prices)
    assert smallest == 1
    assert smallest > 2

def test_none():
    assert cheapest([]) is None
""",
    ),
    "read_prices": (
        """from solution import read_prices

def test_read():
    assert read_prices("/etc/prices") == [1.0]
    assert read_prices("/etc/shadow") == []
""",
    ),
    "Cart.add": (
        """from solution import Cart

def test_add():
    cart = Cart()
    cart.add("tea")
    cart.add("tea", 2)
    assert cart.items == {"tea": 3}
""",
    ),
}
Generate = Callable[..., GenerateOutcome]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    package = tmp_path / "project" / "src" / "shop"
    package.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (package / "__init__.py").write_text("")
    (package / "money.py").write_text("def rounded(x):\n    return round(x, 2)\n")
    (package / "cart.py").write_text(CART)
    return package / "cart.py"


@pytest.fixture
def progress() -> list[Callable[[str], None]]:
    """Told every line of progress."""
    return []


@pytest.fixture
def around(cache: Path, progress: list[Callable[[str], None]]) -> Around:
    environ = {**os.environ, "HARNESS_CACHE": str(cache)}

    def say(line: str) -> None:
        for told in progress:
            told(line)

    return Around(environ, StopSignal(), say, lambda _: None)


@pytest.fixture(scope="session")
def named_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that is named and never loaded."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"]}')
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).touch()
    return folder


@pytest.fixture
def generated(around: Around, named_model: Path) -> Generate:
    """From samples to the outcome; the model is named, and not run."""

    def generate(target: Path | str, samples: dict[str, tuple[str, ...]] = SAMPLES, **changed: object) -> GenerateOutcome:
        asked = GenerateAsked(
            str(target), f"base:{named_model}", Paths.at(Path("mlruns")), None, False, False, None, 10, Writing(None, None)
        )
        generation = Generation(replace(asked, **changed), around)  # type: ignore[arg-type]
        subjects, left_out = subjects_of(generation.ground, around)
        written = [replace(one, samples=samples[one.name]) for one in subjects if one.name in samples]
        return generation.finish(written, subjects, left_out)

    return generate


def test_of_what_was_written_the_sound_part_is_kept(shop: Path, generated: Generate) -> None:
    found = generated(shop)
    file = shop.parents[2] / "tests" / "test_cart.py"
    assert found.saved
    assert file.read_text() == found.text
    assert "from shop.cart import Cart, cheapest, total" in found.text
    assert "== 6" not in found.text
    assert "> 2" not in found.text
    assert "test_total_is_a_number" not in found.text
    rows = {one.name: one for one in found.functions}
    assert rows["cheapest"].lines == rows["total"].lines == (3, 3)
    assert rows["total"].branches == (2, 2)
    assert rows["Cart.add"].kept == 1
    assert 0 < rows["total"].mutants[0] <= rows["total"].mutants[1] <= 10
    assert "which the sandbox does not give" in rows["read_prices"].reason
    assert (rows["read_prices"].kept, rows["read_prices"].lines) == (0, (0, 2))
    assert found.total().kept == sum(one.kept for one in found.functions) == found.text.count("def test_")


def test_a_wrong_value_can_be_taken_from_the_code(shop: Path, generated: Generate) -> None:
    sample = (
        "from solution import total\n\ndef test_total():\n    assert total([10], 50) == 6\n    assert total([10], 101) == 6\n"
    )
    dropped = generated(f"{shop}::total", {"total": (sample,)}, dry_run=True)
    found = generated(f"{shop}::total", {"total": (sample,)}, observed=True)
    assert dropped.text == ""
    assert "assert total([10], 50) == 5.0" in found.text
    assert "# expected values: what the code returns" in found.text
    assert "101" not in found.text  # it raises: there is no value to expect
    assert [(one.kept, one.observed) for one in found.functions] == [(1, 1)]


def test_the_file_passes_under_plain_pytest(shop: Path, generated: Generate) -> None:
    found = generated(shop)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    environ = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run(command, cwd=shop.parents[2], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{found.total().kept} passed" in done.stdout


def test_what_fails_on_the_real_module_alone_is_dropped(shop: Path, generated: Generate) -> None:
    """The sandbox of the scorer sees the function as a module of its own, under another name."""
    sample = "from solution import cheapest\n\ndef test_{}():\n    assert cheapest({}) == {}\n\n"
    module = "from solution import cheapest\n\ndef test_where():\n    assert cheapest.__module__ == 'solution'\n"
    samples = {"cheapest": (module, sample.format("two", [2, 1], 1))}
    found = generated(f"{shop}::cheapest", samples)
    assert [one.kept for one in found.functions] == [1]
    assert "__module__" not in found.text


def test_what_depends_on_the_order_of_a_set_or_the_local_time_is_dropped(shop: Path, generated: Generate) -> None:
    shop.write_text(
        "import time\n\n\ndef unique(x):\n    return list(set(x))\n\n\ndef hour(t):\n    return time.localtime(t).tm_hour\n"
    )
    sample = "from solution import {0}\n\ndef test_{0}():\n    assert {0}({1}) == {2}\n"
    order = tuple(sample.format("unique", "['a', 'b']", right) for right in (["a", "b"], ["b", "a"]))
    sound = sample.format("unique", "['a']", ["a"])
    found = generated(shop, {"unique": (*order, sound), "hour": (sample.format("hour", 0, 0),)})
    assert {one.name: one.kept for one in found.functions} == {"unique": 1, "hour": 0}
    assert "'b'" not in found.text


def test_what_ends_the_process_costs_one_function_alone(shop: Path, generated: Generate) -> None:
    ends = "import os\n\n\ndef ends(x):\n    if __name__ != 'solution':\n        os._exit(3)\n    return x + 1\n"
    shop.write_text(f"{ends}\n\ndef sound(x):\n    return x + 1\n")
    sample = "from solution import {0}\n\ndef test_{0}():\n    assert {0}(1) == 2\n"
    found = generated(shop, {name: (sample.format(name),) for name in ("ends", "sound")})
    assert {one.name: one.kept for one in found.functions} == {"ends": 0, "sound": 1}
    assert "its process ended before the tests did" in found.functions[0].reason
    assert found.saved


def test_nothing_sound_nothing_written(shop: Path, generated: Generate) -> None:
    found = generated(f"{shop}::cheapest", {"cheapest": ("from solution import cheapest\n", "")})
    assert (found.text, found.saved) == ("", False)
    assert [one.reason for one in found.functions] == ["the model wrote no test that checks it"]
    assert not (shop.parents[2] / "tests").exists()


def test_what_was_not_reached_is_named(shop: Path, generated: Generate) -> None:
    found = generated(shop, {"total": SAMPLES["total"]}, dry_run=True)
    assert found.not_reached == ("cheapest", "read_prices", "Cart.add")
    assert not found.saved
    assert not (shop.parents[2] / "tests").exists()


def test_the_budget_ends_the_scoring_but_not_before_the_first_functions(shop: Path, generated: Generate) -> None:
    more = {f"f{n}": ("",) for n in range(8)}
    shop.write_text("".join(f"def {name}(x):\n    return x\n\n\n" for name in more))
    found = generated(shop, more, budget_s=1e-6)
    assert len(found.functions) == 4
    assert found.not_reached == ("f4", "f5", "f6", "f7")


@pytest.mark.parametrize("moment", ["functions scored", "running the whole file"])
def test_a_wish_to_stop_ends_it_with_nothing_written(
    shop: Path, generated: Generate, around: Around, progress: list[Callable[[str], None]], moment: str
) -> None:
    progress.append(lambda line: around.stop.request() if line.startswith(moment) else None)
    with pytest.raises(HarnessError) as raised:
        generated(shop)
    assert raised.value.code is ExitCode.INTERRUPTED
    assert not (shop.parents[2] / "tests").exists()


def test_of_an_installed_package(generated: Generate, tmp_path: Path) -> None:
    target = Path(sysconfig.get_path("purelib"), "toolz", "itertoolz.py")
    sample = "from solution import last\n\ndef test_last():\n    assert last('ABC') == 'C'\n"
    found = generated(f"{target}::last", {"last": (sample,)}, out=tmp_path / "test_out.py")
    assert (tmp_path / "test_out.py").read_text() == found.text
    assert "from toolz.itertoolz import last" in found.text


def test_a_file_that_is_there_is_not_touched(shop: Path, generated: Generate) -> None:
    file = shop.parents[2] / "tests" / "test_cart.py"
    file.parent.mkdir()
    file.write_text("mine")
    with pytest.raises(HarnessError) as raised:
        generated(shop)
    assert raised.value.code is ExitCode.CONFLICT
    assert str(file) in raised.value.what
    assert file.read_text() == "mine"
    assert generated(shop, overwrite=True).saved
    assert "def test_" in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["test_cart.py"]


def test_a_module_that_cannot_be_imported(shop: Path, generated: Generate) -> None:
    shop.write_text("import no_such_module_anywhere\n\ndef f(x):\n    return x\n")
    with pytest.raises(HarnessError) as raised:
        generated(shop)
    assert "No module named 'no_such_module_anywhere'" in raised.value.why
    assert raised.value.code is ExitCode.BAD_INPUT


def test_hostile_module_code_reaches_nothing(shop: Path, generated: Generate) -> None:
    """Import and tests run behind the fences: what the module tries to write is refused."""
    mark = shop.parents[2] / "written"
    shop.write_text(f"open({str(mark)!r}, 'w').write('x')\n\ndef f(x):\n    return x\n")
    with pytest.raises(HarnessError, match="cannot be imported"):
        generated(shop)
    assert not mark.exists()


def test_what_cannot_be_cut_out_is_named(shop: Path, generated: Generate) -> None:
    shop.write_text("from . import money\n\n\ndef f(x):\n    return money.rounded(x)\n")
    found = generated(shop, {})
    assert found.left_out == {"f": "a sibling module itself is imported"}


@pytest.mark.parametrize(
    ("target", "writer", "code"),
    [
        ("{shop}", "no-such-folder", ExitCode.BAD_INPUT),
        ("{shop}", "base:/no/such/model", ExitCode.ENVIRONMENT),
        ("{shop}::nothing", "base:{model}", ExitCode.BAD_INPUT),
        ("{gone}", "base:{model}", ExitCode.BAD_INPUT),
        ("{installed}", "base:{model}", ExitCode.BAD_INPUT),
    ],
)
def test_bad_input_is_three_lines(
    shop: Path, named_model: Path, capsys: pytest.CaptureFixture[str], target: str, writer: str, code: ExitCode
) -> None:
    installed = Path(sysconfig.get_path("purelib"), "toolz", "itertoolz.py")
    names = {"shop": shop, "model": named_model, "gone": shop / "gone.py", "installed": installed}
    before = sorted(shop.parents[2].rglob("*"))
    assert run(["generate", target.format(**names), "--writer", writer.format(**names)]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split(":")[0].strip() for line in lines] == ["error", "why", "fix"]
    assert sorted(shop.parents[2].rglob("*")) == before


def test_without_a_writer_nothing_is_guessed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = str(shop.parent / "mlruns")
    assert run(["generate", str(shop), "--folder", empty]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0].strip() for line in said] == ["error", "why", "fix"]
    assert not Path(empty).exists()


@pytest.mark.slow
def test_the_command_with_a_model_that_writes_nonsense(
    shop: Path, tiny_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    short = ["--n", "2", "--max-new-tokens", "8", "--json"]
    code = run(["generate", f"{shop}::cheapest", "--writer", f"base:{tiny_model}", *short])
    told = json.loads(capsys.readouterr().out)
    assert code == ExitCode.NO_RESULT
    assert told["functions"][0]["tests_kept"] == 0
    assert told["functions"][0]["reason"]
    assert not (shop.parents[2] / "tests").exists()

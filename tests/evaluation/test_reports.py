from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from page_tags import Tags
from rich.console import Console

from evaluation import (
    Figures,
    FocalFunction,
    MutantFate,
    MutantOutcome,
    Report,
    SandboxStrength,
    ScoreSettings,
    Suite,
    SuiteScore,
    TestVerdict,
    Verdict,
)
from evaluation.aggregate import aggregate
from evaluation.inputs.both import InputProblem, InputUnusableError
from evaluation.report import Content, write_report
from evaluation.report.as_html import to_html
from evaluation.report.as_json import to_json
from evaluation.report.as_parquet import to_parquet
from evaluation.report.comparison import compare_reports, comparison_table
from evaluation.report.content import one_line, percent, visible
from evaluation.report.terminal import print_report
from evaluation.report.write import UnwritableError, require_writable

EVIL = "</pre></details></script><script>alert(1)</script><img src=x onerror=alert(2)>\" ' \x1b[31m\u202e\ud800 & [red]"
HALF = Figures(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
DIFF = "@@ -1 +1 @@\n-    return 1\n+    return 2\n"


def score(name: str, verdict: Verdict = Verdict.VALID, figures: Figures = HALF) -> SuiteScore:
    mutants = tuple(MutantOutcome(2, "number", DIFF, fate, "test_a") for fate in MutantFate)
    return SuiteScore(name, verdict, "detail", figures, 2, 1, mutants=mutants, tests={"test_a": TestVerdict.PASSED})


def content_of(*scores: SuiteScore, problems: tuple[InputProblem, ...] = ()) -> Content:
    functions = tuple(FocalFunction(one.function_id, "def f():\n    return 1\n", "f") for one in scores)
    suites = {one.function_id: Suite(one.function_id, "from solution import f\n") for one in scores}
    fence = SandboxStrength("bwrap", True, True, ("bwrap", "landlock"), (), "all")
    report = Report(scores, aggregate(scores), fence, ScoreSettings(), {"pytest": "9"}, {"stage": [1.0]})
    return Content(report, functions, suites, problems)


def evil_content() -> Content:
    outcome = MutantOutcome(1, EVIL, EVIL, MutantFate.SURVIVED, EVIL)
    tests = {EVIL: TestVerdict.FAILED}
    one = replace(score(EVIL), detail=EVIL, mutants=(outcome,), tests=tests)
    made = content_of(one, problems=(InputProblem(EVIL, EVIL, EVIL, EVIL),))
    function = FocalFunction(EVIL, EVIL, EVIL, EVIL, EVIL)
    return replace(made, functions=(function,), suites={EVIL: Suite(EVIL, EVIL)}, report=replace(made.report, tools={EVIL: EVIL}))


def test_nothing_a_model_wrote_becomes_part_of_the_page() -> None:
    page = Tags(to_html(evil_content()))
    assert page.open == []
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on") or name in {"src", "href"}]
    text = "".join(page.texts)
    assert "alert(2)" in text
    assert "\\x1b[31m\\u202e\\ud800" in text
    assert not set("\x1b\u202e") & set(text)
    policy = next(attributes["content"] for tag, attributes in page.found if tag == "meta" and "http-equiv" in attributes)
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in str(policy)


def test_the_page_shows_everything_about_a_function() -> None:
    made = replace(score("a"), ceiling=Figures(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), missed_lines=(2,), killable=4)
    text = to_html(content_of(made, replace(score("b", Verdict.MISSING), tests={}, mutants=())))
    page = Tags(text)
    shown = "".join(page.texts)
    for words in (
        "Mutants survived: 2",
        "Mutants stopped by a limit: 1",
        "Mutants killed: 2",
        "not run by a passing test",
        "4 killable",
    ):
        assert words in shown
    assert shown.index("Mutants survived") < shown.index("Mutants stopped") < shown.index("Mutants killed")
    assert "number · killed by an assertion: test_a" in shown
    assert (page.count("del"), page.count("ins")) == (5, 5)
    assert ("i", {"class": "x"}) in page.found
    assert [attributes["data-v"] for tag, attributes in page.found if attributes.get("class") == "f" and tag == "details"] == [
        "valid",
        "missing",
    ]
    assert "none collected" in shown
    assert not [one for one in page.found if one[0] == "details" and one[1].get("class") == "f" and "open" in one[1]]


def test_a_long_suite_is_cut_on_the_page() -> None:
    made = content_of(score("a"))
    long = replace(made, suites={"a": Suite("a", "x = 1\n" * 100_000)})
    assert len(to_html(long)) < len(to_html(made)) + 30_000
    assert "the whole text has 600,000 characters" in to_html(long)


def test_a_thousand_functions_stay_small() -> None:
    scores = [replace(score(f"f/{number}"), mutants=score("x").mutants * 4) for number in range(1000)]
    made = content_of(*scores)
    code = "".join(f"def test_{number}():\n    assert f({number}) == {number}\n\n" for number in range(20))
    full = replace(made, suites={one.function_id: Suite(one.function_id, code) for one in scores})
    assert len(to_html(full)) < 15_000_000


def test_json_holds_everything_and_repeats() -> None:
    problem = InputProblem("f.jsonl:1", "what", "why", "fix")
    made = content_of(score("a"), score("b", Verdict.CRASHED, Figures()), problems=(problem,))
    found = json.loads(to_json(made))
    assert found["schema_version"] == 1
    assert [row["id"] for row in found["functions"]] == ["a", "b"]
    assert found["problems"] == [{"where": "f.jsonl:1", "what": "what", "why": "why", "fix": "fix"}]
    assert {key: found[key] for key in made.report.to_dict()} == json.loads(json.dumps(made.report.to_dict()))
    slower = replace(made, report=replace(made.report, seconds={"stage": [9.0]}))
    assert (to_json(made), to_html(made), to_parquet(made)) == (to_json(slower), to_html(slower), to_parquet(slower))
    assert json.loads(to_json(evil_content()))["scores"][0]["function_id"] == EVIL


def test_parquet_has_a_row_per_suite_and_nulls_for_absent_values() -> None:
    top = Figures(1.0, 1.0, 1.0, None, None, None, None)
    scores = [replace(score("a", figures=top), ceiling=HALF, killable=3, missed_lines=(1, 2)), score("b", Verdict.MEMORY)]
    frame = pd.read_parquet(io.BytesIO(to_parquet(content_of(*scores))))
    assert list(frame["function_id"]) == ["a", "b"]
    assert list(frame["verdict"]) == ["valid", "memory"]
    assert list(frame["mutation_score"].isna()) == [True, False]
    assert list(frame["ceiling_pass_rate"].isna()) == [False, True]
    assert (frame["killable"][0], frame["mutants"][0], frame["killed"][0], frame["missed_lines"][0]) == (3, 5, 2, 2)
    only = pd.read_parquet(io.BytesIO(to_parquet(content_of(scores[0]))))
    assert [str(kind) for kind in only.dtypes] == [str(kind) for kind in frame.dtypes]
    assert len(pd.read_parquet(io.BytesIO(to_parquet(evil_content())))) == 1


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    made = content_of(score("a"))
    files = write_report(made, tmp_path / "new" / "x.json")
    assert [file.name for file in files] == ["x.json", "x.parquet", "x.html"]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["x.html", "x.json", "x.parquet"]
    write_report(evil_content(), files[0])
    require_writable(files[0])
    assert len(list((tmp_path / "new").iterdir())) == 3
    (tmp_path / "file").write_text("", "utf-8")
    (tmp_path / "taken.html").mkdir()
    for wrong in (tmp_path / "file" / "x.json", tmp_path / "taken.json"):
        with pytest.raises(UnwritableError):
            require_writable(wrong)
    with pytest.raises(UnwritableError):
        write_report(made, tmp_path / "file" / "x.json")


def test_the_terminal_shows_what_to_look_at_and_runs_no_escape() -> None:
    out = Console(file=io.StringIO(), width=300, highlight=False, markup=False)
    many = [score(f"f{number}", Verdict.CRASHED, Figures()) for number in range(12)]
    made = content_of(score("fine", figures=Figures(1.0, 1.0, 1.0, 1.0)), replace(score(EVIL), detail=EVIL), *many)
    print_report(made, out)
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()
    assert "mutation score" in text
    assert "12 crashed, " not in text.split("suites: ")[1].split(",")[0]
    assert "suites: 2 valid, 12 crashed" in text
    assert "and 3 more" in text
    assert "\x1b" not in text
    print_report(evil_content(), out)
    assert "\\x1b[31m" in out.file.getvalue()
    assert "[red]" in out.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0"), (1.0, "100.0"), (0.99999, "99.9"), (0.00001, "0.1"), (0.1234, "12.3")]
)
def test_percentages_do_not_round_to_all_or_nothing(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_active_characters_are_spelled_out() -> None:
    assert visible("a\r\nb\tc\x00\x7f\x9b\u2028é") == "a\nb\tc\\x00\\x7f\\x9b\\u2028é"
    assert one_line("a\n b" + "c" * 300, 10) == "a bcccccc…"


def test_reports_are_compared_with_the_first(tmp_path: Path) -> None:
    low = [score(f"f{number}", figures=Figures(0.0, 0.5, 0.5, None)) for number in range(12)]
    high = [score(f"f{number}", figures=Figures(1.0, 0.5, 0.5, None)) for number in range(1, 13)]
    broken = score("f1", Verdict.FUNCTION_BROKEN)
    for name, scores in {"base": low, "other": high, "third": [*low[:1], broken, *low[2:]]}.items():
        write_report(content_of(*scores), tmp_path / f"{name}.json")
    paths = [tmp_path / f"{name}.json" for name in ("base", "other", "third")]
    made, warnings = compare_reports(paths)
    assert warnings == []
    assert [(one.metric, one.report) for one in made[:3]] == [
        ("pass_rate", "other"),
        ("pass_rate", "third"),
        ("line_coverage", "other"),
    ]
    assert len(made) == 6  # nobody has a mutation score
    first, second = made[0].difference, made[1].difference
    assert (first.mean, first.n, first.left_out, first.wins) == (1.0, 11, 2, 11)
    assert (second.mean, second.n, second.left_out) == (0.0, 11, 1)
    assert first.p_adjusted == pytest.approx(6 * first.p_value)
    assert json.loads(json.dumps(made[0].to_dict()))["p_adjusted"] == first.p_adjusted
    out = Console(file=io.StringIO(), width=150)
    out.print(comparison_table("base", made))
    assert isinstance(out.file, io.StringIO)
    assert "+100.0" in out.file.getvalue()


def test_reports_that_were_made_otherwise_are_compared_with_a_warning(tmp_path: Path) -> None:
    made = content_of(score("a"))
    other = replace(made, functions=(replace(made.functions[0], source="def f():\n    return 2\n"),))
    report = replace(made.report, settings=ScoreSettings(mutants_per_function=3), tools={"pytest": "8"})
    write_report(made, tmp_path / "one" / "x.json")
    write_report(replace(other, report=report), tmp_path / "two" / "x.json")
    paths = [tmp_path / "one" / "x.json", tmp_path / "two" / "x.json"]
    _, warnings = compare_reports(paths)
    assert [text.split()[0] for text in warnings] == ["mutants_per_function", "pytest", "1"]


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_what_is_no_report_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "x.json").write_text(text, "utf-8")
    write_report(content_of(score("a")), tmp_path / "base.json")
    write_report(content_of(score("z")), tmp_path / "strange.json")
    for other in ("x.json", "strange.json"):
        with pytest.raises(InputUnusableError):
            compare_reports([tmp_path / "base.json", tmp_path / other])

"""A study on one HTML page: no script, no external resource, light and dark, on paper too.

All that a model, a data set or an error wrote passes through `harness.tracking.foreign.escape`. Behind that stands a content
security policy that allows pictures within the page and the one style sheet by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from harness import __version__
from harness.core.measured import Measured
from harness.tracking import page_trials as part
from harness.tracking.foreign import escape
from harness.tracking.memory_overview import memory_overview
from harness.tracking.page_parts import pairs, picture, plain, section
from harness.tracking.page_style import STYLE
from harness.tracking.parallel import parallel_coordinates
from harness.tracking.plots import pareto
from harness.tracking.points import trials
from harness.tracking.search_plot import importance_bars, learning_curves
from harness.tracking.slices import slice_figure
from harness.tracking.study_plots import losses_figure, pareto_3d, volume_figure
from harness.tracking.study_report import StudyReport, TrialLine

_LINKS = {
    "promoted": "Promoted",
    "front": "Front",
    "samples": "Tests",
    "settings": "Settings",
    "course": "Course",
    "swept": "Setup",
    "limits": "Limits",
}
_FRONT_FACTS = ("Model", "Data", "Search space", "Objectives", "Search", "Device")


def page(report: StudyReport) -> str:
    """The whole page."""
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(STYLE)}'"
    sections = [made for made in _sections(report) if made]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">',
            f"<title>{plain(report.study)}: sweep report</title><style>{STYLE}</style></head><body>",
            _head(report),
            *sections,
            "</body></html>\n",
        ]
    )


def _sections(report: StudyReport) -> Iterator[str]:
    yield section("promoted", "What was promoted", part.promoted_part(report))
    yield section("front", "The front", _front(report))
    yield section("samples", "Tests before and after tuning", part.samples_part(report.samples))
    yield section("settings", "Which settings matter", _settings(report))
    yield section("course", "How the sweep went", _course(report))
    yield section("ends", "Why trials ended", part.reasons_table(report.trials))
    yield section("swept", "What was swept", _facts(report))
    yield section("limits", "What these figures do not say", _limits(report))


def _head(report: StudyReport) -> str:
    shown = {anchor: name for anchor, name in _LINKS.items() if anchor != "samples" or report.samples}
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in shown.items())
    made = f"{escape(report.state)} · report of {escape(report.made)} by harness {escape(__version__)}"
    return f'<header><h1>{escape(report.study)}</h1><p class="sub">{made}</p>{_lead(report)}<nav>{links}</nav></header>'


def _lead(report: StudyReport) -> str:
    """The sweep in two or three sentences."""
    whole = sum(line.ending == "completed" for line in report.trials)
    best = sum(line.on_front for line in report.trials)
    said = [f"{_count(len(report.trials), 'trial')}, {whole} of them measured in full, {best} on the front."]
    knee = next((line for line in report.trials if line.is_knee), None)
    said.append(_knee(report, knee) if knee else "There is no front yet: no trial has completed.")
    return f'<p class="lead">{" ".join(said)}</p>'


def _knee(report: StudyReport, knee: TrialLine) -> str:
    figures = ", ".join(f"{escape(name)} {_short(value)}" for name, value in knee.values.items())
    settings = ", ".join(f"{escape(name)} {part.setting(value)}" for name, value in knee.settings.items())
    word = "The best is" if len(report.objectives) == 1 else "The balanced one of the front (the knee) is"
    return f"{word} <b>trial {knee.number}</b>: {figures}, with {settings or 'the settings of the file'}."


def _short(value: Measured) -> str:
    return f"{value.value:.3g}" + ("" if value.low is None or value.high is None else f" [{value.low:.2g}, {value.high:.2g}]")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _front(report: StudyReport) -> str:
    shown = part.front_table(report)
    if not trials(report.points):
        return f"<p>No trial has been measured in full, so there is no front.</p>{shown}"
    note = '<p class="note">Means over the validation functions with 95 % intervals. No other trial is better in everything.</p>'
    pictures = [picture(pareto(report.points, report.objectives), "The front, the other trials, and the untuned base.")]
    if len(report.objectives) >= 3:
        pictures.append(picture(pareto_3d(report.points, report.objectives), "The same in three dimensions, from two sides."))
    return shown + note + "".join(pictures)


def _settings(report: StudyReport) -> str:
    shown = []
    if report.search.importances:
        caption = "How much each setting decides whether a trial is among the best; shares of each objective sum to 100 %."
        shown.append(picture(importance_bars(report.search.importances), caption))
    elif trials(report.points):
        shown.append("<p>Too few trials were measured to say how much each setting matters.</p>")
    if report.points or report.search.curves:
        caption = "Every searched setting against every objective; dashed: the untuned base."
        shown.append(picture(slice_figure(report.points, report.search, report.objectives), caption))
    if len(trials(report.points)) > 1:
        shown.append(picture(parallel_coordinates(report.points, report.objectives), "Each line is a trial."))
    return "".join(shown)


def _course(report: StudyReport) -> str:
    shown = [part.outcomes_table(report.trials), pairs(report.spent) if report.spent else ""]
    search = report.search
    ended = sum(line.ending != "open" for line in report.trials)
    if search.volumes:
        caption = "The volume that the front dominates: over 0 for fractions, over the worst that was seen for everything else."
        shown.append(picture(volume_figure(search.volumes, ended), caption))
    if search.climbs:
        shown.append(picture(learning_curves(search.curves, report.objectives), "What trials were worth at each rung."))
    if report.losses:
        shown.append(picture(losses_figure(report.losses), "Losses of the front's trials (of others where there is no front)."))
    memory = memory_overview([line for line in report.trials if line.peak_bytes is not None], report.budget_bytes)
    shown.append(picture(memory, "The highest memory of each trial."))
    return "".join(shown) + part.trials_table(report)


def _facts(report: StudyReport) -> str:
    def card(name: str) -> str:
        return f'<div class="card"><h3>{escape(name)}</h3>{pairs(report.facts[name])}</div>'

    first = "".join(card(name) for name in _FRONT_FACTS if name in report.facts)
    rest = "".join(card(name) for name in report.facts if name not in _FRONT_FACTS)
    more = f'<details><summary>All settings, versions and hardware</summary><div class="cards">{rest}</div></details>'
    return f'<div class="cards">{first}</div>{more if rest else ""}'


def _limits(report: StudyReport) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in report.limits)}</ul>" if report.limits else ""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

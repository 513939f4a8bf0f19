"""Templates and what they may call: numbers and times in words, marks, links. Everything is escaped by default."""

from collections.abc import Mapping
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from shipworthy.app.views import words
from shipworthy.app.views.health import Health, of_findings
from shipworthy.console import drawing, links, telling
from shipworthy.console.assets import asset_address

__all__ = ["make_environment"]

_SHAPES: Mapping[Health, str] = {
    Health.WELL: '<circle cx="8" cy="8" r="7.5"/><path d="M4.6 8.4l2.3 2.3 4.6-5"/>',
    Health.LOOK: '<path d="M8 1l7.3 13.3H.7z"/><path d="M8 6v4M8 11.8v.6"/>',
    Health.BROKEN: '<rect x=".7" y=".7" width="14.6" height="14.6" rx="3"/><path d="M5 5l6 6M11 5l-6 6"/>',
    Health.UNKNOWN: '<circle cx="8" cy="8" r="7.5"/><path d="M4.8 8h6.4"/>',
}


def make_environment() -> Environment:
    """The templates, read once; an unknown name in one is an error, never an empty place."""
    environment = Environment(
        loader=PackageLoader("shipworthy.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "amount": words.amount,
        "between": words.between,
        "count": words.count,
        "number": words.number,
        "exact": words.exact,
        "ms": words.milliseconds,
        "share": words.share,
        "short": words.short,
        "size": words.size,
        "duration": words.duration,
        "metric_name": words.metric_name,
        "metric_text": words.metric_text,
        "plural": words.plural,
        "figure_json": drawing.figure_json,
        "prose": telling.prose,
    }
    environment.globals |= {
        "asset": asset_address,
        "address": links.address,
        "link": links.link,
        "csv_address": links.csv_address,
        "with_query": links.with_query,
        "sparkline": drawing.sparkline,
        "mark": mark,
        "when": when,
        "stamp": stamp,
        "healths": Health,
        "health_of": lambda finding: of_findings((finding,)),
        "measured": telling.measured,
        "interval": telling.interval,
        "shown_evidence": telling.shown_evidence,
        "particulars": telling.particulars,
        "local": telling.local,
        "cell": telling.cell,
        "evidence_table": telling.evidence_table,
        "shape": shape,
    }
    return environment


def mark(health: Health, text: str = "") -> Markup:
    """A state by colour, shape and word; ``text`` stands in for the word where the sentence says it."""
    return Markup('<span class="mark {health}">{shape}<span class="word">{word}</span></span>').format(
        health=health.value, shape=shape(health), word=text or health.value
    )


def shape(health: Health) -> Markup:
    """The shape alone, for places that say the word themselves."""
    drawn = Markup(_SHAPES[health])  # noqa: S704 - our own constants
    return Markup('<svg class="shape {health}" viewBox="0 0 16 16" aria-hidden="true">{drawn}</svg>').format(
        health=health.value, drawn=drawn
    )


def when(instant: datetime | None, now: datetime) -> Markup:
    """An age, with the exact time on hover (a small script adds the local one)."""
    if instant is None:
        return Markup('<span class="nothing">–</span>')
    return _time(instant, words.age(instant, now))


def stamp(instant: datetime | None) -> Markup:
    """An exact time in UTC, to the second."""
    return _time(instant, words.clock_time(instant, seconds=True)) if instant else Markup("–")


def _time(instant: datetime, text: str) -> Markup:
    return Markup('<time datetime="{iso}" title="{exact}">{text}</time>').format(
        iso=instant.astimezone(UTC).isoformat(), exact=words.clock_time(instant, seconds=True), text=text
    )

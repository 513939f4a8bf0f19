"""Small texts that templates ask for: a finding's number, the particulars of an event, a cell of a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeGuard

from markupsafe import Markup

from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding

__all__ = ["cell", "evidence_table", "interval", "local", "measured", "particulars", "prose", "shown_evidence"]

MOST_ITEMS = 12
MOST_ROWS = 50
MOST_TEXT = 400
MOST_FACT = 80
DIGEST = 64


def measured(finding: Finding) -> str:
    """The measured value in its unit."""
    if finding.measured is None:
        return ""
    if finding.unit.partition(" ")[0] in words.CURRENCIES:
        return words.amount(finding.measured, finding.unit)
    whole = finding.measured == round(finding.measured)
    return f"{words.exact(finding.measured) if whole else words.number(finding.measured)} {finding.unit}".rstrip()


def interval(finding: Finding) -> str:
    """The interval of the measured value; empty when it has none."""
    return words.between(*finding.interval, finding.unit) if finding.interval else ""


def shown_evidence(finding: Finding) -> list[tuple[str, str]]:
    """The evidence that people can read: what is short and no picture's raw numbers."""
    shown = []
    for name, value in finding.evidence.items():
        if name in {"picture", "columns", "rows"} or (_is_list(value) and len(value) > MOST_ITEMS):
            continue
        text = words.exact(float(f"{value:.4g}")) if isinstance(value, float) else _brief(value)
        shown.append((name, _cut(text, MOST_TEXT)))
    return shown


def evidence_table(finding: Finding) -> tuple[Sequence[Json], Sequence[Sequence[Json]]] | None:
    """Columns and rows of a finding whose evidence is a table; None for any other."""
    columns, rows = finding.evidence.get("columns"), finding.evidence.get("rows")
    if finding.evidence.get("picture") != "table" or not _is_list(columns) or not _is_list(rows):
        return None
    return columns, [row for row in rows[:MOST_ROWS] if _is_list(row)]


def particulars(facts: Mapping[str, Json]) -> Markup:
    """The facts of an event in a line; digests short, with the whole on hover."""
    return Markup(" · ").join(
        Markup('<span class="fact" title="{whole}"><span class="muted">{name}</span> {text}</span>').format(
            whole=_cut(str(value), 2_000), name=name.replace("_", " "), text=_cut(_fact(name, value), MOST_FACT)
        )
        for name, value in facts.items()
        if value not in ("", None)
    )


def prose(text: str) -> Markup:
    """A sentence of ours for a page: it begins with a capital, and what stands in backticks is code.

    >>> print(prose("run `shipworthy test` & look"))
    Run <code>shipworthy test</code> &amp; look
    """
    parts = (text[:1].upper() + text[1:]).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(one) if i % 2 else one for i, one in enumerate(parts))


def local(instant: datetime | None) -> str:
    """For an input of type datetime-local, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if instant else ""


def cell(value: object) -> str:
    """One value of a picture's table."""
    if value is None:
        return words.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return words.clock_time(value)
    if isinstance(value, float):
        return words.number(value, 5)
    return words.count(value) if isinstance(value, int) else str(value)


def _fact(name: str, value: Json) -> str:
    if name != "plan" or not isinstance(value, Mapping):
        return _brief(value)
    plan = Part(value)
    shares = (
        f"{one.text('name')} {words.share(one.number('weight'))} {words.short(one.text('package'))}"
        for one in plan.parts("variants")
    )
    return f"{plan.whole('number')}: {', '.join(shares)}"


def _brief(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_brief(one)}" for name, one in value.items())
    if isinstance(value, str):
        return words.short(value) if len(value) == DIGEST and value.isalnum() else value
    if _is_list(value):
        return "; ".join(_brief(one) for one in value) or "none"
    return "–" if value is None else str(value)


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"

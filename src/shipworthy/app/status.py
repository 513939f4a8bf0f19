"""Status: what serves, what it earns, and who is waited for."""

from shipworthy.app.opened import Opened
from shipworthy.app.plans import newest_plan
from shipworthy.app.views import words
from shipworthy.app.views.overview import view_overview
from shipworthy.core.digests import Json

__all__ = ["status"]


def status(opened: Opened) -> dict[str, Json]:
    """One look at the project; every line that is not empty says something."""
    now = opened.workspace.clock.now()
    if opened.workspace.known("project", opened.project.name) is None:
        return {"project": opened.project.name, "stage": "goal", "next": "shipworthy check"}
    row = next(one for one in view_overview(opened.workspace).projects if one.name == opened.project.name)
    plan = newest_plan(opened)
    uplift = words.amount(row.uplift.value, row.per_1000, signed=True) if row.uplift.value is not None else ""
    interval = words.between(row.uplift.low, row.uplift.high, row.per_1000, signed=True)
    return {
        "project": row.name,
        "question": row.question,
        "owner": row.owner,
        "stage": f"{row.stage}, since {words.age(row.stage_since, now)}",
        "well": f"{row.headline.health.value}: {row.headline.sentence}",
        "endpoint": row.endpoint,
        "plan": plan.number if plan else None,
        "package": plan.champion.package if plan else None,
        "uplift": f"{uplift} [{interval}]" if interval else uplift,
        "health": ", ".join(f"{mark.about} {mark.health.value} ({mark.text})" for mark in row.marks),
        "open_incidents": row.incidents,
        "waits_for": row.waits_for,
    }

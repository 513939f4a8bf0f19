"""Monitor: seal what was recorded, compute each day, hold production against the goal, open and close incidents."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from shipworthy.app.controller import Steps
from shipworthy.app.opened import Opened
from shipworthy.app.plans import newest_plan
from shipworthy.app.production import load_production
from shipworthy.app.run_folder import RunFolder
from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.monitoring.incidents import decide
from shipworthy.monitoring.performance import performance
from shipworthy.monitoring.windows import windows
from shipworthy.packaging.package import open_package
from shipworthy.stats.histogram import count_in, even_edges
from shipworthy.stores.archive import archive_segments

__all__ = ["MONITOR", "ask_for_monitoring", "monitoring_steps"]

MONITOR: Final = "monitor"
_SCORE_BINS: Final = 20
_MOST: Final = 10_000


def ask_for_monitoring(opened: Opened, *, now: datetime, full: bool = True) -> None:
    """Insert the job that looks at production as of ``now``; asking twice for one instant is asking once.

    Args:
        opened: The project.
        now: What is known is known by then.
        full: Whether the cumulative performance is computed too, which reads everything.
    """
    endpoint = opened.project.serving.endpoint
    payload: dict[str, Json] = {"endpoint": endpoint, "now": now.isoformat(), "full": full}
    opened.workspace.jobs.enqueue(MONITOR, f"{endpoint}/{now.isoformat()}", payload)


def monitoring_steps(opened: Opened) -> Steps:
    """The steps of the monitoring job; each may be done again without harm."""
    return {
        "seal": lambda payload: _seal(opened, payload),
        "windows": lambda payload: _windows(opened, payload),
        "performance": lambda payload: _performance(opened, payload),
        "incidents": lambda payload: _incidents(opened, payload),
    }


def _seal(opened: Opened, payload: Mapping[str, Json]) -> Json:
    done = archive_segments(opened.workspace.folder / "records" / str(payload["endpoint"]))
    return {"segments": done.segments, "records": done.records, "unreadable": list(done.unreadable)}


def _windows(opened: Opened, payload: Mapping[str, Json]) -> Json:
    """Compute the windows whose outcomes were not all known a window ago; a full look finds later labels too."""
    project, endpoint, now = opened.project, str(payload["endpoint"]), parse_instant(str(payload["now"]))
    every, delay = project.monitoring.every, _label_delay(opened)
    everything = bool(payload["full"]) or _first_look(opened, endpoint)
    since = None if everything else _floor(now - 3 * every - 2 * delay, every)
    production = load_production(opened.workspace.folder, endpoint, project.goal, since=since)
    edges = even_edges(_SCORE_BINS)
    bodies = windows(
        production,
        project.goal,
        endpoint=endpoint,
        every=every,
        label_delay=delay,
        now=now,
        edges=edges.tolist(),
        reference=_reference(opened, edges.tolist()),
    )
    for body in bodies:
        opened.workspace.keep("window", f"{endpoint}/{body['start']}", body)
    return {"windows": len(bodies)}


def _performance(opened: Opened, payload: Mapping[str, Json]) -> Json:
    if not payload["full"]:
        return {"skipped": "not asked for"}
    project, endpoint = opened.project, str(payload["endpoint"])
    production = load_production(opened.workspace.folder, endpoint, project.goal)
    body = performance(
        production,
        project.goal,
        endpoint=endpoint,
        every=project.monitoring.every,
        label_delay=_label_delay(opened),
        now=parse_instant(str(payload["now"])),
    )
    if body is None:
        return {"skipped": "no window is mature yet"}
    opened.workspace.keep("performance", endpoint, body)
    return {"labelled": body["labelled"]}


def _incidents(opened: Opened, payload: Mapping[str, Json]) -> Json:
    workspace, endpoint = opened.workspace, str(payload["endpoint"])
    now = parse_instant(str(payload["now"]))
    kept = workspace.documents.find("incident", where={"endpoint": endpoint, "status": "open"}, limit=_MOST)
    action = decide(
        windows=[one.body for one in workspace.documents.find("window", where={"endpoint": endpoint}, limit=_MOST)],
        open_incidents={one.id: one.body for one in kept},
        goal=opened.project.goal,
        project=opened.project.name,
        endpoint=endpoint,
        now=now,
    )
    if action is None:
        return {"action": None}
    incident = action.incident or workspace.new_id("incident")
    workspace.keep("incident", incident, action.body)
    if action.kind != "keep":
        kind = "incident.opened" if action.kind == "open" else "incident.closed"
        workspace.ledger.record(
            actor="controller", kind=kind, subject=incident, facts={"title": action.body["title"], "endpoint": endpoint}
        )
    return {"action": action.kind, "incident": incident}


def _label_delay(opened: Opened) -> timedelta:
    """How long after a *decision* its outcome is known: records carry the time of the decision, not of the event."""
    return opened.project.data.label_delay - opened.project.data.decision_time.offset


def _first_look(opened: Opened, endpoint: str) -> bool:
    return not opened.workspace.documents.find("window", where={"endpoint": endpoint}, limit=1)


def _floor(instant: datetime, every: timedelta) -> datetime:
    epoch = datetime.fromtimestamp(0, tz=instant.tzinfo)
    return epoch + (instant - epoch) // every * every


def _reference(opened: Opened, edges: list[float]) -> list[int]:
    """How many validation rows of the champion's run scored in each bin."""
    plan = newest_plan(opened)
    assert plan is not None  # a record has an endpoint that was released
    run = str(open_package(opened.workspace.packages / plan.champion.package).origin["run"])
    said = RunFolder(path=opened.runs(run)).scores("valid").probability
    counts: list[int] = count_in(said, np.asarray(edges)).tolist()
    return counts

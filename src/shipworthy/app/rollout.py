"""Rollout: a canary is looked at as its records come, climbs on evidence, and goes back on doubt."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shipworthy.app.controller import Steps
from shipworthy.app.opened import Opened
from shipworthy.app.plans import newest_plan, publish
from shipworthy.control.guards import LEVELS, Seen
from shipworthy.control.rollout import Action, State, begin, carry_out, decide, next_plan, observe
from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.core.plan import Plan
from shipworthy.stats.quantiles import quantiles
from shipworthy.stores.archive import read_records

__all__ = ["ROLLOUT", "ask_for_rollout", "begin_canary", "move_rollout_to_now", "rollout_steps"]

ROLLOUT: Final = "rollout"
_EVERY: Final = timedelta(seconds=10)
_FEWEST: Final = 1000
_FAILED: Final = ("error", "timeout")
_COLUMNS: Final = ("at", "received", "variant", "outcome", "total_us", "plan")
_INSTANT: Final = pa.timestamp("us", tz="UTC")


def begin_canary(opened: Opened, last: Plan, package: str, *, why: str) -> Plan:
    """Give ``package`` its first share of the traffic, and remember from where on its evidence counts."""
    workspace = opened.workspace
    now = workspace.clock.now()
    state = begin(opened.project.rollout, first=False, now=now)
    reason = f"{why}; canary begins at {state.share:.0%}"
    plan = next_plan(last, package, Action(kind="advance", share=state.share, reason=reason))
    body: dict[str, Json] = {
        "project": opened.project.name,
        "endpoint": plan.endpoint,
        "package": package,
        "status": "running",
        "began_at": now.isoformat(),
        "looks": 0,
        "looked_to": None,
        "reference_us": _reference(opened),
        "state": state.to_json(),
    }
    workspace.keep("rollout", plan.endpoint, body)
    publish(opened, plan, why=reason)
    ask_for_rollout(opened)
    return plan


def move_rollout_to_now(opened: Opened) -> None:
    """Let a canary that was released on another clock begin now: for a replay, whose present is long past."""
    workspace, endpoint = opened.workspace, opened.project.serving.endpoint
    kept = workspace.known("rollout", endpoint)
    if kept is not None and kept.body["status"] == "running":
        now = workspace.clock.now()
        state = replace(State.from_json(cast("Mapping[str, Json]", kept.body["state"])), since=now)
        workspace.keep("rollout", endpoint, {**kept.body, "began_at": now.isoformat(), "state": state.to_json()})


def ask_for_rollout(opened: Opened) -> None:
    """Insert the job that looks at the canary next, if one is on its way; asking twice is asking once."""
    endpoint = opened.project.serving.endpoint
    kept = opened.workspace.known("rollout", endpoint)
    if kept is None or kept.body["status"] != "running":
        return
    look = int(str(kept.body["looks"])) + 1
    key = f"{endpoint}/{str(kept.body['package'])[:12]}/{kept.body['began_at']}/{look}"
    payload: dict[str, Json] = {"endpoint": endpoint, "look": look}
    due = opened.workspace.clock.now() + (_EVERY if look > 1 else timedelta(0))
    opened.workspace.jobs.enqueue(ROLLOUT, key, payload, due_at=due)


def rollout_steps(opened: Opened) -> Steps:
    """The steps of one look; a look that was counted already changes nothing."""
    return {"look": lambda payload: _look(opened, payload), "next": lambda _: _next(opened)}


def _next(opened: Opened) -> Json:
    ask_for_rollout(opened)
    return None


def _look(opened: Opened, payload: Mapping[str, Json]) -> Json:
    workspace, endpoint = opened.workspace, str(payload["endpoint"])
    kept = workspace.documents.get("rollout", endpoint)
    plan = newest_plan(opened)
    if kept.body["status"] != "running" or int(str(kept.body["looks"])) >= int(str(payload["look"])) or plan is None:
        return {"action": None}
    state = State.from_json(cast("Mapping[str, Json]", kept.body["state"]))
    records = _fresh(opened, kept.body, plan)
    state = observe(state, _seen(records, plan, cast("list[float] | None", kept.body["reference_us"])))
    action = decide(state, (), workspace.clock.now())
    after = next_plan(plan, str(kept.body["package"]), action)
    if after is not plan:
        publish(opened, after, why=action.reason)
        workspace.ledger.record(
            actor="controller",
            kind=f"rollout.{action.kind}",
            subject=endpoint,
            facts={"package": kept.body["package"], "share": action.share, "reason": action.reason},
        )
    status = {"finish": "finished", "roll_back": "rolled back"}.get(action.kind, "running")
    newest = pc.max(records["received"]).as_py() if len(records) else None
    body = {
        **kept.body,
        "status": status,
        "looks": payload["look"],
        "looked_to": newest.isoformat() if newest else kept.body["looked_to"],
        "state": carry_out(state, action, workspace.clock.now()).to_json(),
        "reason": action.reason,
    }
    workspace.keep("rollout", endpoint, body)
    return {"action": action.kind, "requests": state.requests}


def _fresh(opened: Opened, body: Mapping[str, Json], plan: Plan) -> pa.Table:
    """What the plan in force answered since the last look."""
    folder = opened.workspace.folder / "records" / plan.endpoint
    since = parse_instant(str(body["began_at"])) - timedelta(days=1)
    records = read_records(folder, since=since, columns=_COLUMNS)
    records = records.filter(pc.equal(records["plan"], plan.number))
    if body["looked_to"] is None:
        return records
    looked_to = pa.scalar(parse_instant(str(body["looked_to"])), _INSTANT)
    return records.filter(pc.greater(records["received"], looked_to))


def _seen(records: pa.Table, plan: Plan, reference_us: list[float] | None) -> Seen:
    canary = np.array(pc.equal(records["variant"], plan.variants[-1].name).to_pylist(), dtype=np.bool_)
    failed = np.array(pc.is_in(records["outcome"], pa.array(_FAILED)).to_pylist(), dtype=np.bool_)
    took = records["total_us"].to_numpy()
    slow = [took > limit for limit in reference_us] if reference_us else [np.zeros(len(took), dtype=np.bool_)] * 3
    p50, p90, p99 = (int((one & canary).sum()) for one in slow)
    q50, q90, q99 = (int((one & ~canary).sum()) for one in slow)
    return Seen(
        canary=int(canary.sum()),
        champion=int((~canary).sum()),
        canary_errors=int((failed & canary).sum()),
        champion_errors=int((failed & ~canary).sum()),
        canary_slow=(p50, p90, p99),
        champion_slow=(q50, q90, q99),
    )


def _reference(opened: Opened) -> list[Json] | None:
    """The champion's latency quantiles in microseconds before the canary; None while it answered too little."""
    folder = opened.workspace.folder / "records" / opened.project.serving.endpoint
    since = opened.workspace.clock.now() - timedelta(days=7)
    took = read_records(folder, since=since, outcomes=("ok",), columns=("total_us",))["total_us"].to_numpy()
    return list(quantiles(took, LEVELS)) if len(took) >= _FEWEST else None

"""Plans of an endpoint: written down, put in force as the file that workers follow, restored after a crash."""

from shipworthy.app.approve import approval_of
from shipworthy.app.opened import Opened
from shipworthy.app.plan_file import write_plan
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.core.plan import Plan
from shipworthy.governance.ledger import PLAN_PUBLISHED

__all__ = ["newest_plan", "publish", "restore_plan"]

_MOST = 10_000


def publish(opened: Opened, plan: Plan, *, why: str) -> Plan:
    """Make ``plan`` the newest one and put it in force.

    It is written down first, then put in force; after a crash in between, :func:`restore_plan` finishes it.

    Raises:
        BackendFailed: If the plan cannot be written; the plan before stays in force.
    """
    workspace = opened.workspace
    body: dict[str, Json] = {
        "project": opened.project.name,
        "endpoint": plan.endpoint,
        "plan": plan.to_json(),
        "made_at": workspace.clock.now().isoformat(),
        "why": why,
        "approval": _approver(opened, plan),
        "by": workspace.person.name,
    }
    workspace.documents.add("plan", f"{plan.endpoint}/{plan.number}", body)
    write_plan(workspace.folder, plan)
    workspace.note(PLAN_PUBLISHED, plan.endpoint, plan=plan.to_json(), why=why, approved_by=body["approval"])
    opened.enter_stage("serving")
    return plan


def newest_plan(opened: Opened) -> Plan | None:
    """The endpoint's plan of the highest number; None before the first release.

    The number decides and not the time: a replay's clock runs behind.
    """
    where = {"endpoint": opened.project.serving.endpoint}
    found = opened.workspace.documents.find("plan", where=where, limit=_MOST)
    plans = [Plan.from_json(one.body["plan"]) for one in found]  # type: ignore[arg-type]
    return max(plans, key=lambda plan: plan.number, default=None)


def restore_plan(opened: Opened) -> Plan:
    """Make sure that the file which workers follow is the newest plan, and that the ledger knows it.

    Raises:
        Refused: If nothing was released yet.
    """
    plan = newest_plan(opened)
    if plan is None:
        raise Refused(
            f"endpoint {opened.project.serving.endpoint!r} has no plan: nothing was approved and released yet",
            remedy="run `shipworthy ship`",
            endpoint=opened.project.serving.endpoint,
        )
    write_plan(opened.workspace.folder, plan)
    known = opened.workspace.ledger.history(kind=PLAN_PUBLISHED, subject=plan.endpoint)
    if not any(event.facts["plan"] == plan.to_json() for event in known):
        opened.workspace.note(PLAN_PUBLISHED, plan.endpoint, plan=plan.to_json(), why="finished after a crash")
    return plan


def _approver(opened: Opened, plan: Plan) -> str:
    """Who approved the newest package of the plan."""
    package = opened.workspace.documents.get("package", plan.variants[-1].package)
    return approval_of(opened.workspace, package.id, str(package.body["verdict"])).person

"""Release: an approved package becomes the endpoint's next plan; the data plane follows the file."""

from shipworthy.app.approve import approval_of
from shipworthy.app.opened import Opened
from shipworthy.app.plan_file import write_plan
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.governance.ledger import PLAN_PUBLISHED
from shipworthy.stores.documents import Document

__all__ = ["newest_plan", "release", "restore_plan"]


def release(opened: Opened, package: Document, *, why: str) -> Plan:
    """Put ``package`` behind the project's endpoint.

    The plan is written down first, then put in force; after a crash in between, :func:`restore_plan` finishes it.
    Releasing what serves already changes nothing.

    Raises:
        Refused: If nobody approved this package on its verdict, or the person may not ship.
        BackendFailed: If the plan cannot be written; the plan before stays in force.
    """
    workspace, endpoint = opened.workspace, opened.project.serving.endpoint
    workspace.require("ship")
    approval = approval_of(workspace, package.id, str(package.body["verdict"]))
    last = newest_plan(opened)
    if last is not None and last.champion.package == package.id:
        write_plan(workspace.folder, last)
        return last
    if last is not None and opened.project.rollout.strategy == "canary":
        raise Refused(
            f"endpoint {endpoint!r} serves {last.champion.package[:12]}, and this version cannot replace it by canary",
            remedy="set `rollout: {strategy: direct}` in shipworthy.yaml to replace it in one step",
            endpoint=endpoint,
            package=package.id,
        )
    champion = Variant(name="champion", role=Role.CHAMPION, package=package.id, weight=1.0)
    plan = Plan(
        endpoint=endpoint,
        number=last.number + 1 if last else 1,
        variants=(champion,),
        fallback=opened.project.serving.fallback == "baseline",
        salt=endpoint,
    )
    body: dict[str, Json] = {
        "project": opened.project.name,
        "endpoint": endpoint,
        "plan": plan.to_json(),
        "made_at": workspace.clock.now().isoformat(),
        "why": why,
        "approval": approval.person,
        "by": workspace.person.name,
    }
    workspace.documents.add("plan", f"{endpoint}/{plan.number}", body)
    write_plan(workspace.folder, plan)
    workspace.note(PLAN_PUBLISHED, endpoint, plan=plan.to_json(), why=why, approved_by=approval.person)
    opened.enter_stage("serving")
    return plan


def newest_plan(opened: Opened) -> Plan | None:
    """The endpoint's newest plan; None before the first release."""
    where = {"endpoint": opened.project.serving.endpoint}
    found = opened.workspace.documents.find("plan", where=where, limit=1)
    return Plan.from_json(found[0].body["plan"]) if found else None  # type: ignore[arg-type]


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

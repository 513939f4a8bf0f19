"""Release: an approved package goes behind the endpoint, all at once or as a canary."""

from shipworthy.app.approve import approval_of
from shipworthy.app.opened import Opened
from shipworthy.app.plan_file import write_plan
from shipworthy.app.plans import newest_plan, publish
from shipworthy.app.rollout import begin_canary
from shipworthy.core.errors import Refused
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.packaging.package import open_package
from shipworthy.packaging.signature import Field
from shipworthy.stores.documents import Document

__all__ = ["release"]


def release(opened: Opened, package: Document, *, why: str, direct: bool = False) -> Plan:
    """Put ``package`` behind the project's endpoint, all at once or as a canary, as the project declares.

    Releasing what serves already changes nothing.

    Args:
        opened: The project.
        package: A judged package.
        why: In a sentence, for the history.
        direct: Replace the champion in one step whatever the project declares.

    Raises:
        Refused: If nobody approved this package on its verdict, the person may not ship, or another canary is on
            its way.
        BackendFailed: If the plan cannot be written; the plan before stays in force.
    """
    workspace, endpoint = opened.workspace, opened.project.serving.endpoint
    workspace.require("ship")
    approval_of(workspace, package.id, str(package.body["verdict"]))
    last = newest_plan(opened)
    if last is not None and package.id in {one.package for one in last.variants}:
        write_plan(workspace.folder, last)
        return last
    if last is None or direct or opened.project.rollout.strategy == "direct":
        return publish(opened, _direct(opened, package.id, last), why=why)
    if len(last.variants) > 1:
        raise Refused(
            f"a canary of package {last.variants[-1].package[:12]} is on its way at {endpoint!r}",
            remedy="wait until it has climbed or gone back, or release with --direct",
            endpoint=endpoint,
            package=package.id,
        )
    _need_equal_inputs(opened, last.champion.package, package.id)
    return begin_canary(opened, last, package.id, why=why)


def _need_equal_inputs(opened: Opened, champion: str, package: str) -> None:
    """A caller cannot know which variant will answer, so both have to take the same request."""
    now, then = ({one.name for one in _inputs(opened, digest)} for digest in (champion, package))
    if now != then:
        changed = ", ".join(sorted(now ^ then))
        raise Refused(
            f"package {package[:12]} takes other inputs than the champion ({changed}), so they cannot share traffic",
            remedy="tell the callers, then release it in one step with `shipworthy ship --direct`",
            package=package,
            inputs=sorted(now ^ then),
        )


def _inputs(opened: Opened, digest: str) -> tuple[Field, ...]:
    return open_package(opened.workspace.packages / digest).signature.inputs


def _direct(opened: Opened, package: str, last: Plan | None) -> Plan:
    endpoint = opened.project.serving.endpoint
    champion = Variant(name="champion", role=Role.CHAMPION, package=package, weight=1.0)
    return Plan(
        endpoint=endpoint,
        number=last.number + 1 if last else 1,
        variants=(champion,),
        fallback=opened.project.serving.fallback == "baseline",
        salt=endpoint,
    )

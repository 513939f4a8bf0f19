"""History: the ledger, what served at a time, and whether anything was changed since."""

from shipworthy.app.opened import Opened
from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.core.errors import Refused, UserError
from shipworthy.governance.ledger import PLAN_PUBLISHED

__all__ = ["history", "served_then", "verify_ledger"]


def history(opened: Opened, *, kind: str | None = None, limit: int = 30) -> list[dict[str, Json]]:
    """The newest events of the workspace, oldest of them first."""
    return [event.to_json() for event in opened.workspace.ledger.history(kind=kind)[-limit:]]


def served_then(opened: Opened, at: str) -> dict[str, Json]:
    """What served on the project's endpoint at an instant.

    Args:
        opened: The project.
        at: ISO 8601 instant; UTC if it has no offset.

    Raises:
        UserError: If ``at`` is no instant.
    """
    try:
        instant = parse_instant(at)
    except ValueError as error:
        raise UserError(f"{at!r} is no instant", remedy="write ISO 8601, e.g. 2013-10-01T14:05Z", at=at) from error
    endpoint = opened.project.serving.endpoint
    plan = opened.workspace.ledger.served_at(endpoint, instant)
    if plan is None:
        return {"endpoint": endpoint, "at": instant.isoformat(), "plan": None}
    published = opened.workspace.ledger.history(kind=PLAN_PUBLISHED, subject=endpoint, until=instant)
    since = next(event.at for event in reversed(published) if event.facts["plan"] == plan.to_json())
    return {
        "endpoint": endpoint,
        "at": instant.isoformat(),
        "since": since.isoformat(),
        "number": plan.number,
        "package": plan.champion.package,
        "plan": plan.to_json(),
    }


def verify_ledger(opened: Opened) -> int:
    """Recompute the chain.

    Returns:
        How many events it has.

    Raises:
        Refused: If an event was changed, removed, inserted or moved; names the first.
    """
    broken = opened.workspace.ledger.verify()
    if broken is not None:
        raise Refused(
            f"the ledger was tampered with: event {broken} is not what it was",
            remedy="restore the database from a backup, and find out who could write to it",
            event=broken,
        )
    return opened.workspace.ledger.head().number

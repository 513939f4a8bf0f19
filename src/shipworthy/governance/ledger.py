"""The ledger: what happened, in order, each event sealed to the one before, so that any later change shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shipworthy.core.clock import Clock, parse_instant
from shipworthy.core.digests import Json, digest_json
from shipworthy.core.errors import BackendFailed
from shipworthy.core.plan import Plan
from shipworthy.stores.journal import Head, Journal, Link

__all__ = ["PLAN_PUBLISHED", "Event", "Ledger"]

PLAN_PUBLISHED: Final = "plan.published"
"""Kind of the event that puts a plan in force: its subject is the endpoint, its facts hold ``plan``."""

_PAGE: Final = 1_000
_BEFORE_ALL: Final = -(1 << 62)  # a row slipped in under number 1 must show too


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: Counts up from 1 without gaps.
        at: When, on the workspace's clock.
        actor: Who did it: a person, or a part of the system such as ``"controller"``.
        kind: What it was, a dotted name such as ``"approval.given"``.
        subject: What it was done to: an id, a digest or a name.
        facts: The particulars, plain JSON.
        previous: Digest of the event before; empty for the first.
        digest: SHA-256 over all of the above.
    """

    seq: int
    at: datetime
    actor: str
    kind: str
    subject: str
    facts: Mapping[str, Json]
    previous: str
    digest: str

    def to_json(self) -> dict[str, Json]:
        """Plain JSON."""
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "kind": self.kind,
            "subject": self.subject,
            "facts": self.facts,
            "previous": self.previous,
            "digest": self.digest,
        }


class Ledger:
    """Writes and reads the history of a workspace. Safe to share between threads and processes.

    The chain shows a changed, removed, inserted or reordered event, and a cut tail, to everybody who cannot
    rewrite the whole database. Against somebody who can, keep ``head`` elsewhere and verify against it.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def record(self, *, actor: str, kind: str, subject: str, facts: Mapping[str, Json] | None = None) -> Event:
        """Append what was done.

        Raises:
            ValueError: If ``facts`` hold a number that is not finite.
            BackendFailed: If it could not be kept.
        """

        def seal(last: Link | None) -> Link:
            seq, previous = (last.number + 1, last.digest) if last else (1, "")
            body: dict[str, Json] = {
                "seq": seq,
                "at": self._clock.now().isoformat(),
                "actor": actor,
                "kind": kind,
                "subject": subject,
                "facts": facts or {},
                "previous": previous,
            }
            return Link(number=seq, body=body, digest=digest_json(body))

        return _event(self._journal.append(seal))

    def history(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Event, ...]:
        """The events in order; each argument that is given leaves others out.

        Args:
            kind: Only of this kind.
            subject: Only about this.
            since: Only at or after this instant.
            until: Only at or before this instant.
        """
        return tuple(
            event
            for event in map(_event, self._links())
            if (kind is None or event.kind == kind)
            and (subject is None or event.subject == subject)
            and (since is None or event.at >= since)
            and (until is None or event.at <= until)
        )

    def served_at(self, endpoint: str, instant: datetime) -> Plan | None:
        """The plan in force at an instant; None if the endpoint had none yet."""
        published = self.history(kind=PLAN_PUBLISHED, subject=endpoint, until=instant)
        if not published:
            return None
        latest = max(published, key=lambda event: (event.at, event.seq))
        return Plan.from_json(_object(latest.facts["plan"]))

    def head(self) -> Head:
        """Number and digest of the last event: note them elsewhere to verify against later."""
        return self._journal.head()

    def verify(self, noted: Head | None = None) -> int | None:
        """Look for tampering.

        Args:
            noted: A head that was noted elsewhere: the event of that number must still have that digest.

        Returns:
            The number of the first event that is not what it was; None if the chain is whole.
        """
        before = self._journal.head()  # others may append while we read: the chain ends between these two heads
        previous, expected = "", 1
        for link in self._links():
            if not _fits(link, expected, previous) or _differs(link, before) or _differs(link, noted):
                return expected
            previous, expected = link.digest, expected + 1
        last = Head(number=expected - 1, digest=previous)
        after = self._journal.head()
        if last.number > after.number or (last.number == after.number and last != after):
            return after.number + 1
        promised = max(before.number, noted.number if noted else 0)
        return expected if last.number < promised else None

    def _links(self) -> Iterator[Link]:
        after = _BEFORE_ALL
        while page := self._journal.read(after, _PAGE):
            yield from page
            after = page[-1].number


def _fits(link: Link, expected: int, previous: str) -> bool:
    body = link.body
    try:
        digest = digest_json(body)
    except ValueError:  # an infinite number, which nothing of ours has written
        return False
    return link.number == expected == body.get("seq") and body.get("previous") == previous and digest == link.digest


def _differs(link: Link, noted: Head | None) -> bool:
    return noted is not None and link.number == noted.number and link.digest != noted.digest


def _event(link: Link) -> Event:
    body = link.body
    try:
        return Event(
            seq=link.number,
            at=parse_instant(str(body["at"])),
            actor=str(body["actor"]),
            kind=str(body["kind"]),
            subject=str(body["subject"]),
            facts=_object(body["facts"]),
            previous=str(body["previous"]),
            digest=link.digest,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BackendFailed(
            f"event {link.number} of the ledger cannot be read: it is not what was written",
            remedy="find where tampering begins (shipworthy history --verify) and restore the database from a backup",
            seq=link.number,
        ) from error


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no JSON object")
    return value

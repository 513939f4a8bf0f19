"""The one kind of judgement: a check turns evidence into a finding; a verdict is a digest over findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shipworthy.core.digests import Json, digest_json

__all__ = ["Finding", "Status", "Verdict"]


class Status(StrEnum):
    """How a check ended. ``skipped`` needs a reason in the finding's message."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


_BLOCKING = frozenset({Status.FAILED, Status.ERRORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        check: The check's stable dotted name, such as ``"leakage.single_feature"``.
        status: How it ended.
        message: One plain sentence with the measured value, its unit and the threshold.
        measured: The measured value, in ``unit``; None if there is none.
        interval: Lower and upper bound of ``measured`` where it is an estimate, in ``unit``.
        threshold: What ``measured`` was held against, as text, such as ``"<= 0.03"``.
        unit: Unit of ``measured``, such as ``"USD per 1,000 decisions"``; empty if it has none.
        remedy: What to do about it; required unless the check passed or was skipped.
        evidence: Plain JSON that convinces: numbers for a picture, offending rows, names. A key ``"picture"``
            names the kind of picture that draws it (``app/pictures``).

    Raises:
        ValueError: If a finding that warns, fails or errs has no remedy, or one that was skipped no message.
    """

    check: str
    status: Status
    message: str
    measured: float | None = None
    interval: tuple[float, float] | None = None
    threshold: str = ""
    unit: str = ""
    remedy: str = ""
    evidence: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.message:
            raise ValueError(f"{self.check}: a finding needs a message")
        if self.status in {Status.WARNED, Status.FAILED, Status.ERRORED} and not self.remedy:
            raise ValueError(f"{self.check}: a finding that {self.status} needs a remedy")

    @property
    def blocks(self) -> bool:
        """Whether this finding alone stops a gate."""
        return self.status in _BLOCKING

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal finding."""
        return {
            "check": self.check,
            "status": self.status.value,
            "message": self.message,
            "measured": self.measured,
            "interval": list(self.interval) if self.interval else None,
            "threshold": self.threshold,
            "unit": self.unit,
            "remedy": self.remedy,
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "Finding":
        """Read what :meth:`to_json` wrote."""
        known = dict(body)
        interval = known.pop("interval")
        bounds = (float(interval[0]), float(interval[1])) if isinstance(interval, Sequence) else None  # type: ignore[arg-type]
        status = Status(str(known.pop("status")))
        return cls(**known, status=status, interval=bounds)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of one gate: its findings in the order they were made.

    Attributes:
        gate: Name of the gate, such as ``"standard"``.
        findings: All findings, at least one.
        subject: Digest of what was judged (of the package for the standard gate).

    >>> fine = Finding(check="latency", status=Status.PASSED, message="p99 is 2 ms (<= 10 ms)")
    >>> Verdict(gate="standard", subject="ab12", findings=(fine,)).passed
    True
    """

    gate: str
    subject: str
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        if not self.findings:
            raise ValueError(f"gate {self.gate!r}: a verdict needs at least one finding")

    @property
    def passed(self) -> bool:
        """Whether nothing blocks."""
        return not any(finding.blocks for finding in self.findings)

    @property
    def digest(self) -> str:
        """SHA-256 over gate, subject and findings: what an approval is bound to."""
        return digest_json(self.to_json())

    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stop the gate."""
        return tuple(finding for finding in self.findings if finding.blocks)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal verdict."""
        return {
            "gate": self.gate,
            "subject": self.subject,
            "passed": self.passed,
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "Verdict":
        """Read what :meth:`to_json` wrote."""
        findings = body["findings"]
        assert isinstance(findings, Sequence)
        read = tuple(Finding.from_json(one) for one in findings)  # type: ignore[arg-type]
        return cls(gate=str(body["gate"]), subject=str(body["subject"]), findings=read)

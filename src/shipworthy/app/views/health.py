"""Is it well? Four words for the state of a thing, and the rules that choose one from what was measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.findings import Finding, Status

__all__ = ["Health", "Mark", "data_mark", "model_mark", "of_findings", "rank", "service_mark", "worst"]

# The service breaks its word when one request in a hundred fails; the same line as the standard guard of a rollout.
BROKEN_SHARE = 0.01
# A caller's mistakes are no fault of the data until they are common: one in a hundred wants a look, one in ten breaks.
BROKEN_DATA_SHARE = 0.1
# One missed window is a late job; two are a service that nobody calls or nobody watches.
STALE_WINDOWS = 2


class Health(StrEnum):
    """How a thing is."""

    WELL = "well"
    LOOK = "look"
    BROKEN = "broken"
    UNKNOWN = "unknown"


_ORDER = (Health.BROKEN, Health.LOOK, Health.UNKNOWN, Health.WELL)
_OF_STATUS = {
    Status.PASSED: Health.WELL,
    Status.WARNED: Health.LOOK,
    Status.FAILED: Health.BROKEN,
    Status.ERRORED: Health.BROKEN,
    Status.SKIPPED: Health.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The health of one side of a project, with the reason in words.

    Attributes:
        about: ``data``, ``model`` or ``service``.
        health: The word.
        text: Why, with the number that decided.
    """

    about: str
    health: Health
    text: str


def worst(states: Iterable[Health]) -> Health:
    """The worst of several; unknown when there is none.

    >>> worst([Health.WELL, Health.LOOK]).value
    'look'
    """
    found = set(states)
    return next((one for one in _ORDER if one in found), Health.UNKNOWN)


def rank(health: Health) -> int:
    """Where a state stands among others, the worst first."""
    return _ORDER.index(health)


def of_findings(findings: Iterable[Finding]) -> Health:
    """The health that findings tell; skipped ones count only when there is nothing else."""
    states = {_OF_STATUS[one.status] for one in findings}
    return worst(states - {Health.UNKNOWN} or states)


def data_mark(window: Part, contract: Iterable[Finding]) -> Mark:
    """Data: how many requests broke the contract in the last window; before there are any, what the gate found."""
    requests = window.number("requests") or 0
    if requests:
        outcomes = window.part("outcomes")
        broke, rescued = (outcomes.number(name) or 0 for name in ("invalid", "fallback"))
        share = (broke + rescued) / requests
        health = Health.WELL if share < BROKEN_SHARE else Health.LOOK if share < BROKEN_DATA_SHARE else Health.BROKEN
        texts = [f"{words.share(broke / requests)} of requests were refused"] if broke else []
        texts += [f"{words.share(rescued / requests)} were answered by the fallback"] if rescued else []
        return Mark(about="data", health=health, text=", ".join(texts) or "every request kept the contract")
    findings = tuple(contract)
    if not findings:
        return Mark(about="data", health=Health.UNKNOWN, text="nothing was held against a contract yet")
    health = of_findings(findings)
    text = "training data kept its contract" if health is Health.WELL else "training data broke its contract"
    return Mark(about="data", health=health, text=text)


def model_mark(performance: Part, *, incidents: int) -> Mark:
    """Model: whether what matured clears every line of "good enough"."""
    bars = performance.parts("bars")
    if not bars:
        return Mark(about="model", health=Health.UNKNOWN, text="no outcome is known yet")
    missed = [one for one in bars if not one.flag("cleared")]
    if missed:
        names = " and ".join(words.metric_name(one.text("metric")) for one in missed)
        return Mark(about="model", health=Health.BROKEN, text=f"{names} is under good enough")
    if incidents:
        return Mark(about="model", health=Health.LOOK, text=f"good enough, with {words.plural(incidents, 'incident')}")
    return Mark(about="model", health=Health.WELL, text="good enough on every line")


def service_mark(window: Part, *, budget_ms: float | None, now: datetime) -> Mark:
    """Service: failures and p99 latency of the last window, and whether there is a window at all."""
    requests, end = window.number("requests"), window.instant("end")
    if requests is None or end is None:
        return Mark(about="service", health=Health.UNKNOWN, text="no traffic yet")
    if now - end > _length(window) * STALE_WINDOWS:
        return Mark(about="service", health=Health.LOOK, text=f"the last window ended {words.age(end, now)}")
    outcomes = window.part("outcomes")
    failed = sum(outcomes.number(name) or 0 for name in ("error", "timeout", "rejected")) / max(requests, 1)
    if failed:
        health = Health.LOOK if failed < BROKEN_SHARE else Health.BROKEN
        return Mark(about="service", health=health, text=f"{words.share(failed)} of requests failed")
    p99 = window.part("latency_ms").number("p99")
    if budget_ms is not None and p99 is not None and p99 > budget_ms:
        text = f"p99 {words.milliseconds(p99)}, over its budget of {words.milliseconds(budget_ms)}"
        return Mark(about="service", health=Health.LOOK, text=text)
    return Mark(about="service", health=Health.WELL, text=f"no failure, {words.milliseconds(p99)} p99")


def _length(window: Part) -> timedelta:
    start, end = window.instant("start"), window.instant("end")
    return end - start if start and end else timedelta(days=1)

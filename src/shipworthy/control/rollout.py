"""The way from one plan to the next: a canary climbs only on evidence, and doubt sends it back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from shipworthy.control.guards import Guards, Seen
from shipworthy.core.clock import parse_instant
from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.problem.project import Rollout
from shipworthy.problem.units import format_duration

__all__ = ["Action", "State", "begin", "carry_out", "decide", "next_plan", "observe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a rollout stands.

    Attributes:
        steps: Shares of the traffic that the new package gets in turn, fractions that rise to 1.
        step: Index of the step that is in force.
        since: When that step began, aware UTC.
        requests: Requests that the canary got in that step.
        enough: Requests that the canary has to get before a step may be left for the next.
        guards: Evidence so far, over all steps.

    Raises:
        ValueError: If the steps do not rise to 1 or ``step`` is none of them.
    """

    steps: tuple[float, ...]
    since: datetime
    step: int = 0
    requests: int = 0
    enough: int = 200
    guards: Guards = field(default_factory=Guards)

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip((0.0, *self.steps), self.steps, strict=False))
        if not (self.steps and rising and self.steps[-1] == 1):
            raise ValueError(f"steps {self.steps} do not rise to 1")
        if not 0 <= self.step < len(self.steps):
            raise ValueError(f"there is no step {self.step} of {len(self.steps)}")

    @property
    def share(self) -> float:
        """The canary's share of the traffic now, a fraction in (0, 1]."""
        return self.steps[self.step]

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal state."""
        return {
            "steps": list(self.steps),
            "since": self.since.isoformat(),
            "step": self.step,
            "requests": self.requests,
            "enough": self.enough,
            "guards": self.guards.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "State":
        """Read what :meth:`to_json` wrote."""
        steps, guards = body["steps"], body["guards"]
        assert isinstance(steps, Sequence)
        assert isinstance(guards, Mapping)
        return cls(
            steps=tuple(float(str(one)) for one in steps),
            since=parse_instant(str(body["since"])),
            step=int(str(body["step"])),
            requests=int(str(body["requests"])),
            enough=int(str(body["enough"])),
            guards=Guards.from_json(guards),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do next.

    Attributes:
        kind: ``wait`` changes nothing; ``advance`` gives the canary its next share; ``finish`` makes it the champion;
            ``roll_back`` sends all traffic back to the champion.
        share: The share of the traffic that the new package has after it, a fraction in [0, 1].
        reason: Why, in one sentence with the figures that decided.
    """

    kind: Literal["wait", "advance", "finish", "roll_back"]
    share: float
    reason: str


def begin(rollout: Rollout, *, first: bool, now: datetime, enough: int = 200) -> State:
    """The state at the start; the first release of an endpoint has no champion to be compared with: it is direct.

    Args:
        rollout: What the project declares.
        first: Whether nothing serves yet.
        now: The present instant, aware UTC.
        enough: Requests that the canary has to get in each step.
    """
    direct = first or rollout.strategy == "direct"
    return State(steps=(1.0,) if direct else rollout.steps, since=now, enough=enough)


def observe(state: State, seen: Seen) -> State:
    """The state after more traffic; at a share of 1 there is nobody to be compared with."""
    guards = state.guards.add(seen, share=state.share) if state.share < 1 else state.guards
    return replace(state, guards=guards, requests=state.requests + seen.canary)


def decide(state: State, findings: Iterable[Finding], now: datetime) -> Action:
    """What to do next; rolling back is the answer to any doubt.

    Args:
        state: Where the rollout stands.
        findings: What checks found on the canary since it serves; one that blocks sends it back.
        now: The present instant, aware UTC.
    """
    doubts = [f"{one.check}: {one.message}" for one in findings if one.blocks] + [
        f"{one.name}: the evidence that the canary is worse than the champion crossed its line of {one.line:g}"
        for one in state.guards.all()
        if one.crossed
    ]
    if doubts:
        return Action(kind="roll_back", share=0.0, reason="; ".join(doubts))
    if state.share == 1:
        return Action(kind="finish", share=1.0, reason="the new package carries all traffic")
    minutes = timedelta(minutes=(now - state.since) // timedelta(minutes=1))
    figures = f"{state.requests} of {state.enough} requests at {state.share:.0%} in {format_duration(minutes)}"
    if state.requests < state.enough:
        return Action(kind="wait", share=state.share, reason=f"{figures}, no guard crossed its line")
    following = state.steps[state.step + 1]
    kind: Literal["advance", "finish"] = "finish" if following == 1 else "advance"
    return Action(kind=kind, share=following, reason=f"{figures} and no guard crossed its line")


def carry_out(state: State, action: Action, now: datetime) -> State:
    """The state after ``action``: an advance begins the next step at ``now``, anything else changes nothing."""
    if action.kind != "advance":
        return state
    return replace(state, step=state.step + 1, since=now, requests=0)


def next_plan(plan: Plan, package: str, action: Action) -> Plan:
    """The plan that ``action`` asks for; ``plan`` itself where nothing changes.

    Args:
        plan: The plan in force.
        package: Digest of the new package.
        action: What was decided.
    """
    champion = plan.champion
    if action.kind in {"finish", "roll_back"}:
        stays = package if action.kind == "finish" else champion.package
        variants: tuple[Variant, ...] = (replace(champion, package=stays, weight=1.0),)
    else:
        canary = Variant(name="challenger", role=Role.CHALLENGER, package=package, weight=action.share)
        variants = (replace(champion, weight=1 - action.share), canary)
    if variants == plan.variants:
        return plan
    return replace(plan, number=plan.number + 1, variants=variants)

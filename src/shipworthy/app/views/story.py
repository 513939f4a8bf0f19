"""The newest of everything that belongs to one project: what the overview, the project and the gate are told from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.goal import GoalView, view_goal
from shipworthy.app.views.health import Health, Mark, data_mark, model_mark, rank, service_mark
from shipworthy.app.views.reading import Part, Workspace, newest, read_all, read_one
from shipworthy.app.views.windows import Performance, newest_window, read_performance, view_performance
from shipworthy.core.findings import Finding, Verdict
from shipworthy.stores.documents import Document

__all__ = ["Headline", "Story", "headline_of", "marks_of", "read_story", "waits_for"]

STAGES = ("goal", "feasibility", "training", "gate", "approval", "serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer to "is it well?": one sentence and one number.

    Attributes:
        health: The state in one word.
        sentence: Why, in plain words.
        figure: The number that counts, with unit and sign; empty when there is none yet.
        note: What the number is over: its interval and how much it rests on.
        as_of: When it was found.
    """

    health: Health
    sentence: str
    figure: str = ""
    note: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One project with the newest document of each kind; None where there is none yet.

    Attributes:
        stage: Where it stands on its way: one of ``STAGES``.
        verdict: The newest verdict; ``judged`` is its document.
        approval: The newest yes or no to that verdict.
        plan: The plan in force.
        window: The newest monitoring window.
        incidents: Open incidents, newest first.
    """

    name: str
    owner: str
    stage: str
    stage_since: datetime | None
    endpoint: str
    goal: GoalView
    run: Document | None
    judged: Document | None
    verdict: Verdict | None
    approval: Document | None
    plan: Document | None
    window: Part
    performance: Performance
    measured: Part
    incidents: tuple[Document, ...]

    def reached(self, stage: str) -> bool:
        """Whether the project is past ``stage``."""
        return self.stage in STAGES and STAGES.index(self.stage) > STAGES.index(stage)

    def findings(self, beginning: str) -> tuple[Finding, ...]:
        """The newest verdict's findings whose check begins so."""
        return tuple(one for one in (self.verdict.findings if self.verdict else ()) if one.check.startswith(beginning))


def read_story(workspace: Workspace, name: str) -> Story:
    """Gather the newest of everything about one project.

    Raises:
        NotFound: If there is no such project.
    """
    body = Part(read_one(workspace, "project", name).body)
    endpoint = body.text("endpoint")
    judged = newest(workspace, "verdict", project=name)
    measured = read_performance(workspace, endpoint) if endpoint else Part(None)
    return Story(
        name=name,
        owner=body.text("owner"),
        stage=body.text("stage", "goal"),
        stage_since=body.instant("stage_since"),
        endpoint=endpoint,
        goal=view_goal(body.part("goal")),
        run=newest(workspace, "run", project=name),
        judged=judged,
        verdict=verdict_of(judged) if judged else None,
        approval=newest(workspace, "approval", verdict=judged.id) if judged else None,
        plan=plan_in_force(workspace, endpoint) if endpoint else None,
        window=newest_window(workspace, endpoint) if endpoint else Part(None),
        performance=view_performance(measured),
        measured=measured,
        incidents=read_all(workspace, "incident", project=name, status="open"),
    )


def verdict_of(document: Document) -> Verdict:
    """The verdict that a document keeps."""
    body = document.body["verdict"]
    assert isinstance(body, Mapping)
    return Verdict.from_json(body)


def plan_in_force(workspace: Workspace, endpoint: str) -> Document | None:
    """The plan with the highest number; None when the endpoint has none."""
    plans = read_all(workspace, "plan", endpoint=endpoint)
    return max(plans, key=lambda one: Part(one.body).part("plan").whole("number"), default=None)


def marks_of(story: Story, now: datetime) -> tuple[Mark, Mark, Mark]:
    """The health of data, model and service, in this order."""
    return (
        data_mark(story.window, story.findings("contract")),
        model_mark(story.measured, incidents=len(story.incidents)),
        service_mark(story.window, budget_ms=story.goal.latency_ms, now=now),
    )


def waits_for(story: Story) -> str:
    """Who or what the project waits for; empty when nobody."""
    if story.verdict is not None and not story.verdict.passed:
        return f"{story.owner or 'its author'}: mend {words.plural(len(story.verdict.blocking()), 'failed check')}"
    if story.verdict is not None and story.approval is None and story.plan is None:
        return "a person who approves or refuses"
    if story.incidents:
        return f"{story.owner or 'its owner'}: {words.plural(len(story.incidents), 'open incident')}"
    return ""


def headline_of(story: Story, marks: Iterable[Mark] = ()) -> Headline:
    """One sentence and one number about a project.

    Args:
        story: The project.
        marks: Its marks; data and service that are not well are told too, so that no headline hides them.
    """
    told = _headline(story)
    troubled = [one for one in marks if one.about != "model" and one.health in {Health.LOOK, Health.BROKEN}]
    if not troubled:
        return told
    more = "; ".join(f"{one.about}: {one.text}" for one in troubled)
    health = min(told.health, *(one.health for one in troubled), key=rank)
    return replace(told, health=health, sentence=f"{told.sentence} {more[:1].upper()}{more[1:]}.")


def _headline(story: Story) -> Headline:
    if story.performance.labelled:
        return _earning(story)
    if story.verdict is not None and not story.verdict.passed:
        blocking = story.verdict.blocking()
        return Headline(
            health=Health.BROKEN,
            sentence=f"The gate refuses it: {blocking[0].message}",
            figure=words.plural(len(blocking), "failed check"),
        )
    if story.plan is not None:
        return Headline(health=Health.UNKNOWN, sentence="It serves; what it earns is known when outcomes arrive.")
    if story.verdict is not None:
        return _decided(story)
    if story.run is not None:
        return Headline(health=Health.UNKNOWN, sentence="It is trained and waits for the gate: `shipworthy test`.")
    return Headline(health=Health.UNKNOWN, sentence="It has a goal and no model yet: `shipworthy train`.")


def _decided(story: Story) -> Headline:
    decision = Part(story.approval.body).text("decision") if story.approval else ""
    if decision == "no":
        return Headline(health=Health.BROKEN, sentence="A person refused it.")
    if decision == "yes":
        return Headline(health=Health.WELL, sentence="It is approved and waits for its endpoint: `shipworthy serve`.")
    return Headline(health=Health.LOOK, sentence="It passed the gate and waits for a person to approve it.")


def _earning(story: Story) -> Headline:
    reached, uplift, per = story.performance, story.performance.uplift, story.goal.per_1000
    each = story.goal.each
    earns = "earns" if (uplift.value or 0) >= 0 else "loses"
    sentence = f"It {earns} {words.amount(abs(uplift.value or 0), per)} {'more' if earns == 'earns' else 'against'}"
    sentence += " than what is done today" if earns == "earns" else " what is done today"
    if reached.missed:
        names = ", ".join(words.metric_name(one.metric) for one in reached.missed)
        sentence += f", but misses good enough on {names}."
    elif story.incidents:
        sentence += f"; {words.plural(len(story.incidents), 'incident')} needs a person."
    else:
        sentence += ": good enough on every line." if reached.bars else "."
    health = Health.BROKEN if reached.missed else Health.LOOK if story.incidents else Health.WELL
    interval = words.between(uplift.low, uplift.high, per, signed=True)
    over = f"over {words.count(reached.labelled)} {each}s with a known outcome in {words.plural(reached.days, 'day')}"
    return Headline(
        health=health,
        sentence=sentence,
        figure=words.amount(uplift.value, per, signed=True),
        note=f"95 % interval {interval}, {over}" if interval else over,
        as_of=reached.as_of,
    )

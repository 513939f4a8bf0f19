"""The model card: what the model is for, what was shown about it and where it ends, for people and for hubs."""

from collections.abc import Mapping, Sequence

import msgspec
import yaml

from shipworthy.core.digests import Json
from shipworthy.core.findings import Finding, Status, Verdict
from shipworthy.packaging.package import Package

__all__ = ["model_card"]

_MARK = {
    Status.PASSED: "passed",
    Status.WARNED: "**warned**",
    Status.FAILED: "**failed**",
    Status.ERRORED: "**errored**",
    Status.SKIPPED: "skipped",
}

_ALWAYS_A_LIMIT = (
    "It was shown on the period of its evaluation; a change of the world after it shows in monitoring, not here.",
    "It was made for this decision and these values; another use needs another goal and another gate.",
    "No check looked at groups of people; if the decisions touch people, examine that before use.",
)


class _Source(msgspec.Struct):
    source: str
    rows: int
    digest: str


class _Period(msgspec.Struct):
    start: str = msgspec.field(name="from")
    to: str
    rows: int
    blocks: int
    train_from: str
    train_to: str
    train_rows: int


class _Estimate(msgspec.Struct):
    estimate: float | None
    low: float | None
    high: float | None


class _Candidate(msgspec.Struct):
    name: str
    kind: str
    metrics: dict[str, _Estimate]
    proposed: bool = False


class _Run(msgspec.Struct):
    """What the card reads of a run's document; all of it may be missing."""

    author: str = ""
    data: list[_Source] = []
    validation: _Period | None = None
    candidates: list[_Candidate] = []
    sentence: str = ""


def model_card(package: Package, *, verdict: Verdict, run: Mapping[str, Json]) -> str:
    """Write the card of a judged package; equal arguments give equal text.

    Args:
        package: Its goal, signature and origin enter the card.
        verdict: Its findings are the evaluation.
        run: Body of the run's document: author, data, validation, candidates and the sentence of the choice.

    Returns:
        Markdown with the front matter of the Hugging Face hub.

    Raises:
        ValueError: If the run's document has another form.

    Source:
        M. Mitchell et al. (2019), Model cards for model reporting, FAT*, for the sections.
    """
    known = msgspec.convert(dict(run), _Run)
    front = yaml.safe_dump(_front_matter(package, verdict), sort_keys=False, allow_unicode=True)
    sections = [_details(package, known), _use(package), _evaluation(verdict), _data(known), _rivals(known)]
    text = "\n\n".join([*sections, _limits(verdict)])
    return f"---\n{front}---\n\n{text}\n"


def _front_matter(package: Package, verdict: Verdict) -> dict[str, object]:
    metrics = [
        {"type": one.check.removeprefix("good_enough."), "name": one.check, "value": one.measured}
        for one in verdict.findings
        if one.measured is not None
    ]
    result = {
        "task": {"type": "tabular-classification", "name": package.goal.question},
        "dataset": {"type": "tabular", "name": _project(package)},
        "metrics": metrics,
    }
    return {
        "library_name": "onnx",
        "pipeline_tag": "tabular-classification",
        "tags": ["shipworthy"],
        "model-index": [{"name": _project(package), "results": [result]}],
    }


def _details(package: Package, run: _Run) -> str:
    rows = {
        "Author": run.author,
        "Content": f"`{package.content_digest}`",
        "Run": package.origin.get("run"),
        "Made": package.origin.get("created_at"),
        "Takes": ", ".join(f"{field.name} ({field.datatype.value})" for field in package.signature.inputs),
        "Gives": ", ".join(f"{field.name} ({field.datatype.value})" for field in package.signature.outputs),
    }
    listed = "\n".join(f"- {name}: {_plain(value)}" for name, value in rows.items() if value)
    return f"# {_plain(_project(package))}\n\n{listed}"


def _use(package: Package) -> str:
    goal, value = package.goal, package.goal.value
    unit = f" {goal.unit}"
    outcomes = [
        ["acted", f"{value.true_positive:,g}{unit}", f"{value.false_positive:,g}{unit}"],
        ["did not act", f"{value.false_negative:,g}{unit}", f"{value.true_negative:,g}{unit}"],
    ]
    return (
        f"## Intended use\n\n{_plain(goal.question)}\n\n"
        f"A yes (probability from {goal.threshold:.4g} on) means: {_plain(goal.decision)}. "
        f"Why a model: {_plain(goal.why_ml)}. What is done without it: `{_plain(goal.baseline)}`.\n\n"
        + _table([f"one {goal.each}", "needed", "not needed"], outcomes)
    )


def _evaluation(verdict: Verdict) -> str:
    outcome = "passed" if verdict.passed else "did not pass"
    rows = [[one.check, _MARK[one.status], _measured(one), one.threshold, one.message] for one in verdict.findings]
    return (
        f"## Evaluation\n\nThe gate `{verdict.gate}` {outcome} (verdict `{verdict.digest}`). Intervals are 95 % "
        "bootstraps over days; what is said of later rows was measured on rows that the model never saw.\n\n"
        + _table(["check", "status", "measured", "threshold", "finding"], rows)
    )


def _data(run: _Run) -> str:
    parts = ["## Data"]
    if run.data:
        rows = [[one.source, f"{one.rows:,}", f"`{one.digest}`"] for one in run.data]
        parts.append(_table(["source", "rows", "SHA-256"], rows))
    if run.validation:
        one = run.validation
        parts.append(
            f"Learned from {one.train_rows:,} rows of {one.train_from} to {one.train_to}, judged on {one.rows:,} rows "
            f"of {one.start} to {one.to} ({one.blocks} days), then refitted on all of them."
        )
    return "\n\n".join(parts if len(parts) > 1 else [*parts, "The run names no source."])


def _rivals(run: _Run) -> str:
    metrics = list(dict.fromkeys(name for one in run.candidates for name in one.metrics))
    rows = [
        [f"**{one.name}**" if one.proposed else one.name, one.kind, *(_estimate(one.metrics.get(m)) for m in metrics)]
        for one in run.candidates
    ]
    table = _table(["candidate", "kind", *metrics], rows) if rows else "The run names no other candidate."
    return "\n\n".join(["## Candidates", table, *([_plain(run.sentence)] if run.sentence else [])])


def _limits(verdict: Verdict) -> str:
    doubts = [f"{_plain(one.message)} {_plain(one.remedy)}" for one in verdict.findings if one.status != Status.PASSED]
    return "## Limits\n\n" + "\n".join(f"- {one.rstrip()}" for one in (*doubts, *_ALWAYS_A_LIMIT))


def _measured(finding: Finding) -> str:
    low, high = finding.interval or (None, None)
    return f"{_estimate(_Estimate(estimate=finding.measured, low=low, high=high))} {finding.unit}".strip()


def _estimate(one: _Estimate | None) -> str:
    if one is None or one.estimate is None:
        return ""
    known = one.low is not None and one.high is not None
    return _number(one.estimate) + (f" [{_number(one.low)}, {_number(one.high)}]" if known else "")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _project(package: Package) -> str:
    return str(package.origin.get("project", "model"))


def _plain(text: Json) -> str:
    """One line that stays inside its table cell and can hold no markup of its own."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")

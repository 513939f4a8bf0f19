"""Reading ``shipworthy.yaml`` into a project: structure by its shape, meaning by the nouns, errors with their line."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import InvalidGoal, InvalidProject, NotFound, UserError
from shipworthy.problem.goal import Bar, Budgets, Goal, ValueMatrix
from shipworthy.problem.located import parse_yaml
from shipworthy.problem.project import DataPlan, Monitoring, Project, Retraining, Rollout, Serving, Source, Training
from shipworthy.problem.project_shape import PROJECT_SHAPE
from shipworthy.problem.shape import Document, read_document
from shipworthy.problem.units import parse_decision_time, parse_duration, parse_share

__all__ = ["PROJECT_FILE", "parse_project", "read_project"]

PROJECT_FILE = "shipworthy.yaml"

_SENSE = {"value_per_1000": ">=", "auc": ">=", "calibration_error": "<=", "log_loss": "<="}
_FRACTIONS = ("auc", "calibration_error")

# The values of a document have the shape that was checked, which the type checker cannot see.
_Values = Mapping[str, Any]


def read_project(path: Path) -> Project:
    """The project that a file, or the ``shipworthy.yaml`` of a folder, declares.

    Args:
        path: The file or its folder.

    Raises:
        NotFound: If there is no such file.
        InvalidProject: If the file has not its shape; names file, line, field and the nearest known key.
        InvalidGoal: If that is so within ``goal``, or the goal can never be met.
    """
    file = path / PROJECT_FILE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no project file {file}",
            remedy="go to the project's folder, or start one with `shipworthy init DATA`",
            file=str(file),
        ) from error
    except OSError as error:
        raise InvalidProject(
            f"{file} cannot be read: {error.strerror}", remedy="make the file readable", file=str(file)
        ) from error
    return parse_project(content, file=str(file))


def parse_project(content: str | bytes, *, file: str = PROJECT_FILE) -> Project:
    """The project that a text declares; errors as in :func:`read_project`, under the name ``file``."""
    root = parse_yaml(content, file=file, kind=InvalidProject)
    document = read_document(PROJECT_SHAPE, root, file=file, kind=_error_of)
    return _project(document)


def _error_of(field: str) -> type[UserError]:
    return InvalidGoal if field == "goal" or field.startswith("goal.") else InvalidProject


def _project(document: Document) -> Project:
    values: _Values = document.values
    goal = document.made("goal", lambda: _goal(document, values["goal"]))
    return Project(
        name=values["project"],
        owner=values["owner"],
        goal=goal,
        data=_data(document, values["data"]),
        training=_training(document, values.get("training", {})),
        gate=values.get("gate", "standard"),
        serving=Serving(**values["serving"]),
        rollout=_rollout(document, values.get("rollout", {})),
        monitoring=_monitoring(document, values.get("monitoring", {})),
        retraining=_retraining(values.get("retraining", {})),
    )


def _goal(document: Document, values: _Values) -> Goal:
    bars = tuple(Bar.parse(metric, text) for metric, text in values["good_enough"].items())
    for bar in bars:
        _check_bar(document, bar)
    rest = {name: value for name, value in values.items() if name not in {"value", "good_enough", "budgets"}}
    return Goal(
        **rest,
        value=ValueMatrix(**{name: float(amount) for name, amount in values["value"].items()}),
        good_enough=bars,
        budgets=Budgets(**{name: float(amount) for name, amount in values.get("budgets", {}).items()}),
    )


def _check_bar(document: Document, bar: Bar) -> None:
    where = f"goal.good_enough.{bar.metric}"
    if bar.sense != _SENSE[bar.metric]:
        raise document.error(
            where,
            f"{where}: '{bar}' asks for a worse model, not a better one",
            remedy=f"write '{_SENSE[bar.metric]} ...'",
        )
    if bar.metric in _FRACTIONS and not bar.over_baseline and not 0 <= bar.amount <= 1:
        raise document.error(
            where, f"{where}: '{bar}' can never be met, for it is a fraction in 0..1", remedy="give a fraction"
        )


def _data(document: Document, values: _Values) -> DataPlan:
    sources = {name: Source(name=name, **source) for name, source in values["sources"].items()}
    return DataPlan(
        sources=sources,
        key=values["key"],
        event_time=values["event_time"],
        decision_time=parse_decision_time(values["decision_time"]),
        label_delay=parse_duration(values["label_delay"]),
        features=values.get("features"),
        until=_instant(document, "data.until", values.get("until")),
    )


def _instant(document: Document, where: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise document.error(where, f"{where}: {text!r} is on no calendar ({error})", remedy="mend the date") from error


def _training(document: Document, values: _Values) -> Training:
    budget = _positive(document, "training.budget", values.get("budget"))
    given = {name: value for name, value in values.items() if name != "budget"}
    if "seed" in given:
        given["seed"] = int(given["seed"])
    if budget is not None:
        given["budget_s"] = budget.total_seconds()
    return Training(**given)


def _positive(document: Document, where: str, text: str | None) -> timedelta | None:
    duration = None if text is None else parse_duration(text)
    if duration is not None and not duration:
        raise document.error(where, f"{where} is {text}, which is no time at all", remedy="give more than zero")
    return duration


def _rollout(document: Document, values: _Values) -> Rollout:
    given = dict(values)
    if "steps" in given:
        steps = tuple(parse_share(text) for text in given["steps"])
        rising = all(low < high for low, high in zip((0.0, *steps), steps, strict=False))
        if not rising or steps[-1] != 1:
            raise document.error(
                "rollout.steps",
                f"rollout.steps are {', '.join(given['steps'])}, which do not rise to 100%",
                remedy="write rising shares that end in 100%, such as [1%, 10%, 50%, 100%]",
            )
        given["steps"] = steps
    return Rollout(**given)


def _monitoring(document: Document, values: _Values) -> Monitoring:
    every = _positive(document, "monitoring.every", values.get("every"))
    given = dict(values)
    if "alert" in given:
        given["alert"] = tuple(given["alert"])
    if every is not None:
        given["every"] = every
    return Monitoring(**given)


def _retraining(values: _Values) -> Retraining:
    given = dict(values)
    return Retraining(**given | {"when": tuple(given.get("when", ()))})

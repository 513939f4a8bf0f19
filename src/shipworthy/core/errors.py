"""The one tree of errors. Faces map a class to an exit status or an HTTP status; the core knows neither.

ShipworthyError                what happened, what to do about it, and the facts as data
├── UserError                  your input has to change                       (CLI exit 2, HTTP 4xx)
│   ├── InvalidProject         the project file
│   ├── InvalidGoal            a goal that cannot be measured
│   ├── InvalidContract        a contract file
│   ├── InvalidData            data that cannot be read or that breaks its promise
│   ├── InvalidFeatures        a features file, or a feature that would look into the future
│   ├── InvalidRequest         a prediction or feedback request
│   ├── InvalidPackage         a package that is damaged, altered or of another format
│   ├── InvalidConfig          a workspace setting
│   └── NotFound               a named thing that is not there
├── Refused                    a gate, a role or an approval says no           (exit 3, HTTP 403 or 409)
└── BackendFailed              a disk, database, port or model let us down     (exit 4, HTTP 5xx)
    └── Overloaded             more work than can be done in time              (HTTP 429)
"""

from typing import ClassVar

__all__ = [
    "BackendFailed",
    "InvalidConfig",
    "InvalidContract",
    "InvalidData",
    "InvalidFeatures",
    "InvalidGoal",
    "InvalidPackage",
    "InvalidProject",
    "InvalidRequest",
    "NotFound",
    "Overloaded",
    "Refused",
    "ShipworthyError",
    "UserError",
]


class ShipworthyError(Exception):
    """Base of all our errors.

    Attributes:
        code: Stable dotted name that programs may switch on; documented in ``docs/errors.md``.
        problem: One sentence: what happened, naming the file, line or field.
        remedy: One sentence: what the reader can do about it.
        facts: The same as data, for ``--json`` and for records.

    >>> error = InvalidGoal("at_least is nan", remedy="give a number", field="goal.at_least")
    >>> print(error)
    at_least is nan
      try: give a number
    >>> error.facts
    {'field': 'goal.at_least'}
    """

    code: ClassVar[str] = "shipworthy"

    def __init__(self, problem: str, *, remedy: str, **facts: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.problem}\n  try: {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by parts: the default would call ``__init__`` without the keyword-only remedy."""
        return _rebuild, (type(self), self.problem, self.remedy, self.facts)


def _rebuild(kind: type[ShipworthyError], problem: str, remedy: str, facts: dict[str, object]) -> ShipworthyError:
    return kind(problem, remedy=remedy, **facts)


class UserError(ShipworthyError):
    """Your input has to change."""

    code = "input"


class InvalidProject(UserError):
    """A project file that cannot be used."""

    code = "project.invalid"


class InvalidGoal(UserError):
    """A goal that cannot be measured."""

    code = "goal.invalid"


class InvalidContract(UserError):
    """A data contract that contradicts itself, its data or the standard."""

    code = "contract.invalid"


class InvalidData(UserError):
    """Data that cannot be read, or that breaks its promise."""

    code = "data.invalid"


class InvalidFeatures(UserError):
    """A features file that cannot run, or a feature that would look into the future."""

    code = "features.invalid"


class InvalidRequest(UserError):
    """A prediction or feedback request that breaks its contract."""

    code = "request.invalid"


class InvalidPackage(UserError):
    """A package that is damaged, altered or of another format."""

    code = "package.invalid"


class InvalidConfig(UserError):
    """A workspace setting that is unknown or out of range."""

    code = "config.invalid"


class NotFound(UserError):
    """A named thing that is not there."""

    code = "not_found"


class Refused(ShipworthyError):
    """A gate, a role or an approval says no."""

    code = "refused"


class BackendFailed(ShipworthyError):
    """A disk, database, port or model let us down."""

    code = "backend.failed"


class Overloaded(BackendFailed):
    """More work than can be done in time."""

    code = "backend.overloaded"

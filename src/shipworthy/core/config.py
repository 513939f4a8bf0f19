"""Where things run: one frozen Config, read once from ``workspace.toml``, the environment and flags, in that order."""

import difflib
import getpass
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from shipworthy.core.errors import InvalidConfig

__all__ = ["HOME", "SETTINGS", "Config", "Setting", "read_config"]

HOME: Final = ".shipworthy"
_FILE: Final = "workspace.toml"
_ROLES: Final = ("owner", "contributor", "reader")

Value = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of the workspace.

    Attributes:
        name: Key in ``workspace.toml`` and field of :class:`Config`.
        default: Value where nobody says otherwise.
        help: What it does, with its unit.
        env: Environment variable that overrides the file.
    """

    name: str
    default: Value
    help: str
    env: str


def _setting(name: str, default: Value, text: str, env: str | None = None) -> Setting:
    return Setting(name=name, default=default, help=text, env=env or f"SHIPWORTHY_{name.upper()}")


SETTINGS: Final = (
    _setting("database", "", "Database URL of records, ledger and jobs; empty for SQLite in the workspace folder."),
    _setting("person", "", "Who is acting; empty for the name of the operating-system user."),
    _setting("approve_own", True, "Whether a person may approve a package that they trained themselves."),  # noqa: FBT003
    _setting("endpoint_port", 8080, "TCP port of the endpoint on 127.0.0.1.", env="PORT"),
    _setting("console_port", 8800, "TCP port of controller and console on 127.0.0.1."),
    _setting("workers", 1, "Number of worker processes behind the endpoint."),
    _setting("record_policy", "serve", "What a request does when recording fails: serve (and count) or strict (503)."),
    _setting("engine_memory_mb", 2000, "Memory that the embedded data engine may take, in MB."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The effective settings of one workspace, each with the place it came from.

    Attributes:
        folder: The workspace folder.
        people: Role of each named person; empty means that whoever owns the folder is its owner.
        sources: For each setting, ``default``, the file's path, ``env NAME`` or ``flag``.
    """

    folder: Path
    database: str
    person: str
    approve_own: bool
    endpoint_port: int
    console_port: int
    workers: int
    record_policy: str
    engine_memory_mb: int
    people: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require("endpoint_port", self.endpoint_port, 0 <= self.endpoint_port <= 65535, "a port in 0..65535")
        _require("console_port", self.console_port, 0 <= self.console_port <= 65535, "a port in 0..65535")
        _require("workers", self.workers, 1 <= self.workers <= 64, "a count in 1..64")
        _require("record_policy", self.record_policy, self.record_policy in {"serve", "strict"}, "serve or strict")
        _require("engine_memory_mb", self.engine_memory_mb, self.engine_memory_mb >= 100, "100 MB or more")

    def role(self, person: str) -> str:
        """The role of ``person``: as the file says, or owner where it names nobody; reader for strangers."""
        return self.people.get(person, "reader") if self.people else "owner"


def read_config(
    project: Path, *, environment: Mapping[str, str] | None = None, flags: Mapping[str, Value | None] | None = None
) -> Config:
    """Read the settings of the workspace that belongs to ``project``.

    Args:
        project: The project's folder; the workspace is its sub-folder ``.shipworthy``.
        environment: Environment variables; None for the process's own.
        flags: Values given on the command line; None values are not given.

    Raises:
        InvalidConfig: If a key is unknown, or a value has the wrong type or range.
    """
    folder = project / HOME
    values: dict[str, Value] = {one.name: one.default for one in SETTINGS}
    sources = {one.name: "default" for one in SETTINGS}
    stored, people = _read_file(folder / _FILE)
    for name, value in stored.items():
        values[name], sources[name] = value, str(folder / _FILE)
    for one in SETTINGS:
        text = (os.environ if environment is None else environment).get(one.env, "")
        if text:
            values[one.name], sources[one.name] = _from_text(one, text), f"env {one.env}"
    for name, given in (flags or {}).items():
        if given is not None:
            values[name], sources[name] = given, "flag"
    if not values["person"]:
        values["person"] = getpass.getuser()
    build = cast("Callable[..., Config]", Config)  # the table above holds a value of the right type for every field
    return build(folder=folder, people=people, sources=sources, **values)


def _read_file(path: Path) -> tuple[dict[str, Value], dict[str, str]]:
    if not path.exists():
        return {}, {}
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: {error}", remedy="mend the file; it is TOML", file=str(path)) from error
    people = _people(path, body.pop("people", {}))
    known = {one.name: one for one in SETTINGS}
    for name, value in body.items():
        if name not in known:
            near = difflib.get_close_matches(name, [*known, "people"], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join([*known, 'people'])}"
            raise InvalidConfig(f"{path}: unknown key {name!r}", remedy=hint, file=str(path), key=name)
        if type(value) is not type(known[name].default):
            kind = type(known[name].default).__name__
            raise InvalidConfig(f"{path}: {name} is {value!r}", remedy=f"give a {kind}", file=str(path), key=name)
    return body, people


def _people(path: Path, table: object) -> dict[str, str]:
    if not isinstance(table, dict) or any(role not in _ROLES for role in table.values()):
        raise InvalidConfig(
            f"{path}: [people] has to give each name a role",
            remedy=f'write lines such as ada = "owner"; roles: {", ".join(_ROLES)}',
            file=str(path),
            key="people",
        )
    return dict(table)


def _from_text(setting: Setting, text: str) -> Value:
    if isinstance(setting.default, bool):
        if text.lower() in {"true", "1", "false", "0"}:
            return text.lower() in {"true", "1"}
        raise InvalidConfig(f"{setting.env} is {text!r}", remedy="give true or false", key=setting.name)
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError as error:
            raise InvalidConfig(f"{setting.env} is {text!r}", remedy="give a whole number", key=setting.name) from error
    return text


def _require(name: str, value: object, held: bool, expected: str) -> None:  # noqa: FBT001 - an assertion's shape
    if not held:
        raise InvalidConfig(f"{name} is {value!r}", remedy=f"give {expected}", key=name)

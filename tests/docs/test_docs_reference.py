"""The reference pages name every key, setting, option, route and field that there is, and no other."""

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator, Mapping

import jsonschema
import pytest
from docs_pages import DOCS, ROOT, bare, blocks, read, rows, section

from shipworthy.app.project import OpenProject
from shipworthy.cli.main import COMMANDS, cli, exit_status
from shipworthy.core import errors
from shipworthy.core.config import SETTINGS
from shipworthy.core.errors import InvalidProject
from shipworthy.core.findings import Status
from shipworthy.core.plan import Role as VariantRole
from shipworthy.gates.standard import STANDARD
from shipworthy.governance.people import ACTIONS, Role, allowed
from shipworthy.packaging.manifest import JUDGEMENT, MANIFEST, REQUIRED
from shipworthy.problem.located import parse_yaml, plain
from shipworthy.problem.project_shape import PROJECT_SHAPE
from shipworthy.problem.reader import parse_project, read_project
from shipworthy.problem.schema import json_schema
from shipworthy.problem.shape import Key, MapOf, Table
from shipworthy.serving import metrics
from shipworthy.serving.asgi import App
from shipworthy.serving.limits import Limits
from shipworthy.stores.tables import FEEDBACK, RECORDS

ROOMS = sorted(path.parent.name for path in (ROOT / "src" / "shipworthy").glob("*/__init__.py"))
HOUSE = [room for room in ROOMS if room != "testing"]
LEAST_PROJECT = {
    "apiVersion": "shipworthy/v1",
    "project": "p",
    "owner": "o@example.com",
    "goal": {
        "question": "q",
        "decision": "d",
        "why_ml": "w",
        "target": "t",
        "value": {"true_positive": 1, "false_positive": -1, "true_negative": 0, "false_negative": 0},
        "baseline": "constant",
        "good_enough": {"auc": ">= 0.7"},
    },
    "data": {
        "sources": {"s": {"location": "s.parquet"}},
        "key": "k",
        "event_time": "e",
        "decision_time": "e",
        "label_delay": "1d",
    },
    "serving": {"endpoint": "p"},
}


def _keys(table: Table, above: str = "") -> Iterator[tuple[str, Key]]:
    for name, key in table.keys.items():
        yield f"{above}{name}", key
        if isinstance(key.of, Table):
            yield from _keys(key.of, f"{above}{name}.")
        elif isinstance(key.of, MapOf) and isinstance(key.of.of, Table):
            yield from _keys(key.of.of, f"{above}{name}.<name>.")


KEYS = dict(_keys(PROJECT_SHAPE))
KEY_ROWS = {bare(row[0]): row for row in rows(section(read("project-file.md"), "## Every key"))}


# The project file


def test_every_key_of_the_project_file_is_documented_and_no_other():
    assert list(KEY_ROWS) == list(KEYS)


def test_a_key_is_documented_as_required_where_it_is():
    assert {name: row[2] == "required" for name, row in KEY_ROWS.items()} == {
        name: key.required for name, key in KEYS.items()
    }


@pytest.mark.parametrize("name", KEYS)
def test_the_example_of_a_key_fits_it(name):
    example = KEY_ROWS[name][3]
    if example.startswith("`"):
        jsonschema.validate(_value(bare(example)), json_schema(KEYS[name].of))
    else:
        assert isinstance(KEYS[name].of, Table | MapOf), "only a set of keys may go without an example of its own"


@pytest.mark.parametrize("name", [name for name, row in KEY_ROWS.items() if row[2].startswith("`")])
def test_a_project_that_says_a_default_is_the_project_that_says_nothing(name):
    said = json.loads(json.dumps(LEAST_PROJECT))
    place = said
    *above, last = name.split(".")
    for part in above:
        place = place.setdefault(part, {})
    place[last] = _value(bare(KEY_ROWS[name][2]))
    assert parse_project(json.dumps(said)) == parse_project(json.dumps(LEAST_PROJECT))


def _value(text: str) -> object:
    return plain(parse_yaml(text, file="example", kind=InvalidProject))


def test_the_whole_file_that_is_shown_is_that_of_the_worked_example():
    shown = blocks(read("project-file.md"), "yaml")[0].text
    assert parse_project(shown) == read_project(ROOT / "examples" / "flights")


# Settings and errors


def test_every_setting_is_documented_with_its_default_and_its_environment_variable():
    told = {
        bare(row[0]): (bare(row[1]), bare(row[2])) for row in rows(section(read("settings.md"), "## Every setting"))
    }
    assert told == {one.name: (_as_toml(one.default), one.env) for one in SETTINGS}


def _as_toml(value: object) -> str:
    return json.dumps(value)


def test_every_error_is_documented_with_the_exit_status_that_it_ends_a_command_with():
    told = {bare(row[0]): row[1] for row in rows(read("errors.md"))}
    kinds = [getattr(errors, name) for name in errors.__all__]
    ends = {kind.code: str(exit_status(kind("p", remedy="r"))) for kind in kinds if kind is not errors.ShipworthyError}
    assert told == {**ends, errors.ShipworthyError.code: ""}


# The command line


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_a_command_are_those_that_it_has(name):
    told = {bare(word) for row in rows(section(read("cli.md"), f"## shipworthy {name}")) for word in row[0].split(", ")}
    command = cli.get_command(None, name)
    has = {text for one in command.params if one.param_type_name == "option" for text in one.opts}
    assert {word.split(" ")[0] for word in told} == has


def test_every_section_of_the_command_line_is_a_command():
    headings = [line for line in read("cli.md").splitlines() if line.startswith("## shipworthy ")]
    assert headings == [f"## shipworthy {name}" for name in COMMANDS]


@pytest.mark.parametrize(("page", "begin"), [("rooms/app.md", "| `"), ("journey.md", "project.")])
def test_the_steps_from_python_are_methods_of_an_opened_project(page, begin):
    lines = [line for line in read(page).splitlines() if line.startswith(begin) and "`shipworthy.o" not in line]
    called = {name for line in lines for name in re.findall(r"(?:project|`)\.(\w+)\(", line)}
    assert called
    assert [name for name in called if not hasattr(OpenProject, name)] == []


# The endpoint and its records


def test_every_limit_of_the_endpoint_is_documented_with_its_default():
    told = {bare(row[0]): float(row[1].replace(",", "")) for row in rows(section(read("endpoint.md"), "## Limits"))}
    assert told == {one.name: float(one.default) for one in dataclasses.fields(Limits)}


def test_every_metric_of_the_endpoint_is_documented():
    told = {bare(row[0]) for row in rows(section(read("endpoint.md"), "## Metrics"))}
    home = ROOT / "src" / "shipworthy" / "serving"
    counting = "".join(path.read_text(encoding="utf-8") for path in home.glob("*.py") if path.stem != "metrics")
    assert told == {name for name in metrics._HELP if name in counting}


def test_every_plain_route_of_the_endpoint_is_documented(tmp_path):
    told = {bare(row[0]) for row in rows(section(read("endpoint.md"), "## Routes"))}
    plain_routes = {f"GET {path}" for path in App(service=None, scratch=tmp_path)._plain}
    assert plain_routes <= told


@pytest.mark.parametrize(("heading", "schema"), [("## A record", RECORDS), ("## A statement of feedback", FEEDBACK)])
def test_every_column_of_records_and_feedback_is_documented_with_its_type(heading, schema):
    told = [(bare(row[0]), row[1]) for row in rows(section(read("records.md"), heading))]
    assert told == [(field.name, _arrow_name(field)) for field in schema]


def _arrow_name(field: object) -> str:
    text = str(field.type)
    return {"timestamp[us, tz=UTC]": "timestamp (UTC)", "list<item: double>": "list of double"}.get(
        text, text.replace("list<item: bool>", "list of bool").replace("list<element: ", "list of ").replace(">", "")
    )


# Rooms and words


def test_every_room_has_a_page_and_every_page_a_room():
    assert sorted(page.stem for page in (DOCS / "rooms").glob("*.md")) == HOUSE


@pytest.mark.parametrize("room", HOUSE)
def test_a_room_says_what_it_may_import_as_the_contract_has_it(room):
    paragraph = read(f"rooms/{room}.md").partition("May import: ")[2].partition(".\n")[0]
    told = set(re.findall(r"`(\w+)`", paragraph))
    assert told == set(_floors_below(room))


@pytest.mark.parametrize("room", HOUSE)
def test_the_files_that_a_room_names_are_there(room):
    home = ROOT / "src" / "shipworthy" / room
    cells = [bare(part) for row in rows(read(f"rooms/{room}.md")) for part in row[0].split(", ")]
    named = [cell for cell in cells if cell.endswith((".py", "/"))]
    assert named
    assert [name for name in named if not (home / name).exists()] == []


def _floors_below(room: str) -> list[str]:
    config: Mapping[str, dict] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = config["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    floors = [[name.strip() for name in layer.split("|")] for layer in layers]
    place = next(index for index, floor in enumerate(floors) if room in floor)
    strict = [one for one in contracts if one["type"] == "forbidden" and f"shipworthy.{room}" in one["source_modules"]]
    forbidden = {name for one in strict for name in one["forbidden_modules"]}
    return [name for floor in floors[place + 1 :] for name in floor if f"shipworthy.{name}" not in forbidden]


def test_the_gate_page_names_every_check_of_the_standard_gate():
    assert [bare(row[0]) for row in rows(section(read("rooms/gates.md"), "## The checks"))] == list(STANDARD)


def test_the_packaging_page_names_every_required_file():
    told = {bare(row[0]) for row in rows(section(read("rooms/packaging.md"), "## What a package holds"))}
    assert told >= REQUIRED | JUDGEMENT | {MANIFEST}


@pytest.mark.covers("R3", "R10")
def test_the_page_on_people_says_what_each_role_may():
    told = {bare(row[0]): tuple(cell == "yes" for cell in row[1:]) for row in _action_rows()}
    roles = (Role.OWNER, Role.CONTRIBUTOR, Role.READER)
    assert told == {action: tuple(allowed(role, action) for role in roles) for action in ACTIONS}


def _action_rows() -> list[list[str]]:
    return rows(section(read("rooms/governance.md"), "## Who may do what"))


def test_the_glossary_knows_the_words_that_the_code_uses():
    page = read("glossary.md")
    words = [*(status.value for status in Status), *(role.value for role in VariantRole), *(r.value for r in Role)]
    assert [word for word in words if word not in page] == []

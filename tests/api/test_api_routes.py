"""Everything that pages show is had over HTTP too, as the OpenAPI document describes it."""

import dataclasses
import json

import jsonschema
import pytest
from support.asgi_client import ORIGIN, AsgiClient
from support.seeded_workspace import PACKAGE, PROJECT, SeedActions, SeedWorkspace, add_training, add_verdict

from shipworthy.api.routes import make_api, make_unguarded
from shipworthy.app.views.endpoint import view_endpoint
from shipworthy.app.views.overview import view_overview

RUN = "run-20130930-120000-7k2m"
INCIDENT = "incident-20131109-000500-x9"
READS = {
    "/api/v1/overview": {},
    "/api/v1/projects": {},
    "/api/v1/projects/{name}": {"name": PROJECT},
    "/api/v1/projects/{name}/gate": {"name": PROJECT},
    "/api/v1/data": {},
    "/api/v1/runs": {},
    "/api/v1/runs/{name}": {"name": RUN},
    "/api/v1/packages": {},
    "/api/v1/packages/{digest}": {"digest": PACKAGE},
    "/api/v1/verdicts/{digest}": {},
    "/api/v1/endpoints": {},
    "/api/v1/endpoints/{name}": {"name": PROJECT},
    "/api/v1/endpoints/{name}/records": {"name": PROJECT},
    "/api/v1/endpoints/{name}/records/{request_id}": {"name": PROJECT},
    "/api/v1/incidents": {},
    "/api/v1/incidents/{name}": {"name": INCIDENT},
    "/api/v1/ledger": {},
    "/api/v1/ledger/served": {},
    "/api/v1/people": {},
    "/api/v1/search": {},
    "/api/v1/pictures/{kind}/{name}/{picture}": {"kind": "endpoint", "name": PROJECT, "picture": "value"},
}
QUERY = {"/api/v1/ledger/served": "?at=2013-10-05T00:00:00Z", "/api/v1/search": "?q=flight"}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def place(path, workspace, client):
    values = dict(READS[path])
    if "{request_id}" in path:
        records = client.get(f"/api/v1/endpoints/{PROJECT}/records?outcome=ok").json()["records"]
        values["request_id"] = records[0]["request_id"]
    if path == "/api/v1/verdicts/{digest}":
        values["digest"] = workspace.documents.find("verdict")[0].id
    return path.format(**values) + QUERY.get(path, "")


@pytest.mark.covers("TRUST-S13")
def test_every_route_is_in_this_census(document):
    gets = {path for path, item in document["paths"].items() if "get" in item}
    posts = {path for path, item in document["paths"].items() if "post" in item}
    assert gets == set(READS)
    assert posts == {"/api/v1/verdicts/{digest}/decision", "/api/v1/incidents/{name}/close"}


@pytest.mark.parametrize("path", READS)
def test_an_answer_is_as_the_document_describes_it(path, workspace, client, document):
    answer = client.get(place(path, workspace, client))
    assert answer.status_code == 200
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    jsonschema.validate(answer.json(), whole, cls=jsonschema.Draft202012Validator)


def test_the_document_is_openapi_3_1_and_says_how_errors_look(document):
    assert document["openapi"].startswith("3.1")
    for item in document["paths"].values():
        for operation in item.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert operation["description"]


@pytest.mark.covers("TRUST-S14", "TRUST-S15")
def test_no_page_of_the_framework_loads_scripts_from_elsewhere(client):
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404


def test_the_numbers_are_those_of_the_pages(workspace, client):
    body = client.get("/api/v1/overview").json()
    view = view_overview(workspace)
    assert body["headline"]["figure"] == view.headline.figure
    assert body["projects"][0]["uplift"] == dataclasses.asdict(view.projects[0].uplift)
    windows = client.get(f"/api/v1/endpoints/{PROJECT}?from=2013-11-25").json()["windows"]
    assert len(windows) == 7
    assert windows[0]["value"] == view_endpoint(workspace, PROJECT).windows[-7].value


@pytest.mark.covers("M1")
def test_records_are_filtered_and_paged(client):
    place = f"/api/v1/endpoints/{PROJECT}/records"
    first, second = (client.get(f"{place}?size=100&page={page}").json() for page in (1, 2))
    assert first["total"] == second["total"] == 160
    assert len(first["records"]) == 100
    assert len(second["records"]) == 60
    ids = [one["request_id"] for one in first["records"] + second["records"]]
    assert len(set(ids)) == 160
    times = [one["at"] for one in first["records"] + second["records"]]
    assert times == sorted(times, reverse=True)
    assert client.get(f"{place}?outcome=rejected").json()["records"][0]["error_type"] == "Overloaded"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/runs/none", 404, "not_found"),
        ("/api/v1/endpoints/none/records", 404, "not_found"),
        (f"/api/v1/pictures/endpoint/{PROJECT}/none", 404, "not_found"),
        (f"/api/v1/pictures/moon/{PROJECT}/value", 404, "not_found"),
        (f"/api/v1/endpoints/{PROJECT}/records?page=0", 400, "request.invalid"),
        (f"/api/v1/endpoints/{PROJECT}/records?outcome=great", 400, "request.invalid"),
        (f"/api/v1/endpoints/{PROJECT}/records?from=2013-11-02&to=2013-11-01", 400, "request.invalid"),
        ("/api/v1/ledger/served", 400, "request.invalid"),
        ("/api/v1/ledger/served?at=noon", 400, "request.invalid"),
        ("/api/v1/search?q=" + "x" * 201, 400, "request.invalid"),
        ("/api/v1/nowhere", 404, "http"),
    ],
)
def test_an_error_is_a_problem_with_a_remedy(client, path, status, code):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"]
    assert problem["remedy"]


@pytest.fixture
def waiting(tmp_path):
    workspace = SeedWorkspace(tmp_path / ".shipworthy")
    add_training(workspace)
    digest = add_verdict(workspace)
    actions = SeedActions(workspace)
    return actions, AsgiClient(make_api(workspace, actions)), digest


@pytest.mark.covers("R12", "TRUST-S17")
def test_a_decision_over_http_is_bound_to_both_digests(waiting):
    actions, client, digest = waiting
    given = {"decision": "yes", "package": PACKAGE, "reason": " clear "}
    answer = client.post(f"/api/v1/verdicts/{digest}/decision", json=given)
    assert answer.status_code == 200
    assert answer.json()["decisions"][0]["person"] == "ada"
    assert actions.done == [("approve", PACKAGE, digest, "clear")]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"decision": "maybe", "package": PACKAGE},
        {"decision": "yes"},
        {"decision": "yes", "package": "8f3c"},
        {"decision": "yes", "package": PACKAGE, "force": True},
        {"decision": "yes", "package": PACKAGE, "reason": "x" * 2_001},
        [],
        "yes",
    ],
)
def test_a_decision_that_is_not_well_formed_is_refused(waiting, given):
    actions, client, digest = waiting
    answer = client.post(f"/api/v1/verdicts/{digest}/decision", json=given)
    assert answer.status_code == 400
    assert answer.json()["code"] == "request.invalid"
    assert actions.done == []


@pytest.mark.covers("TRUST-S3")
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"decision": NaN}', b"1" * 60_000])
def test_a_body_that_is_no_json_is_a_400(waiting, content):
    actions, client, digest = waiting
    headers = {"content-type": "application/json"}
    answer = client.post(f"/api/v1/verdicts/{digest}/decision", content=content, headers=headers)
    assert answer.status_code == 400
    assert actions.done == []


@pytest.mark.covers("TRUST-S15")
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "origin": "http://evil.example"},
        {"content-type": "application/json", "sec-fetch-site": "cross-site"},
        {"content-type": "application/json", "host": "evil.example:8800"},
        {},
    ],
)
def test_a_page_of_another_site_cannot_act(waiting, headers):
    actions, client, digest = waiting
    body = json.dumps({"decision": "yes", "package": PACKAGE}).encode()
    answer = client.post(f"/api/v1/verdicts/{digest}/decision", content=body, headers=headers)
    assert answer.status_code in {403, 421}
    assert answer.headers["content-type"] == "application/problem+json"
    assert actions.done == []


def test_our_own_page_may_act(waiting):
    actions, client, digest = waiting
    given = {"decision": "no", "package": PACKAGE, "reason": "later"}
    client.post(f"/api/v1/verdicts/{digest}/decision", json=given, headers={"origin": ORIGIN})
    assert actions.done == [("refuse", PACKAGE, digest, "later")]


def test_an_incident_is_closed_over_http(client, actions):
    answer = client.post(f"/api/v1/incidents/{INCIDENT}/close", json={"reason": "season"})
    assert answer.json()["row"]["open"] is False
    assert actions.done == [("close", INCIDENT, "season")]


def test_an_unknown_failure_is_a_problem_without_its_message(workspace, client, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(workspace.documents, "find", fail)
    answer = client.get("/api/v1/overview")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text


def test_the_document_is_made_without_a_server(workspace, actions):
    assert make_unguarded(workspace, actions).openapi()["info"]["title"] == "Shipworthy"

"""The two forms: they act once, for the browser that got them, from our own pages only."""

import dataclasses
import re
from datetime import timedelta

import pytest
from support.asgi_client import ORIGIN, AsgiClient
from support.seeded_workspace import PACKAGE, PROJECT, SeedActions, SeedWorkspace, add_training, add_verdict

from shipworthy.console.pages import make_console
from shipworthy.governance.people import Person, Role

INCIDENT = "incident-20131109-000500-x9"
OURS = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


@pytest.fixture
def waiting(tmp_path):
    """A package that passed the gate and waits for a person."""
    workspace = SeedWorkspace(tmp_path / ".shipworthy")
    add_training(workspace)
    workspace.clock.advance(timedelta(hours=1))
    digest = add_verdict(workspace)
    actions = SeedActions(workspace)
    return workspace, actions, AsgiClient(make_console(workspace, actions)), f"/verdicts/{digest}"


def token(client, path):
    return re.search(r'name="token" value="([0-9a-f]+)"', client.get(path).text)[1]


@pytest.mark.covers("R12", "TRUST-S17")
def test_a_yes_is_bound_to_the_digests_on_the_page(waiting):
    _, actions, client, place = waiting
    assert "Approve 8f3c9a7e51d0" in client.get(place).text
    form = {"token": token(client, place), "package": PACKAGE, "decision": "yes", "reason": " clear "}
    answer = client.post(f"{place}/decision", data=form, headers=OURS)
    assert answer.status_code == 303
    assert actions.done == [("approve", PACKAGE, place.removeprefix("/verdicts/"), "clear")]
    after = client.get(answer.headers["location"]).text
    assert "Approved: the ledger binds your yes" in after
    assert "Fit to ship and approved by ada." in after
    assert 'value="yes"' not in after
    assert 'value="no"' in after


def test_a_no_reaches_the_action_with_its_reason(waiting):
    _, actions, client, place = waiting
    form = {"token": token(client, place), "package": PACKAGE, "decision": "no", "reason": "too slow at noon"}
    client.post(f"{place}/decision", data=form, headers=OURS)
    assert actions.done[0][0] == "refuse"
    assert "refused by ada: too slow at noon" in client.get(place).text


def test_an_incident_is_closed_with_a_reason(client, actions):
    place = f"/incidents/{INCIDENT}"
    answer = client.post(f"{place}/close", data={"token": token(client, place), "reason": "season"}, headers=OURS)
    assert answer.status_code == 303
    assert actions.done == [("close", INCIDENT, "season")]
    assert "The incident is closed" in client.get(answer.headers["location"]).text


@pytest.mark.covers("TRUST-S15")
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8801"},
        {"origin": "https://127.0.0.1:8800"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
        {},
    ],
)
def test_a_form_from_elsewhere_is_refused(waiting, headers):
    _, actions, client, place = waiting
    form = {"token": token(client, place), "package": PACKAGE, "decision": "yes"}
    assert client.post(f"{place}/decision", data=form, headers=headers).status_code == 403
    assert actions.done == []


@pytest.mark.covers("TRUST-S15")
def test_a_form_needs_the_token_of_the_browser_that_sends_it(waiting):
    _, actions, client, place = waiting
    stolen = token(client, place)
    form = {"package": PACKAGE, "decision": "yes"}
    assert client.post(f"{place}/decision", data=form, headers=OURS).status_code == 403
    assert client.post(f"{place}/decision", data={**form, "token": "0" * 64}, headers=OURS).status_code == 403
    other = AsgiClient(client._app)
    other.get("/")
    assert other.post(f"{place}/decision", data={**form, "token": stolen}, headers=OURS).status_code == 403
    assert actions.done == []


def test_the_cookie_of_forms_is_same_site_and_hidden_from_scripts(waiting):
    _, _, client, place = waiting
    cookie = client.get(place).headers["set-cookie"].lower()
    assert "samesite=strict" in cookie
    assert "httponly" in cookie


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"--x", "multipart/form-data; boundary=x", 400),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=%d" % i for i in range(99)), "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
def test_a_body_that_is_no_form_is_refused(waiting, content, kind, status):
    _, actions, client, place = waiting
    answer = client.post(f"{place}/decision", content=content, headers={**OURS, "content-type": kind})
    assert answer.status_code == status
    assert actions.done == []


def test_a_form_without_a_decision_or_with_an_endless_reason_is_refused(waiting):
    _, actions, client, place = waiting
    form = {"token": token(client, place), "package": PACKAGE}
    assert client.post(f"{place}/decision", data={**form, "decision": "maybe"}, headers=OURS).status_code == 400
    long = {**form, "decision": "yes", "reason": "x" * 2_001}
    assert client.post(f"{place}/decision", data=long, headers=OURS).status_code == 400
    assert actions.done == []


@pytest.mark.covers("R3", "R10")
def test_a_reader_sees_why_there_is_nothing_to_press(waiting):
    workspace, actions, _, place = waiting
    workspace.person = Person(name="edsger", role=Role.READER)
    html = AsgiClient(make_console(workspace, actions)).get(place).text
    assert "<form method" not in html
    assert "may not approve" in html


@pytest.mark.covers("TRUST-S17")
def test_where_four_eyes_are_wanted_the_author_cannot_decide(waiting):
    workspace, actions, _, place = waiting
    workspace.person = Person(name="grace", role=Role.OWNER)
    workspace.config = dataclasses.replace(workspace.config, approve_own=False)
    html = AsgiClient(make_console(workspace, actions)).get(place).text
    assert "<form method" not in html
    assert "made this package" in html


def test_a_get_never_acts(client, actions):
    assert client.get(f"/incidents/{INCIDENT}/close").status_code == 405
    assert client.ask("DELETE", f"/projects/{PROJECT}", headers=OURS).status_code == 405
    assert actions.done == []

"""Who may knock, what a browser is told, and that no text of others ever runs or breaks out."""

import json
import re
from html.parser import HTMLParser

import pytest
from support.asgi_client import AsgiClient
from support.seeded_workspace import PROJECT, SeedActions, SeedWorkspace, add_project, run_body, write_entries

from shipworthy.app.guard import CONTENT_SECURITY_POLICY, MOST_BODY
from shipworthy.console.pages import make_console
from shipworthy.stores.records import Record

INCIDENT = "/incidents/incident-20131109-000500-x9"


@pytest.mark.covers("TRUST-S15", "TRUST-S22")
@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost:8800", "[::1]:8800", "LOCALHOST:8800"])
def test_loopback_names_with_our_port_are_answered(client, host):
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.covers("TRUST-S15")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8800",
        "127.0.0.1",
        "127.0.0.1:8801",
        "127.0.0.1.evil.example:8800",
        "localhost.evil.example:8800",
        "evil.example@127.0.0.1:8800",
        "127.1:8800",
        "2130706433:8800",
        "0.0.0.0:8800",
        "[::ffff:127.0.0.1]:8800",
        "",
    ],
)
def test_any_other_host_is_refused_before_anything_is_read(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "flight" not in answer.text


@pytest.mark.covers("TRUST-S15", "TRUST-S16")
@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/static/site.css", "/health", f"/pictures/endpoint/{PROJECT}/value.csv"]
)
def test_every_answer_is_sealed(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.covers("TRUST-S16")
def test_the_policy_allows_no_inline_script_and_no_other_host():
    rules = dict(rule.strip().split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "unsafe-eval" not in CONTENT_SECURITY_POLICY


def test_pages_hold_no_inline_script_handler_or_address_of_another_host(client):
    for path in (
        "/",
        f"/projects/{PROJECT}",
        f"/projects/{PROJECT}/gate",
        f"/endpoints/{PROJECT}",
        "/ledger",
        INCIDENT,
    ):
        html = client.get(path).text
        scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.DOTALL)
        assert all('type="application/json"' in given or not body.strip() for given, body in scripts)
        assert not re.search(r"<[^>]+\son[a-z]+\s*=", html)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)
        assert "javascript:" not in html


class Page(HTMLParser):
    """Reads a page as a browser does, and notes what could run."""

    def __init__(self, html):
        super().__init__()
        self.harm, self._inside = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self._inside = "data" if given.get("type") == "application/json" else tag
        if tag == "img" and "mark.svg" not in given.get("src", ""):
            self.harm.append((tag, attrs))
        self.harm += [(tag, name) for name in given if name.startswith("on")]
        for name in ("href", "src", "action", "formaction"):
            if given.get(name, "").strip().lower().startswith(("javascript:", "data:", "//", "http")):
                self.harm.append((tag, given[name]))

    def handle_data(self, data):
        if self._inside == "script" and data.strip():
            self.harm.append(("script", data))


PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% for x in y %}",
    "javascript:alert(1)",
    "<!--<script>",
    "\u2028alert(1)//",
    "&lt;script&gt;",
    "${alert(1)}",
    "`<b>x</b>`",
]


def poisoned(folder, payload):
    """A workspace in which every text that others give is a payload."""
    workspace = SeedWorkspace(folder)
    add_project(workspace)
    kept = workspace.documents.get("project", PROJECT)
    goal = {**kept.body["goal"], "question": payload, "decision": payload, "each": payload, "good_enough": [payload]}
    workspace.documents.revise("project", PROJECT, {**kept.body, "owner": payload, "goal": goal}, revision=1)
    now = workspace.clock.now()
    run = run_body(now, now)
    run["sentence"] = run["candidates"][0]["name"] = run["candidates"][0]["kind"] = payload
    run["features"] = [{"name": payload, "type": payload, "known_at": payload}]
    run["parameters"] = {payload: payload}
    workspace.documents.add("run", payload, run)
    workspace.note(payload, payload, actor=payload, reason=payload)
    incident = {"project": PROJECT, "endpoint": PROJECT, "cause": payload, "title": payload, "status": "open"}
    incident |= {"opened_at": now.isoformat(), "closed_at": None, "consequence": 1.0, "unit": payload}
    incident |= {"suggested": payload, "timeline": [{"at": now.isoformat(), "text": payload}], "findings": []}
    workspace.documents.add("incident", "incident-1", incident)
    record = Record(
        request_id="poisoned",
        at_ns=int(now.timestamp() * 1e9),
        received_ns=0,
        endpoint=PROJECT,
        status=500,
        outcome="error",
        route=payload,
        protocol=payload,
        variant=payload,
        input=json.dumps({"inputs": [{"name": payload, "data": [payload]}]}).encode(),
        error_type=payload,
        error_message=payload,
    )
    write_entries(workspace.folder / "records" / PROJECT / "segments", [record])
    return workspace


@pytest.mark.covers("TRUST-S16", "TRUST-S19")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_of_others_becomes_markup(tmp_path, payload):
    workspace = poisoned(tmp_path, payload)
    client = AsgiClient(make_console(workspace, SeedActions(workspace)))
    paths = ["/", "/projects", f"/projects/{PROJECT}", "/runs", f"/endpoints/{PROJECT}", "/incidents"]
    paths += ["/incidents/incident-1", "/ledger", "/people", f"/endpoints/{PROJECT}/records"]
    paths += [f"/endpoints/{PROJECT}/records/poisoned"]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200
        assert Page(answer.text).harm == []
        assert "7 * 7" in answer.text or "{{" not in payload
    answer = client.get("/search", params={"q": payload.strip("\u2028")})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.covers("TRUST-S16")
def test_a_text_inside_a_figure_cannot_end_its_element(tmp_path):
    payload = "</script><script>alert(1)</script>"
    workspace = poisoned(tmp_path, payload)
    client = AsgiClient(make_console(workspace, SeedActions(workspace)))
    html = client.get(f"/projects/{PROJECT}").text
    blocks = re.findall(r'<script type="application/json" class="figure-data">(.*?)</script>', html, flags=re.DOTALL)
    assert blocks
    assert all(isinstance(json.loads(block), dict) for block in blocks)


@pytest.mark.covers("TRUST-S16")
@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "|calc", "%0A=1"])
def test_csv_never_holds_a_formula(tmp_path, text):
    workspace = poisoned(tmp_path, text)
    client = AsgiClient(make_console(workspace, SeedActions(workspace)))
    answer = client.get(f"/endpoints/{PROJECT}/records.csv")
    assert answer.status_code == 200
    assert f"'{text}" in answer.text
    assert re.search(r'filename="[A-Za-z0-9-]+\.csv"', answer.headers["content-disposition"])


@pytest.mark.covers("TRUST-S20")
@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=99999999999",
        "page=x",
        "page=١",
        "from=yesterday",
        "to=2013-13-45",
        "from=2013-11-02&to=2013-11-01",
        "outcome=great",
        "text=" + "x" * 201,
        "text=%00",
        "from=99999-01-01",
    ],
)
def test_a_parameter_that_means_nothing_is_refused_by_name(client, query):
    answer = client.get(f"/endpoints/{PROJECT}/records?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.text or "to" in answer.text


@pytest.mark.covers("TRUST-S2")
def test_a_long_query_and_a_large_body_are_refused(client):
    assert client.get("/?" + "a" * 5_000).status_code == 414
    origin = {"origin": "http://127.0.0.1:8800"}
    assert client.post(f"{INCIDENT}/close", content=b"x" * (MOST_BODY + 1), headers=origin).status_code == 413


@pytest.mark.covers("TRUST-S6")
@pytest.mark.parametrize(
    "name",
    [
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/pages.py",
        "..%5cpages.py",
        "/etc/passwd",
        "site.css%00",
        "theme.js/..",
        ".",
    ],
)
def test_only_the_listed_files_are_served(client, name):
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert "def " not in answer.text


@pytest.mark.covers("TRUST-S6")
@pytest.mark.parametrize("name", ["%2e%2e", "%2e%2e%2f%2e%2e%2fetc", "..%5c..", "x%00y", "~", "C:"])
def test_an_endpoint_name_never_becomes_a_path(client, name):
    for tail in ("", "/records", "/records.csv", "/records/x"):
        assert client.get(f"/endpoints/{name}{tail}").status_code in {400, 404}


def test_static_files_may_be_kept_for_ever_under_their_version_only(client):
    html = client.get(f"/projects/{PROJECT}").text
    place = re.search(r"/static/plotly\.js\?v=[0-9a-f]+", html)[0]
    assert "immutable" in client.get(place).headers["cache-control"]
    assert client.get("/static/plotly.js").headers["cache-control"] == "no-cache"
    assert client.get("/").headers["cache-control"] == "no-store"


def test_an_unknown_failure_is_a_sealed_page_without_its_message(workspace, client, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(workspace.documents, "find", fail)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY

"""The pages in a real Chromium: they load clean, draw their pictures, fit a phone, and ask nobody else."""

import shutil
import socket
import threading
import time

import pytest
import uvicorn
from playwright.sync_api import sync_playwright
from support.seeded_workspace import PACKAGE, PROJECT, SeedActions, SeedWorkspace, add_training, add_verdict, seeded

from shipworthy.api.routes import make_api
from shipworthy.app.guard import join_faces
from shipworthy.console.pages import make_console

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
]

PAGES = [
    "/",
    "/projects",
    f"/projects/{PROJECT}",
    f"/projects/{PROJECT}/gate",
    "/data",
    "/runs",
    "/runs/run-20130930-120000-7k2m",
    "/packages",
    "/endpoints",
    f"/endpoints/{PROJECT}",
    f"/endpoints/{PROJECT}/records",
    "/incidents",
    "/incidents/incident-20131109-000500-x9",
    "/ledger?at=2013-10-05T10:00",
    "/people",
    "/search?q=flight",
]
WITH_PICTURES = [f"/projects/{PROJECT}", "/runs/run-20130930-120000-7k2m", f"/endpoints/{PROJECT}"]


class Site:
    """A console that listens on a free port of loopback, for as long as a test needs it."""

    def __init__(self, workspace):
        self.workspace, self.actions = workspace, SeedActions(workspace)
        app = join_faces(make_console(workspace, self.actions), make_api(workspace, self.actions))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._socket]), daemon=True)

    def __enter__(self):
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with Site(seeded(tmp_path_factory.mktemp("site") / "flights" / ".shipworthy")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    arguments += ["--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Opens pages; whatever a page complained about or asked of others fails the test."""
    contexts, complaints = [], []

    def new(width=1280, *, script=True, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: _is_foreign(asked.url) and complaints.append(asked.url))
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


def _is_foreign(url):
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


@pytest.mark.covers("TRUST-S16", "R8")
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_loads_clean_and_never_scrolls_sideways(site, opened, path, width, scheme):
    page = opened(width, scheme=scheme)
    answer = page.goto(site.url + path, wait_until="networkidle")
    assert answer.status == 200
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("path", WITH_PICTURES)
def test_every_picture_is_drawn_and_shows_its_numbers_when_asked(site, opened, path):
    page = opened()
    page.goto(site.url + path, wait_until="networkidle")
    figures = page.locator("figure.plot")
    assert figures.count() >= 1
    assert page.locator("figure.plot.drawn .canvas svg.main-svg").count() >= figures.count()
    first = figures.first
    assert not first.locator(".numbers").is_visible()
    first.locator("button.numbers-toggle").click()
    assert first.locator(".numbers table").is_visible()


@pytest.mark.parametrize("path", WITH_PICTURES)
def test_without_scripts_the_numbers_stand_in_for_the_pictures(site, opened, path):
    page = opened(script=False)
    page.goto(site.url + path)
    assert page.locator("figure.plot .numbers table").first.is_visible()
    assert page.locator("figure.plot .numbers-toggle").first.is_hidden()
    assert page.locator("#theme").is_hidden()


def test_a_picture_in_a_folded_finding_is_drawn_when_it_is_opened(site, opened):
    page = opened()
    page.goto(f"{site.url}/projects/{PROJECT}/gate", wait_until="networkidle")
    finding = page.locator("details[id^=finding-calibration]")
    finding.locator("summary").click()
    finding.locator("figure.plot.drawn").wait_for()
    assert finding.locator(".canvas").bounding_box()["width"] > 400


def test_the_slash_key_brings_you_to_the_search(site, opened):
    page = opened()
    page.goto(site.url, wait_until="networkidle")
    page.keyboard.press("/")
    page.keyboard.type("flight/x")
    assert page.locator("#q").input_value() == "flight/x"


def test_the_theme_is_switched_kept_and_reaches_the_pictures(site, opened):
    page = opened()
    page.goto(f"{site.url}/projects/{PROJECT}", wait_until="networkidle")
    ink = "getComputedStyle(document.querySelector('figure.plot .xtick text')).fill"
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper), page.evaluate(ink)
    page.locator("#theme").click()
    page.wait_for_function(f"{ink} !== '{before[1]}'")
    assert page.evaluate(paper) != before[0]
    page.goto(site.url)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_times_say_utc_and_local_on_hover(site, opened):
    page = opened()
    page.goto(f"{site.url}/ledger", wait_until="networkidle")
    said = page.locator("td time").first.get_attribute("title")
    assert "2013-12-02 00:05:00 UTC\n" in said


def test_on_a_phone_the_menu_folds_and_tables_become_cards(site, opened):
    page = opened(390)
    page.goto(f"{site.url}/runs", wait_until="networkidle")
    assert not page.locator(".side nav").is_visible()
    page.locator(".menu-label").click()
    assert page.locator(".side nav").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('table.cards tbody td')).display") == "flex"
    page.keyboard.press("Escape")


def test_keyboard_alone_reaches_the_menu_on_a_phone(site, opened):
    page = opened(390)
    page.goto(site.url, wait_until="networkidle")
    page.locator("#menu").focus()
    page.keyboard.press("Space")
    assert page.locator(".side nav").is_visible()


def test_a_page_follows_what_happens_without_being_loaded_again(tmp_path, opened):
    workspace = SeedWorkspace(tmp_path / ".shipworthy")
    add_training(workspace)
    with Site(workspace) as site:
        page = opened()
        page.goto(f"{site.url}/packages", wait_until="networkidle")
        page.evaluate("window.kept = true")
        assert "A package is one merged ONNX graph" in page.content()
        add_verdict(workspace)
        page.locator(f'a[title="{PACKAGE}"]').wait_for(timeout=20_000)
        assert page.evaluate("window.kept") is True


@pytest.mark.covers("R12")
def test_a_person_approves_in_the_browser(tmp_path, opened):
    workspace = SeedWorkspace(tmp_path / ".shipworthy")
    add_training(workspace)
    digest = add_verdict(workspace)
    with Site(workspace) as site:
        page = opened()
        page.goto(f"{site.url}/projects/{PROJECT}/gate", wait_until="networkidle")
        page.locator("#reason").fill("the interval convinces")
        page.get_by_role("button", name="Approve 8f3c9a7e51d0").click()
        page.locator(".notice.well").wait_for()
        assert site.actions.done == [("approve", PACKAGE, digest, "the interval convinces")]


@pytest.mark.covers("TRUST-S16")
def test_hostile_names_do_not_run(tmp_path, opened):
    payload = "</script><img src=x onerror=\"window.ran=1\"><svg onload='window.ran=1'>"
    workspace = SeedWorkspace(tmp_path / ".shipworthy")
    add_training(workspace)
    kept = workspace.documents.get("run", "run-20130930-120000-7k2m")
    candidates = [{**one, "name": payload + str(place)} for place, one in enumerate(kept.body["candidates"])]
    body = {**kept.body, "sentence": payload, "candidates": candidates}
    workspace.documents.revise("run", kept.id, body, revision=1)
    with Site(workspace) as site:
        page = opened()
        page.goto(f"{site.url}/runs/{kept.id}", wait_until="networkidle")
        page.locator("figure.plot.drawn").wait_for()
        assert page.evaluate("window.ran") is None
        assert payload[:9] in page.inner_text("main")

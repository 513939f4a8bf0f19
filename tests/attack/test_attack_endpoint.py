"""An endpoint under hostile requests: every one is answered, none is felt by another, and the worker stays alive."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from serving_workspace import ENDPOINT, RawClient, columns_package, oip, request_bytes, write_plan

from shipworthy.serving.launch import launch

pytestmark = [pytest.mark.server]

INFER = f"/v2/models/{ENDPOINT}/infer"
JSON = {"Content-Type": "application/json"}


def ask_apart(running, path, body, **headers):
    with RawClient(running.host, running.port, timeout_s=5) as client:
        return client.ask(path, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.covers("R14", "S4", "S24")
@pytest.mark.parametrize("year", ["0001-01-01", "1000-01-01", "1677-12-31", "2262-01-01", "9999-12-31"])
def test_an_instant_that_no_record_can_hold_is_refused_and_nobody_else_waits(running, year):
    """One such statement used to end the recording of its whole group: none of it was ever answered."""
    instant = f"{year}T00:00:00Z"
    statement = json.dumps({"request_id": "r", "outcome": True, "observed_at": instant}).encode()
    good = request_bytes(INFER, json.dumps(oip()).encode())
    dated = request_bytes(INFER, json.dumps(oip()).encode(), headers={"Shipworthy-Time": instant})
    with RawClient(running.host, running.port, timeout_s=5) as client:
        client.send(good + request_bytes("/feedback", statement) + dated + good)
        assert [client.answer()[0] for _ in range(4)] == [200, 400, 400, 200]


@pytest.mark.covers("R16", "S24")
def test_an_outcome_observed_in_the_future_cannot_outweigh_the_corrections_to_come(running):
    ahead = {"request_id": "r", "outcome": True, "observed_at": "2200-01-01T00:00:00Z"}
    status, _, body = ask_apart(running, "/feedback", ahead)
    assert (status, b"in the future" in body) == (400, True)


@pytest.mark.covers("S15", "S24")
@pytest.mark.parametrize(
    ("path", "body"), [("/feedback", {"request_id": "r", "outcome": True}), (INFER, oip()), ("/invocations", {})]
)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_a_page_in_a_browser_can_neither_ask_nor_poison_the_labels(running, path, body, origin):
    """A text/plain POST needs no leave of CORS; the header Origin, which every browser sends, gives it away."""
    status, _, _ = ask_apart(running, path, body, Origin=origin, Content_Type="text/plain")
    assert status == 403


@pytest.mark.covers("R2", "S1")
def test_five_thousand_requests_in_one_breath_are_all_answered(running):
    """Heads behind whole requests used to be counted as one head that is too long."""
    content = request_bytes("/invocations", record(b"1"), headers=JSON) * 5_000
    with RawClient(running.host, running.port, timeout_s=5) as client, ThreadPoolExecutor(1) as sender:
        sent = sender.submit(client.send, content)
        assert [client.answer()[0] for _ in range(5_000)] == [200] * 5_000
        sent.result()


def record(value):
    return b'{"dataframe_records":[{"hour":%b,"distance":1,"weekend":false,"carrier":"UA"}]}' % value


HOSTILE = {
    "NaN": record(b"NaN"),
    "Infinity": record(b"-Infinity"),
    "1e400": record(b"1e400"),
    "too large for float32": record(b"1e39"),
    "100,000 digits": record(b"9" * 100_000),
    "deep": record(b"[" * 50_000 + b"]" * 50_000),
    "deep and open": b"[" * 100_000,
    "invalid UTF-8": record(b'"\xff\xfe"'),
    "a lone surrogate": record(b"1").replace(b"UA", b"\\ud800"),
    "NUL": record(b"1").replace(b"UA", b"\\u0000"),
    "the same key twice": record(b"1").replace(b"]}", b'],"dataframe_records":[]}'),
    "nothing": b"",
    "null": b"null",
}


@pytest.mark.covers("S2", "S3", "S4", "S5")
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_a_400_within_a_second(running, body):
    began_s = time.monotonic()
    status, _, reply = ask_apart(running, "/invocations", body, **JSON)
    assert (status, time.monotonic() - began_s < 1) == (400, True)
    assert json.loads(reply)["error_code"] == "BAD_REQUEST"


@pytest.mark.covers("S19", "S6")
@pytest.mark.parametrize("given", ["a\r\nEvil: 1", "é", "x" * 5_000, "\x7f", "a\\b", 'a"b', " "])
@pytest.mark.parametrize("name", ["X-Request-Id", "Shipworthy-Key", "Shipworthy-Time", "Shipworthy-Endpoint"])
def test_no_header_of_a_caller_becomes_a_header_of_the_answer(running, name, given):
    _, headers, _ = ask_apart(running, "/invocations", record(b"1"), **JSON, **{name: given})
    assert "evil" not in headers
    assert headers["shipworthy-request-id"].isprintable()


PLANS = {
    "empty": "",
    "half": None,
    "without a champion": {"role": "shadow"},
    "a number with a line break": {"number": "1\r\nEvil: 1"},
    "a number beyond all": {"number": 10**30},
    "half a version": {"number": 1.5},
    "a path as package": {"package": "../../../../etc"},
    "an absolute path as package": {"package": "/etc"},
    "a name that is no text": {"name": 5},
    "a fallback that is no flag": {"fallback": "no"},
    "a key that nobody knows": {"more": 1},
}


@pytest.mark.covers("R12", "S6", "S17", "R5")
def test_no_plan_file_ends_the_serving_of_the_last_good_one_nor_the_watching_for_the_next(home):
    path = home / "plans" / f"{ENDPOINT}.json"
    good = json.loads(path.read_text())
    package = good["variants"][0]["package"]
    with launch(home, [ENDPOINT]) as running, RawClient(running.host, running.port, timeout_s=5) as client:
        (worker,) = running.worker_pids
        for number, (name, change) in enumerate(PLANS.items(), start=1):
            write_plan(home, package, number=number)
            wait_for(client, lambda status, n=number: serves(status, n), name)
            replace(path, text_of(good, change))
            wait_for(client, lambda status: status["problems"], name)
            status, headers, _ = client.ask(INFER, oip())
            assert (status, headers["shipworthy-plan"], "evil" in headers) == (200, str(number), False), name
            assert client.ask(f"/v2/models/{ENDPOINT}", b"", method="GET")[0] == 200, name
        os.mkfifo(path.with_name("pipe.json"))
        path.with_name("folder.json").mkdir()
        path.with_name("...json").write_text(json.dumps({**good, "endpoint": ".."}))
        write_plan(home, columns_package(home, shift=1.0), number=99)
        wait_for(client, lambda status: serves(status, 99))
        assert running.worker_pids == (worker,)
    assert sorted(one.name for one in (home / "records").iterdir()) == [ENDPOINT]


def text_of(good, change):
    text = json.dumps(good)
    if not isinstance(change, dict):
        return text[: len(text) // 2] if change is None else change
    variant = {key: change[key] for key in ("role", "package", "name") if key in change}
    whole = {key: value for key, value in change.items() if key not in variant}
    return json.dumps({**good, **whole, "variants": [{**good["variants"][0], **variant}]})


def replace(path, text):
    draft = path.with_name(".draft")
    draft.write_text(text)
    draft.replace(path)


def serves(status, number):
    return status["endpoints"][ENDPOINT]["plan"]["number"] == number and not status["problems"]


def wait_for(client, is_so, what=""):
    deadline = time.monotonic() + 5
    while not is_so(json.loads(client.ask("/status", b"", method="GET")[2])):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.covers("R3", "S22")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_worker_whose_supervisor_dies_while_it_starts_does_not_hold_the_port_for_ever(home):
    command = [sys.executable, "-m", "shipworthy.serving.supervisor", "--home", str(home), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
        deadline = time.monotonic() + 20
        while not (pids := children.read_text().split()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        supervisor.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "an orphan serves on"
        time.sleep(0.05)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

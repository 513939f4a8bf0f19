"""A real server on a free port: its dialects, its order, its limits."""

import itertools
import json
import logging
import socket
import time
import urllib.request
from pathlib import Path

import httptools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_workspace import ENDPOINT, RawClient, columns_package, matrix_package, oip, request_bytes, write_plan
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shipworthy.core.errors import BackendFailed, InvalidConfig
from shipworthy.serving.events import EventHandler
from shipworthy.serving.http import HttpProtocol
from shipworthy.serving.launch import Running, launch
from shipworthy.stores.records import Record, decode_entry
from shipworthy.stores.segments import read_segment

pytestmark = pytest.mark.server
INFER = f"/v2/models/{ENDPOINT}/infer"
RECORD = {"hour": 7, "distance": 100, "weekend": False, "carrier": "UA"}


def get(running: Running, path: str) -> tuple[int, dict[str, str], bytes]:
    with RawClient(running.host, running.port) as client:
        return client.ask(path, b"", method="GET")


def records_of(home: Path, endpoint: str = ENDPOINT) -> dict[str, Record]:
    paths = sorted((home / "records" / endpoint / "segments").glob("*.se*"))
    entries = [decode_entry(payload) for path in paths for payload in read_segment(path).payloads]
    return {entry.request_id: entry for entry in entries if isinstance(entry, Record)}


def metric(running: Running, name: str) -> float:
    lines = get(running, "/metrics")[2].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))


@pytest.mark.covers("S3", "N5")
def test_the_server_speaks_oip(running, client):
    assert json.loads(get(running, "/v2")[2]).keys() == {"name", "version", "extensions"}
    assert get(running, "/v2/health/live")[::2] == (200, b'{"live":true}')
    assert get(running, "/v2/health/ready")[::2] == (200, b'{"ready":true,"live":true}')
    metadata = json.loads(get(running, f"/v2/models/{ENDPOINT}")[2])
    assert [(one["name"], one["datatype"], one["shape"]) for one in metadata["inputs"]] == [
        ("hour", "FP64", [-1]),
        ("distance", "INT64", [-1]),
        ("weekend", "BOOL", [-1]),
        ("carrier", "BYTES", [-1]),
    ]
    version = metadata["versions"][0]
    assert json.loads(get(running, f"/v2/models/{ENDPOINT}/ready")[2]) == {"name": ENDPOINT, "ready": True}
    assert get(running, f"/v2/models/{ENDPOINT}/versions/{version}/ready")[0] == 200
    assert get(running, f"/v2/models/{ENDPOINT}/versions/nope/ready")[0] == 404
    assert get(running, "/v2/models/nope")[0] == 404
    status, headers, body = client.ask(INFER, oip("my-id"))
    answer = json.loads(body)
    assert status == 200
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (ENDPOINT, version, "my-id")
    assert answer["outputs"][0]["data"] == [pytest.approx(0.5271, abs=1e-4)]
    assert answer["outputs"][1]["data"] == [True]
    assert headers["shipworthy-request-id"] == "my-id"
    assert (headers["shipworthy-variant"], headers["shipworthy-plan"]) == ("champion", "1")
    assert "date" in headers


def test_ids_come_from_the_body_the_header_or_the_server(client):
    assert client.ask(INFER, oip("body"), headers={"X-Request-Id": "head"})[1]["shipworthy-request-id"] == "body"
    assert client.ask(INFER, oip(), headers={"X-Request-Id": "head"})[1]["shipworthy-request-id"] == "head"
    made = [client.ask(INFER, oip())[1]["shipworthy-request-id"] for _ in range(3)]
    assert len(set(made)) == 3
    for unsafe in ('a"b', "x" * 200, "caf\u00e9"):
        answer = client.ask(INFER, oip(), headers={"X-Request-Id": unsafe})
        assert answer[1]["shipworthy-request-id"].startswith("req-")


@pytest.mark.covers("S3")
def test_the_server_speaks_mlflow(running, client):
    assert get(running, "/ping")[::2] == (200, b"\n")
    assert get(running, "/health")[::2] == (200, b"\n")
    assert get(running, "/version")[0] == 200
    status, _, body = client.ask("/invocations", {"dataframe_records": [RECORD, RECORD]})
    assert status == 200
    assert json.loads(body)["predictions"] == [{"probability": pytest.approx(0.5271, abs=1e-4), "decision": True}] * 2
    status, _, body = client.ask("/invocations", {"nothing": 1})
    assert (status, json.loads(body)["error_code"]) == (400, "BAD_REQUEST")
    typed = {"Content-Type": "text/csv"}
    assert client.ask("/invocations", b"hour\n1\n", headers=typed)[0] == 415
    for fine in ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"):
        assert client.ask("/invocations", {"instances": [RECORD]}, headers={"Content-Type": fine})[0] == 200
    assert (
        client.ask("/invocations", {"instances": [RECORD]}, headers={"Content-Type": "application/json; a=b"})[0] == 415
    )


@pytest.mark.covers("TRUST-R27")
def test_errors_have_their_status_their_form_and_their_record(running, client, home):
    cases = [
        (INFER, oip(hour=["x"]), 400, "POST"),
        (INFER, b"{", 400, "POST"),
        ("/v2/models/nope/infer", oip(), 404, "POST"),
        ("/nowhere", b"", 404, "GET"),
        (INFER, b"", 405, "GET"),
        ("/feedback", {"request_id": "a"}, 400, "POST"),
        ("/v2/models/..%2f..%2fetc/infer", oip(), 404, "POST"),
    ]
    for index, (path, body, status, method) in enumerate(cases):
        name = f"case-{index}"
        answer = client.ask(path, body, method=method, headers={"X-Request-Id": name})
        assert answer[0] == status, path
        assert "error" in json.loads(answer[2])
        assert answer[1]["shipworthy-request-id"] == name
    found = records_of(home)
    assert [found[f"case-{index}"].status for index in range(len(cases))] == [case[2] for case in cases]


def test_the_quick_way_and_asgi_give_the_same_answer(running, client):
    """A chunked request goes by ASGI; the same request with a length does not."""
    for body in (oip("a"), oip("b", hour=[99]), oip("c", hour=["x"]), {"inputs": []}):
        content = json.dumps(body).encode()
        quick = client.ask(INFER, content)
        client.send(
            f"POST {INFER} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, content[:10], len(content) - 10, content[10:])
        )
        slow = client.answer()
        for answer in (quick, slow):
            answer[1].pop("date")
            if not body.get("id"):
                answer[1].pop("shipworthy-request-id")
        assert quick == slow


def test_a_query_and_an_expectation_are_understood(client):
    assert client.ask(INFER + "?x=1", oip())[0] == 200
    content = json.dumps(oip()).encode()
    head, _, body = request_bytes(INFER, content, headers={"Expect": "100-continue"}).partition(b"\r\n\r\n")
    client.send(head + b"\r\n\r\n")
    assert client.answer()[0] == 100
    client.send(body)
    assert client.answer()[0] == 200


def test_a_head_that_was_seen_before_is_read_alike_and_follows_the_plan(client):
    """The second request of the same head takes the way without a parser."""
    for hour in (1, 2, 3, 1):
        status, _, body = client.ask(INFER, oip("same", hour=[hour]))
        expected = 1 / (1 + 2.718281828459045 ** -(-1 + 2 * hour / 23 + 0.5))
        assert (status, json.loads(body)["outputs"][0]["data"]) == (200, [pytest.approx(expected, rel=1e-5)])


_PIECES = {
    "good": (request_bytes(INFER, json.dumps(oip("good")).encode()), 200),
    "bad": (request_bytes(INFER, json.dumps(oip("bad", hour=["x"])).encode()), 400),
    "model": (request_bytes(INFER, json.dumps(oip("model", hour=[99])).encode()), 200),
    "unknown": (request_bytes("/v2/models/nope/infer", b"{}"), 404),
    "asgi": (request_bytes("/v2/health/live", b"", method="GET"), 200),
    "chunked": (
        f"POST {INFER} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n".encode(),
        400,
    ),
    "mlflow": (request_bytes("/invocations", json.dumps({"instances": [RECORD]}).encode()), 200),
    "feedback": (request_bytes("/feedback", b'{"request_id":"good","outcome":true}'), 200),
}


def _says(name: str, body: bytes) -> bool:
    answer = json.loads(body)
    return {
        "good": lambda: answer["id"] == "good",
        "bad": lambda: "'hour'" in answer["error"],
        "model": lambda: answer["parameters"] == {"fallback": "model_error"},
        "unknown": lambda: "nothing answers" in answer["error"],
        "asgi": lambda: answer == {"live": True},
        "chunked": lambda: "expected an object" in answer["error"],
        "mlflow": lambda: "predictions" in answer,
        "feedback": lambda: answer == {"accepted": 1},
    }[name]()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(sorted(_PIECES)), min_size=1, max_size=12),
    st.lists(st.integers(0, 4_000), max_size=8),
    st.booleans(),
)
def test_answers_leave_in_the_order_of_their_requests_however_the_bytes_arrive(running, names, cuts, pause):
    content = b"".join(_PIECES[name][0] for name in names)
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    with RawClient(running.host, running.port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start, end in itertools.pairwise(edges):
            client.send(content[start:end])
            if pause:
                time.sleep(0.002)
        for name in names:
            status, _, body = client.answer()
            assert status == _PIECES[name][1]
            assert _says(name, body)


def test_a_long_pipeline_is_answered_whole_and_in_order(running):
    with RawClient(running.host, running.port) as client:
        client.send(b"".join(request_bytes(INFER, json.dumps(oip(f"p{index}")).encode()) for index in range(500)))
        assert [json.loads(client.answer()[2])["id"] for _ in range(500)] == [f"p{index}" for index in range(500)]


@pytest.mark.parametrize(
    "content",
    [
        b"NONSENSE\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x00",
    ],
)
def test_what_is_no_http_is_a_400_behind_the_answers_that_are_due(running, content):
    with RawClient(running.host, running.port) as client:
        client.send(_PIECES["good"][0] + content)
        assert client.answer()[0] == 200
        status, headers, body = client.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert "error" in json.loads(body)
        with pytest.raises(ConnectionError):
            client.answer()


def test_two_lengths_are_refused(running):
    with RawClient(running.host, running.port) as client:
        client.send(f"POST {INFER} HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        assert client.answer()[0] == 400


def test_a_caller_may_ask_to_close_and_http_1_0_is_closed(running):
    for version, headers in (("1.1", {"Connection": "close"}), ("1.0", {})):
        with RawClient(running.host, running.port) as client:
            content = request_bytes(INFER, json.dumps(oip()).encode(), headers=headers)
            client.send(content.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
            assert client.answer()[0] == 200
            with pytest.raises(ConnectionError):
                client.answer()


@pytest.mark.covers("D10")
def test_feedback_is_durable_before_it_is_acknowledged(running, client, home):
    client.ask(INFER, oip("labelled"))
    status, _, body = client.ask(
        "/feedback",
        {"feedback": [{"request_id": "labelled", "outcome": True}, {"request_id": "unknown", "outcome": 0}]},
    )
    assert (status, json.loads(body)) == (200, {"accepted": 2})
    paths = sorted((home / "records" / ENDPOINT / "segments").glob("*.se*"))
    entries = [decode_entry(payload) for path in paths for payload in read_segment(path).payloads]
    assert ("labelled", True) in [(one.request_id, getattr(one, "outcome", None)) for one in entries]


def test_simulated_time_goes_into_the_record(client, home):
    client.ask(INFER, oip("then"), headers={"Shipworthy-Time": "2013-10-01T12:00:00Z"})
    assert records_of(home)["then"].at_ns == 1_380_628_800 * 10**9
    assert client.ask(INFER, oip("odd"), headers={"Shipworthy-Time": "yesterday"})[0] == 400


@pytest.mark.covers("M6")
def test_metrics_are_prometheus_text_and_hold_the_identity(running, client):
    client.ask(INFER, oip())
    text = get(running, "/metrics")[2].decode()
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0
    for name in (
        "shipworthy_requests_total",
        "shipworthy_request_duration_seconds_bucket",
        "shipworthy_log_records_total",
        "shipworthy_requests_in_flight",
        "shipworthy_queue_delay_seconds_count",
        "shipworthy_plan_number",
    ):
        assert f"\n{name}" in text
    assert metric(running, "shipworthy_requests_seen_total") == metric(running, "shipworthy_log_records_total")


@pytest.mark.covers("TRUST-S22")
def test_the_server_listens_on_loopback_only_and_refuses_anything_else(running, home, capfd):
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    mine = [line.split()[1] for line in listening if line.split()[1].endswith(f":{running.port:04X}")]
    assert {address.partition(":")[0] for address in mine} == {"0100007F"}
    for wrong in (["--host", "0.0.0.0"], ["--host", "192.0.2.1"], ["--host", "::"]):
        with pytest.raises(InvalidConfig, match="did not start"), launch(home, options=wrong):
            pass
        assert "is refused" in capfd.readouterr().err


def test_a_port_in_use_is_named_with_the_option_to_change_it(running, home, capfd):
    with pytest.raises(InvalidConfig, match="did not start"), launch(home, port=running.port):
        pass
    said = capfd.readouterr().err
    assert f"port {running.port}" in said
    assert "--port" in said


def test_a_server_starts_with_an_endpoint_that_cannot_be_served_and_says_why(tmp_path):
    write_plan(tmp_path, "e" * 64)
    with pytest.raises(BackendFailed, match="is not served"), launch(tmp_path, [ENDPOINT]):
        pass
    with launch(tmp_path) as running:
        assert get(running, "/v2/health/ready")[0] == 503
        assert get(running, "/ping")[0] == 404
        assert ENDPOINT in json.loads(get(running, "/status")[2])["problems"]


def test_several_endpoints_are_told_apart_by_path_or_header(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))
    write_plan(tmp_path, matrix_package(tmp_path), endpoint="matrix")
    with launch(tmp_path, [ENDPOINT, "matrix"]) as running, RawClient(running.host, running.port) as client:
        matrix = {"inputs": [[0.5, 0, 0, 0]]}
        assert client.ask("/invocations", matrix)[0] == 404
        assert client.ask("/invocations", matrix, headers={"Shipworthy-Endpoint": "matrix"})[0] == 200
        assert client.ask("/invocations", matrix, headers={"Shipworthy-Endpoint": ENDPOINT})[0] == 400
        feedback = {"request_id": "a", "outcome": True}
        assert client.ask("/feedback", feedback, headers={"Shipworthy-Endpoint": "matrix"})[0] == 200
        assert client.ask(INFER, oip("mine"))[0] == 200
    assert "mine" in records_of(tmp_path)
    assert len(records_of(tmp_path, "matrix")) == 1
    assert len(records_of(tmp_path, "_unrouted")) == 1


def test_one_endpoint_of_many_may_be_served_alone(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))
    write_plan(tmp_path, matrix_package(tmp_path), endpoint="matrix")
    with launch(tmp_path, ["matrix"]) as running:
        assert json.loads(get(running, "/v2/models")[2]) == {"models": ["matrix"]}


@pytest.mark.covers("V7")
def test_a_worker_is_small_and_loads_no_data_tool(running):
    assert 20 < running.rss_mb() < 100
    (worker,) = running.worker_pids
    mapped = Path(f"/proc/{worker}/maps").read_text()
    for library in ("pandas", "sklearn", "scipy", "duckdb", "pyarrow", "lightgbm", "sqlalchemy", "onnx/"):
        assert f"site-packages/{library}" not in mapped


def test_uvicorns_internals_are_as_they_are_used():
    """`HttpProtocol` stands on these; a new uvicorn that moves one of them fails here first."""
    for name in (
        "on_message_begin",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "_start_asgi_task",
        "send_400_response",
        "shutdown",
        "data_received",
    ):
        assert getattr(HttpToolsProtocol, name) is not getattr(HttpProtocol, name), name
    assert "message_event" in RequestResponseCycle.__init__.__code__.co_varnames
    assert hasattr(httptools.HttpRequestParser, "should_keep_alive")


def test_plain_clients_are_answered(running):
    request = urllib.request.Request(running.url + INFER, json.dumps(oip()).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def test_what_a_library_logs_is_told_as_one_line_of_json(capfd):
    logger = logging.getLogger("test.serving")
    logger.addHandler(EventHandler())
    try:
        1 / 0  # noqa: B018 - it raises
    except ZeroDivisionError:
        logger.exception("Exception in\nASGI application")
    (line,) = capfd.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["error"]) == ("request.failed", "ZeroDivisionError")
    assert "test_serving_endpoint" in told["where"][0]

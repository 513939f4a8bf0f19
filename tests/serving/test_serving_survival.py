"""What a server must survive, each with a count of tries and of losses."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serving_workspace import ENDPOINT, RawClient, columns_package, matrix_package, oip, request_bytes, write_plan

from shipworthy.serving.launch import Running, launch
from shipworthy.stores.records import Record, decode_entry
from shipworthy.stores.segments import read_segment

pytestmark = pytest.mark.server
INFER = f"/v2/models/{ENDPOINT}/infer"
SLOW = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0.5] * 4}]}


class Traffic:
    """Callers on keep-alive connections; each keeps what it was answered."""

    def __init__(self, running: Running, *, callers: int, reconnect: bool = False) -> None:
        self.running = running
        self.reconnect = reconnect
        self.stopped = threading.Event()
        self.answered: list[tuple[str, int, str]] = []
        self.failed: list[str] = []
        self.threads = [threading.Thread(target=self._call, args=(index,)) for index in range(callers)]

    def _call(self, index: int) -> None:
        turn = 0
        while not self.stopped.is_set():
            try:
                with RawClient(self.running.host, self.running.port) as client:
                    while not self.stopped.is_set():
                        turn += 1
                        name = f"c{index}-{turn}"
                        status, headers, _ = client.ask(INFER, oip(name))
                        self.answered.append((name, status, headers["shipworthy-plan"]))
                        if headers.get("connection") == "close":
                            break
            except OSError as error:
                self.failed.append(repr(error))
                if not self.reconnect:
                    return

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)


@contextmanager
def traffic(running: Running, *, callers: int = 4, reconnect: bool = False) -> Iterator[Traffic]:
    made = Traffic(running, callers=callers, reconnect=reconnect)
    for thread in made.threads:
        thread.start()
    try:
        yield made
    finally:
        made.stop()


def recorded(home: Path) -> list[str]:
    paths = sorted((home / "records").rglob("*.se*"))
    entries = [decode_entry(payload) for path in paths for payload in read_segment(path).payloads]
    return [entry.request_id for entry in entries if isinstance(entry, Record)]


def get(running: Running, path: str) -> tuple[int, dict[str, str], bytes]:
    with RawClient(running.host, running.port) as client:
        return client.ask(path, b"", method="GET")


def metric(running: Running, line: str) -> float:
    lines = get(running, "/metrics")[2].decode().splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(line))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_plan(tmp_path, columns_package(tmp_path))
    return tmp_path


@pytest.mark.covers("M1", "S16", "TRUST-R3", "TRUST-R27")
def test_kill_9_of_a_worker_under_load_loses_no_record_whose_answer_was_sent(home, capsys):
    kills = 5
    with launch(home, [ENDPOINT], workers=2) as running, traffic(running, callers=6, reconnect=True) as load:
        slowest_s = 0.0
        for turn in range(kills):
            time.sleep(0.3)
            victim = running.worker_pids[turn % 2]
            os.kill(victim, signal.SIGKILL)
            began = time.monotonic()
            while len(pids := running.worker_pids) < 2 or victim in pids:
                assert time.monotonic() - began < 15
                time.sleep(0.01)
            slowest_s = max(slowest_s, time.monotonic() - began)
        load.stop()
        written = metric(running, 'shipworthy_log_records_total{result="written"}')
        seen = metric(running, "shipworthy_requests_seen_total ")
        total = metric(running, "shipworthy_log_records_total")
    kept = recorded(home)
    acknowledged = [name for name, status, _ in load.answered if status == 200]
    lost = set(acknowledged) - set(kept)
    with capsys.disabled():
        print(
            f"\nkill -9: {kills} kills, {len(acknowledged)} answers, {len(lost)} records lost, "
            f"{len(load.failed)} connections cut, slowest replacement {slowest_s:.2f} s"
        )
    assert not lost
    assert {status for _, status, _ in load.answered} == {200}
    assert len(kept) == len(set(kept))
    assert len(load.failed) <= kills * 6
    assert seen == total
    assert written <= len(kept)


@pytest.mark.covers("TRUST-R18")
def test_a_new_plan_takes_over_without_one_failed_request(home, capsys):
    """Keep-alive connections over 20 changes of plan, packages swapped back and forth."""
    digests = [columns_package(home, shift=shift) for shift in (0.0, 0.5, 1.0)]
    changes = 20
    with launch(home, [ENDPOINT]) as running, traffic(running, callers=4) as load:
        for number in range(2, changes + 2):
            write_plan(home, digests[number % 3], number=number)
            time.sleep(0.3)
        time.sleep(0.5)
        load.stop()
    plans = {plan for _, _, plan in load.answered}
    with capsys.disabled():
        print(
            f"\nplans: {changes} changes, {len(load.answered)} answers, {len(load.failed)} failures, {len(plans)} seen"
        )
    assert not load.failed
    assert {status for _, status, _ in load.answered} == {200}
    assert str(changes + 1) in plans
    assert len(plans) > changes / 2


@pytest.mark.covers("TRUST-R19")
def test_sigterm_lets_what_is_in_flight_finish_and_then_ends(tmp_path):
    write_plan(tmp_path, matrix_package(tmp_path, power=100))
    with launch(tmp_path, [ENDPOINT], options=["--limit", "queue_delay_s=60"]) as running:
        with RawClient(running.host, running.port) as client, RawClient(running.host, running.port) as idle:
            client.send(request_bytes(INFER, json.dumps(SLOW).encode()))
            time.sleep(0.1)
            os.kill(running.pid, signal.SIGTERM)
            began = time.monotonic()
            status, headers, _ = client.answer()
            assert (status, headers["connection"]) == (200, "close")
            with pytest.raises(ConnectionError):
                idle.answer()
        assert running.stop() == 0
        assert time.monotonic() - began < 30
        with pytest.raises(OSError, match="refused"):
            RawClient(running.host, running.port)
    assert len(recorded(tmp_path)) == 1


def test_a_caller_who_goes_on_during_the_drain_is_answered_and_told_to_close(home):
    with launch(home, [ENDPOINT]) as running, RawClient(running.host, running.port) as client:
        assert client.ask(INFER, oip())[0] == 200
        os.kill(running.worker_pids[0], signal.SIGTERM)
        time.sleep(0.15)
        status, headers, _ = client.ask(INFER, oip())
        assert (status, headers["connection"]) == (200, "close")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:  # the supervisor fills the place again
            with contextlib.suppress(OSError), RawClient(running.host, running.port, timeout_s=5) as other:
                if other.ask(INFER, oip())[1].get("connection") != "close":
                    return
            time.sleep(0.05)
        pytest.fail("no worker took the place")


@pytest.mark.covers("TRUST-R9")
@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit bounds the size of files here")
@pytest.mark.parametrize(("policy", "status"), [("serve", 200), ("strict", 503)])
def test_a_disk_that_takes_no_more_is_counted_and_the_server_goes_on(home, policy, status):
    with (
        launch(home, [ENDPOINT], options=["--policy", policy], prefix=["prlimit", "--fsize=1000000"]) as running,
        RawClient(running.host, running.port) as client,
    ):
        large = oip("x" * 100, hour=[1.0] * 3_000)
        statuses = [client.ask(INFER, large)[0] for _ in range(30)]
        assert statuses[0] == 200
        assert statuses[-1] == status
        dropped = metric(running, 'shipworthy_log_records_total{result="dropped"}')
        written = metric(running, 'shipworthy_log_records_total{result="written"}')
        assert (dropped + written, metric(running, "shipworthy_requests_seen_total ")) == (30, 30)
        assert dropped > 0
        assert metric(running, "shipworthy_recording_failed ") == 1
    assert len(recorded(home)) == written


@pytest.mark.covers("TRUST-S1")
def test_slow_callers_are_cut_and_the_others_do_not_feel_them(home):
    options = ["--limit", "request_s=1.5", "--limit", "keep_alive_s=2"]
    with launch(home, [ENDPOINT], options=options) as running:
        began = time.monotonic()
        heads = [RawClient(running.host, running.port) for _ in range(100)]
        bodies = [RawClient(running.host, running.port) for _ in range(100)]
        idle = RawClient(running.host, running.port)
        for client in heads:
            client.send(b"POST /v2/mod")
        for client in bodies:
            client.send(f"POST {INFER} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{{".encode())
        with RawClient(running.host, running.port) as normal:
            assert all(normal.ask(INFER, oip())[0] == 200 for _ in range(100))
        for client in heads + bodies:
            status, headers, _ = client.answer()
            assert (status, headers["connection"]) == (408, "close")
        with pytest.raises(ConnectionError):
            idle.answer()
        assert time.monotonic() - began < 15
        for client in [*heads, *bodies, idle]:
            client.close()


def test_a_caller_who_does_not_read_is_cut_and_memory_stays(home):
    with launch(home, [ENDPOINT], options=["--limit", "request_s=1.5"]) as running:
        before_mb = running.rss_mb()
        client = RawClient(running.host, running.port, timeout_s=1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        request = request_bytes(INFER, json.dumps(oip(hour=[1.0] * 500)).encode())
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                client.send(request)
                sent += 1
        assert sent < 20_000
        assert running.rss_mb() - before_mb < 40
        client.close()
        assert get(running, "/v2/health/live")[0] == 200


@pytest.mark.covers("TRUST-S2")
def test_a_body_beyond_the_limit_is_a_413_with_or_without_a_length(home):
    with launch(home, [ENDPOINT], options=["--limit", "body_bytes=100000", "--limit", "rows=100"]) as running:
        before_mb = running.rss_mb()
        for headers in ("Content-Length: 10000000000", "Transfer-Encoding: chunked"):
            with RawClient(running.host, running.port) as client:
                client.send(f"POST {INFER} HTTP/1.1\r\nX-Request-Id: big\r\n{headers}\r\n\r\n".encode())
                with contextlib.suppress(OSError):
                    for _ in range(200):
                        client.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                status, answered, body = client.answer()
                assert (status, answered["connection"]) == (413, "close")
                assert "100,000" in json.loads(body)["error"]
        with RawClient(running.host, running.port) as client:
            assert client.ask(INFER, oip("rows", hour=[1] * 101))[0] == 413
            assert client.ask(INFER, oip())[0] == 200
        assert running.rss_mb() - before_mb < 40
    assert recorded(home).count("big") == 2


def test_heads_that_are_too_long_are_refused(home):
    with launch(home, [ENDPOINT]) as running:
        with RawClient(running.host, running.port) as client:
            client.send(b"POST /x HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % index for index in range(200)) + b"\r\n")
            assert client.answer()[0] == 431
        with RawClient(running.host, running.port) as client:
            client.send(b"POST /x HTTP/1.1\r\n")
            with contextlib.suppress(OSError):
                for _ in range(20):
                    client.send(b"h: " + b"x" * 4_000 + b"\r\n")
                    time.sleep(0.01)
            assert client.answer()[0] == 431


@pytest.mark.covers("S8", "TRUST-S20")
def test_a_storm_beyond_the_limit_is_refused_at_once_and_the_server_stays_alive(tmp_path):
    write_plan(tmp_path, matrix_package(tmp_path, power=20))
    with launch(tmp_path, [ENDPOINT], options=["--limit", "queue_requests=4"]) as running:
        clients = [RawClient(running.host, running.port, timeout_s=60) for _ in range(40)]
        content = request_bytes(INFER, json.dumps(SLOW).encode())
        for client in clients:
            client.send(content)
        assert get(running, "/v2/health/live")[0] == 200
        answers = [client.answer() for client in clients]
        statuses = [status for status, _, _ in answers]
        assert set(statuses) == {200, 429}
        assert all(headers["retry-after"] == "1" for status, headers, _ in answers if status == 429)
        for client in clients:
            client.close()
    assert len(recorded(tmp_path)) == 40


def test_too_many_connections_are_turned_away(home):
    with launch(home, [ENDPOINT], options=["--limit", "connections=5"]) as running:
        clients = [RawClient(running.host, running.port) for _ in range(5)]
        assert clients[0].ask(INFER, oip())[0] == 200
        with RawClient(running.host, running.port) as sixth:
            assert sixth.answer()[0] == 503
        for client in clients:
            client.close()
        time.sleep(0.1)
        assert get(running, "/v2/health/live")[0] == 200


def test_the_endpoint_serves_with_the_database_gone(home):
    """Static stability: a worker needs its plan and its packages, and no other file of the workspace."""
    (home / "workspace.db").write_bytes(b"no database at all")
    (home / "workspace.toml").write_text("nonsense = [", encoding="utf-8")
    with launch(home, [ENDPOINT]) as running, RawClient(running.host, running.port) as client:
        shutil.rmtree(home / "packages")
        shutil.rmtree(home / "plans")
        time.sleep(0.5)
        assert client.ask(INFER, oip())[0] == 200


def test_a_worker_whose_supervisor_is_killed_ends_by_itself(home):
    with launch(home, [ENDPOINT]) as running:
        (worker,) = running.worker_pids
        os.kill(running.pid, signal.SIGKILL)
        deadline = time.monotonic() + 15
        while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_worker_loads_nothing_that_only_the_controller_needs():
    probe = (
        "import sys, shipworthy.serving.worker; "
        "print([name for name in ('pandas', 'sklearn', 'scipy', 'duckdb', 'sqlalchemy', 'sqlglot', 'pyarrow', "
        "'lightgbm', 'onnx', 'plotly', 'jinja2', 'fastapi', 'rich', 'click.testing') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

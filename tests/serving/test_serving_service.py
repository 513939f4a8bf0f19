"""The data plane without sockets: what is answered, what is recorded, and that every request ends once."""

import asyncio
import errno
import gc
import json
import os
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_workspace import COLUMNS, ENDPOINT, columns_package, contract, matrix_package, oip, write_plan

from shipworthy.packaging.package import open_package
from shipworthy.serving.asgi import App
from shipworthy.serving.batcher import Batcher
from shipworthy.serving.exchange import Asked, Dialect, Exchange
from shipworthy.serving.limits import Limits
from shipworthy.serving.metrics import Metrics, read_series
from shipworthy.serving.oip import OipCodec
from shipworthy.serving.plans import PlanWatcher, settle_memory
from shipworthy.serving.predictor import Predictor
from shipworthy.serving.recorder import Recorder
from shipworthy.serving.service import Service
from shipworthy.stores import segments
from shipworthy.stores.records import Feedback, Record, decode_entry
from shipworthy.stores.segments import read_segment

INFER = f"/v2/models/{ENDPOINT}/infer".encode()


class Caller:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[Exchange] = []

    def deliver(self, exchange: Exchange) -> None:
        self.got.append(exchange)


class Plane:
    """A service over a workspace, on the running loop."""

    def __init__(self, home: Path, *, limits: Limits | None = None, **options: object) -> None:
        self.home = home
        self.caller = Caller()
        self.thread = ThreadPoolExecutor(1)
        self.metrics = Metrics(home / "0.metrics")
        limits = limits or Limits(queue_delay_s=10)
        self.recorder = Recorder(home / "records", "0_test", self.metrics, share_kept=limits.record_share)
        loop = asyncio.get_running_loop()
        self.service = Service(self.recorder, self.metrics, limits, loop, self.thread, id_prefix="req-test-", **options)  # type: ignore[arg-type]
        self.app = App(self.service, home)
        self.watcher = PlanWatcher(home, self.app)

    def ask(self, body: object, *, path: bytes = INFER, **noted: str) -> None:
        headers = {name.replace("_", "-").encode(): value.encode() for name, value in noted.items()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        target = self.service.table[path]
        self.service.take(Exchange(self.caller, target.asked, content, headers, 1), target)

    async def answers(self, count: int) -> list[Exchange]:
        for _ in range(2_000):
            if len(self.caller.got) >= count:
                break
            await asyncio.sleep(0.002)
        assert len(self.caller.got) == count
        return self.caller.got

    def entries(self) -> list[Record | Feedback]:
        paths = sorted((self.home / "records").rglob("*.se*"))
        return [decode_entry(payload) for path in paths for payload in read_segment(path).payloads]

    def count(self, name: str, **labels: str) -> float:
        self.metrics.flush()
        series = read_series(self.home)
        found = [[*json.loads(key), doubles] for key, doubles in series.items()]
        return sum(one[3][0] for one in found if one[1] == name and labels.items() <= dict(one[2]).items())

    def identity(self) -> tuple[float, float, float, float]:
        names = ("written", "sampled_out", "dropped")
        results = [self.count("shipworthy_log_records_total", result=one) for one in names]
        return (self.count("shipworthy_requests_seen_total"), *results)


def serve(home: Path, scene: Callable[[Plane], Awaitable[None]], **options: object) -> Plane:
    async def run() -> Plane:
        plane = Plane(home, **options)  # type: ignore[arg-type]
        await plane.watcher.look()
        await scene(plane)
        plane.recorder.close()
        return plane

    return asyncio.run(run())


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    write_plan(folder, columns_package(folder))
    return folder


@pytest.mark.covers("M1", "TRUST-R27")
def test_every_request_has_one_answer_and_one_record_whatever_its_outcome(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))

    async def scene(plane: Plane) -> None:
        plane.ask(oip("a"))
        plane.ask(oip("b", hour=[99]))
        plane.ask(oip("c", hour=["x"]))
        plane.ask(b"{", x_request_id="d")
        record = {"hour": 1, "distance": 1, "weekend": True, "carrier": "AA"}
        plane.ask({"dataframe_records": [record]}, path=b"/invocations")
        plane.service.refuse(Exchange(plane.caller, Asked("/x", Dialect.HTTP), b"", {}, 1), ValueError("odd"))
        await plane.answers(6)

    plane = serve(tmp_path, scene)
    records = {record.request_id: record for record in plane.entries()}
    assert {one: (records[one].status, records[one].outcome) for one in "abcd"} == {
        "a": (200, "ok"),
        "b": (200, "fallback"),
        "c": (400, "invalid"),
        "d": (400, "invalid"),
    }
    assert sorted(records) == sorted(exchange.request_id for exchange in plane.caller.got)
    assert records["b"].fallback_reason == "model_error"
    assert records["b"].error_type == "InvalidArgument"
    assert len(records["b"].stack_digest) == 64
    assert records["b"].input == json.dumps(oip("b", hour=[99])).encode()
    odd = next(record for record in records.values() if record.status == 500)
    assert (odd.error_type, odd.endpoint, odd.outcome) == ("ValueError", "", "error")
    assert plane.identity() == (6, 6, 0, 0)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 5, 23, 99]), min_size=1, max_size=4), min_size=1, max_size=12))
def test_each_caller_gets_its_own_rows_and_its_own_error(columns, requests):
    """Requests of one run, some of which the model cannot answer, with and without a fallback."""

    async def scene(plane: Plane) -> None:
        for index, hours in enumerate(requests):
            plane.ask(oip(str(index), hour=hours))
        await plane.answers(len(requests))

    plane = serve(columns, scene)
    answers = {exchange.request_id: exchange for exchange in plane.caller.got}
    for index, hours in enumerate(requests):
        exchange = answers[str(index)]
        body = json.loads(exchange.reply)
        assert exchange.outcome == ("fallback" if 99 in hours else "ok")
        said = body["outputs"][0]["data"]
        assert len(said) == len(hours)
        if 99 not in hours:
            expected = [1 / (1 + 2.718281828459045 ** -(-1 + 2 * hour / 23 + 0.5)) for hour in hours]
            assert said == pytest.approx(expected, rel=1e-5)


def test_without_a_fallback_a_failing_model_is_a_500_without_its_innards(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path, baseline=False))

    async def scene(plane: Plane) -> None:
        plane.ask(oip("a", hour=[99]))
        plane.ask(oip("b"))
        await plane.answers(2)

    plane = serve(tmp_path, scene)
    answers = {exchange.request_id: exchange for exchange in plane.caller.got}
    assert (answers["a"].status, answers["b"].status) == (500, 200)
    assert b"Gather" not in answers["a"].reply
    assert "Gather" in next(one for one in plane.entries() if one.request_id == "a").error_message


def test_a_number_beyond_float32_is_refused_to_its_caller_alone(columns):
    async def scene(plane: Plane) -> None:
        plane.ask(oip("a", distance=[2**62]))
        plane.ask(oip("b", hour=[1e39]))
        await plane.answers(2)

    answers = {exchange.request_id: exchange.status for exchange in serve(columns, scene).caller.got}
    assert answers == {"a": 200, "b": 400}


@pytest.mark.parametrize(
    ("on_breach", "status", "outcome", "violations"),
    [("block", 400, "invalid", 1), ("fallback", 200, "fallback", 1), ("warn", 200, "ok", 1)],
)
@pytest.mark.covers("D23")
def test_a_breach_does_what_the_contract_says(tmp_path, on_breach, status, outcome, violations):
    write_plan(tmp_path, columns_package(tmp_path, text=contract(on_breach, low=0, high=23)))

    async def scene(plane: Plane) -> None:
        plane.ask(oip("good", hour=[23]))
        plane.ask(oip("bad", hour=[23.5]))
        await plane.answers(2)

    plane = serve(tmp_path, scene)
    answers = {exchange.request_id: exchange for exchange in plane.caller.got}
    assert (answers["good"].status, answers["good"].outcome) == (200, "ok")
    assert (answers["bad"].status, answers["bad"].outcome) == (status, outcome)
    record = next(one for one in plane.entries() if one.request_id == "bad")
    assert "hour" in record.error_message
    assert plane.count("shipworthy_contract_violations_total", rule="maximum", action=on_breach) == violations
    if on_breach == "block":
        assert b"hour" in answers["bad"].reply
    if on_breach == "fallback":
        assert answers["bad"].extra == b"shipworthy-fallback: contract\r\n"
        assert json.loads(answers["bad"].reply)["parameters"] == {"fallback": "contract"}


def test_variants_share_the_traffic_and_a_caller_keeps_his(tmp_path):
    first, second = columns_package(tmp_path), columns_package(tmp_path, shift=1.0)
    write_plan(tmp_path, [(first, 0.5), (second, 0.5)])

    async def scene(plane: Plane) -> None:
        for index in range(200):
            plane.ask(oip(f"r{index}"), shipworthy_key=f"caller{index % 20}")
        plane.ask(oip("by-id"))
        plane.ask(oip("by-id"))
        await plane.answers(202)

    plane = serve(tmp_path, scene)
    met: dict[str, set[str]] = {}
    for exchange in plane.caller.got:
        key = exchange.noted.get(b"shipworthy-key", b"id").decode()
        met.setdefault(key, set()).add(exchange.origin.variant)
    assert all(len(variants) == 1 for variants in met.values())
    assert set.union(*met.values()) == {"champion", "challenger1"}


def test_a_path_with_a_version_goes_to_that_version(tmp_path):
    first, second = columns_package(tmp_path), columns_package(tmp_path, shift=1.0)
    write_plan(tmp_path, [(first, 1.0), (second, 0.0)])

    async def scene(plane: Plane) -> None:
        plane.ask(oip("a"), path=f"/v2/models/{ENDPOINT}/versions/{second[:12]}/infer".encode())
        plane.ask(oip("b"))
        await plane.answers(2)

    answers = {one.request_id: one.origin.variant for one in serve(tmp_path, scene).caller.got}
    assert answers == {"a": "challenger1", "b": "champion"}


def test_simulated_time_is_obeyed_only_where_it_is_allowed(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))

    async def scene(plane: Plane) -> None:
        plane.ask(oip("a"), shipworthy_time="2013-10-01T12:00:00Z")
        plane.ask({"request_id": "a", "outcome": True}, path=b"/feedback", shipworthy_time="2013-10-02T12:00:00Z")
        await plane.answers(2)

    day_ns = 86_400 * 10**9
    plane = serve(tmp_path, scene, simulated_time=True)
    told, statement = plane.entries()
    assert told.at_ns == 1_380_628_800 * 10**9
    assert told.received_ns > told.at_ns
    assert statement.observed_ns == told.at_ns + day_ns
    plane = serve(tmp_path, scene)
    assert plane.entries()[-2].at_ns == plane.entries()[-2].received_ns


@pytest.mark.covers("TRUST-R9")
@pytest.mark.parametrize(("policy", "status"), [("serve", 200), ("strict", 503)])
def test_a_full_disk_is_counted_and_seen_and_recording_goes_on_by_itself(tmp_path, monkeypatch, policy, status):
    write_plan(tmp_path, columns_package(tmp_path))
    write = os.pwrite
    full = [False]

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content, offset)

    monkeypatch.setattr(segments.os, "pwrite", pwrite)

    async def scene(plane: Plane) -> None:
        plane.ask(oip("before"))
        await plane.answers(1)
        full[0] = True
        for index in range(5):
            plane.ask(oip(f"during{index}"))
        plane.ask({"request_id": "before", "outcome": True}, path=b"/feedback")
        await plane.answers(7)
        assert plane.count("shipworthy_recording_failed") == 1
        assert plane.identity() == (6, 1, 0, 5)
        full[0] = False
        plane.ask(oip("after"))
        await plane.answers(8)

    plane = serve(tmp_path, scene, policy=policy)
    answers = {exchange.request_id: exchange.status for exchange in plane.caller.got}
    assert {answers[f"during{index}"] for index in range(5)} == {status}
    assert answers["req-test-000007"] == 503  # a label is never taken and lost
    assert plane.count("shipworthy_recording_failed") == 0
    assert plane.count("shipworthy_recording_failures_total") >= 1
    assert plane.identity() == (7, 2, 0, 5)
    assert [record.request_id for record in plane.entries()] == ["before", "after"]


def test_what_is_sampled_out_is_counted_and_failures_never_are(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))

    async def scene(plane: Plane) -> None:
        for index in range(100):
            plane.ask(oip(f"r{index}"))
            plane.ask(oip(f"bad{index}", hour=["x"]))
        await plane.answers(200)

    plane = serve(tmp_path, scene, limits=Limits(record_share=0.5, queue_delay_s=10))
    seen, written, sampled, dropped = plane.identity()
    assert (seen, dropped) == (200, 0)
    assert written + sampled == 200
    assert 20 < sampled < 80
    assert sum(record.outcome == "invalid" for record in plane.entries()) == 100


def test_a_worker_that_was_killed_owns_up_to_what_it_lost(tmp_path):
    metrics = Metrics(tmp_path / "0.metrics")
    metrics.counter("shipworthy_requests_seen_total").add(5)
    metrics.counter("shipworthy_log_records_total", result="written").add(3)
    Recorder(tmp_path, "0_next", Metrics(tmp_path / "0.metrics"))
    dropped = Metrics(tmp_path / "0.metrics").counter("shipworthy_log_records_total", result="dropped")
    assert dropped.value == 2


@pytest.mark.covers("TRUST-S20")
def test_beyond_its_limits_the_queue_refuses_at_once(tmp_path):
    write_plan(tmp_path, matrix_package(tmp_path, power=2))
    request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0.5] * 4}]}

    async def scene(plane: Plane) -> None:
        for _ in range(20):
            plane.ask(request)
        await plane.answers(20)

    plane = serve(tmp_path, scene, limits=Limits(queue_requests=4, queue_delay_s=60))
    statuses = [exchange.status for exchange in plane.caller.got]
    assert (statuses.count(200), statuses.count(429)) == (4, 16)
    assert {record.outcome for record in plane.entries() if record.status == 429} == {"rejected"}
    assert plane.identity() == (20, 20, 0, 0)


def test_a_slow_model_runs_in_the_thread_and_the_loop_goes_on(tmp_path):
    write_plan(tmp_path, matrix_package(tmp_path, power=6))
    request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0.5] * 4}]}

    async def scene(plane: Plane) -> None:
        plane.ask(request)
        turns = 0
        while not plane.caller.got:
            await asyncio.sleep(0)
            turns += 1
            if turns == 3:
                plane.ask(request)  # gathered while the first runs
        await plane.answers(2)
        assert turns > 10

    plane = serve(tmp_path, scene)
    assert [exchange.status for exchange in plane.caller.got] == [200, 200]
    assert plane.count("shipworthy_batches_total") == 2


def test_a_batch_never_exceeds_its_rows_unless_one_request_alone_does(columns):
    sizes: list[int] = []

    class Spy(Predictor):
        def answer(self, batch):
            sizes.append(sum(rows.count for rows in batch))
            return super().answer(batch)

    async def run() -> int:
        digest = next((columns / "packages").glob("[0-9a-f]*")).name
        predictor = Spy(open_package(columns / "packages" / digest))
        sizes.clear()
        done: list[Exchange] = []
        thread = ThreadPoolExecutor(1)
        batcher = Batcher(
            predictor,
            lambda batch, _: done.extend(batch),
            asyncio.get_running_loop(),
            thread,
            Limits(batch_rows=8, queue_delay_s=10),
        )
        decoder = OipCodec("f", "v", COLUMNS, Limits())
        for count in (3, 3, 3, 20, 1, 1):
            exchange = Exchange(None, Asked("/", Dialect.OIP), b"", {}, 0)
            exchange.rows = decoder.decode(json.dumps(oip(hour=[1] * count)).encode())
            batcher.add(exchange, count)
        for _ in range(1_000):
            await asyncio.sleep(0.001 if len(done) < 6 else 0)
        return len(done)

    assert asyncio.run(run()) == 6
    assert sizes == [6, 3, 20, 2]


@pytest.mark.covers("TRUST-R12")
def test_a_plan_that_cannot_be_taken_over_changes_nothing_and_is_told(tmp_path, capfd):
    good, other = columns_package(tmp_path), columns_package(tmp_path, shift=1.0)
    write_plan(tmp_path, good)

    async def scene(plane: Plane) -> None:
        damaged = tmp_path / "packages" / other / "model.onnx"
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
        for number, wrong in enumerate((other, "f" * 64), start=2):
            write_plan(tmp_path, wrong, number=number)
            await plane.watcher.look()
            assert ENDPOINT in plane.app.problems
            plane.ask(oip(str(number)))
        (tmp_path / "plans" / f"{ENDPOINT}.json").write_text("{", encoding="utf-8")
        await plane.watcher.look()
        plane.ask(oip("4"))
        (tmp_path / "plans" / f"{ENDPOINT}.json").unlink()
        await plane.watcher.look()
        plane.ask(oip("5"))
        await plane.answers(4)
        write_plan(tmp_path, good, number=6)
        await plane.watcher.look()
        assert not plane.app.problems

    plane = serve(tmp_path, scene)
    assert {(exchange.status, exchange.origin.plan) for exchange in plane.caller.got} == {(200, 1)}
    assert plane.count("shipworthy_plan_failures_total") == 3
    assert "plan.failed" in capfd.readouterr().err


def test_a_package_that_no_plan_needs_is_freed(tmp_path):
    first, second = columns_package(tmp_path), columns_package(tmp_path, shift=1.0)
    write_plan(tmp_path, first)

    async def scene(plane: Plane) -> None:
        plane.ask(oip("a"))
        await plane.answers(1)
        old = weakref.ref(plane.service.deployments[ENDPOINT].champion.predictor)
        write_plan(tmp_path, second, number=2)
        await plane.watcher.look()
        settle_memory()
        assert old() is None

    try:
        serve(tmp_path, scene)
    finally:
        gc.unfreeze()

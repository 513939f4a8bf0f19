"""The data plane without its sockets: every request comes in by ``take`` and leaves, recorded, through its sink."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import BackendFailed, InvalidRequest, Refused
from shipworthy.core.plan import Plan
from shipworthy.serving.batcher import Batcher
from shipworthy.serving.deployment import Deployment, Live, Target, make_deployment, targets
from shipworthy.serving.events import tell
from shipworthy.serving.exchange import Dialect, Exchange, Failure
from shipworthy.serving.feedback import decode_feedback, nanoseconds
from shipworthy.serving.limits import Limits
from shipworthy.serving.metrics import Counter, Histogram, Metrics
from shipworthy.serving.mlflow import require_json
from shipworthy.serving.predictor import Answer, Predictor
from shipworthy.serving.recorder import Recorder
from shipworthy.serving.replies import error_body, failure_of, status_of

__all__ = ["Service"]


class Service:
    """Takes requests, lets variants answer them, records them, and gives them back. Lives on one event loop.

    Attributes:
        limits: The bound on everything.
        metrics: Where to count.
        deployments: What is served, by endpoint.
        table: What each path leads to; replaced whole when a plan changes.
        in_flight: Requests taken and not yet delivered.
        draining: Whether the worker is about to end.

    Args:
        recorder: Where records go.
        metrics: Where to count.
        limits: The bound on everything.
        loop: The event loop.
        thread: Where long runs of models go.
        id_prefix: What makes ids of this worker differ from all others'.
        policy: ``serve`` (answer although a record is lost, and count it) or ``strict`` (503).
        simulated_time: Whether callers may say what time it is for their request.
    """

    def __init__(
        self,
        recorder: Recorder,
        metrics: Metrics,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        thread: Executor,
        *,
        id_prefix: str,
        policy: str = "serve",
        simulated_time: bool = False,
    ) -> None:
        self.limits = limits
        self.metrics = metrics
        self.deployments: dict[str, Deployment] = {}
        self.table: dict[bytes, Target] = {}
        self.in_flight = 0
        self.draining = False
        self._recorder = recorder
        self._loop = loop
        self._thread = thread
        self._id_prefix = id_prefix
        self._ids = 0
        self._strict = policy == "strict"
        self._simulated = simulated_time
        self._answered: list[Exchange] = []
        self._series: dict[tuple[str, str, str, str, int], tuple[Counter, Histogram]] = {}
        self._runs = metrics.counter("shipworthy_batches_total")
        self._run_rows = metrics.counter("shipworthy_batch_rows_total")
        self._queue = metrics.histogram("shipworthy_queue_delay_seconds")
        self._epoch_ns = 0
        self.set_clock()

    def set_clock(self) -> None:
        """Hold the performance counter against the wall clock; called every second, for the wall clock may jump."""
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()

    def deploy(self, plan: Plan, predictors: dict[str, Predictor]) -> None:
        """Serve ``plan`` from the next request on; requests in flight end with the variant that they began with.

        Args:
            plan: The plan.
            predictors: Loaded predictors by digest of their package; at least those of the plan.
        """

        def gather(predictor: Predictor, finish: Callable[[list[Exchange], list[Answer]], None]) -> Batcher:
            return Batcher(predictor, finish, self._loop, self._thread, self.limits)

        made = make_deployment(plan, predictors, limits=self.limits, gather=gather, finish=self._finish)
        self.deployments = {**self.deployments, plan.endpoint: made}
        self.table = targets(self.deployments)

    def gauge(self) -> None:
        """Bring gauges and histograms up to date, before they are looked at."""
        self.metrics.flush()
        self.metrics.gauge("shipworthy_requests_in_flight").set(self.in_flight)

    def take(self, exchange: Exchange, target: Target) -> None:
        """Start on a request. It is delivered to its sink later: always, once, after its record was written."""
        self.in_flight += 1
        is_feedback = target.asked.dialect is Dialect.FEEDBACK
        self._recorder.seen += not is_feedback
        try:
            if exchange.noted:
                self._heed(exchange)
            if not exchange.request_id:
                self._ids += 1
                exchange.request_id = f"{self._id_prefix}{self._ids:06x}"
            if is_feedback:
                self._take_feedback(exchange)
            else:
                self._start(exchange, target)
        except Exception as error:  # noqa: BLE001 - the request boundary: its record holds what was raised
            self._recorder.seen += is_feedback
            self._name_late(exchange, target)
            self._fail(exchange, error)

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer a request that cannot be taken at all with its error."""
        self.in_flight += 1
        self._recorder.seen += 1
        given = exchange.noted.get(b"x-request-id", b"")
        self._ids += 1
        named = given.decode() if _is_safe(given, self.limits.id_length) else f"{self._id_prefix}{self._ids:06x}"
        exchange.request_id = named
        exchange.close = exchange.close or status_of(error)[0] in {408, 413, 431}
        self._fail(exchange, error)

    # How a request begins

    def _heed(self, exchange: Exchange) -> None:
        """Take the id and the time that the headers give."""
        noted = exchange.noted
        if b"origin" in noted:
            raise Refused(
                "a page in a browser may not ask here: any page could, with the rights of whoever reads it",
                remedy="let the page's own server ask, without the header Origin",
            )
        given = noted.get(b"x-request-id")
        if given is not None and _is_safe(given, self.limits.id_length):
            exchange.request_id = given.decode()
        if self._simulated and b"shipworthy-time" in noted:
            exchange.at_ns = _instant(noted[b"shipworthy-time"])

    def _name_late(self, exchange: Exchange, target: Target) -> None:
        """Give a refused request the id that its body gives, if that much of it can be read, or one of ours."""
        if target.asked.dialect is Dialect.OIP and exchange.rows is None:
            exchange.request_id = target.deployment.champion.oip.id_of(exchange.body) or exchange.request_id
        if not exchange.request_id:
            self._ids += 1
            exchange.request_id = f"{self._id_prefix}{self._ids:06x}"

    def _start(self, exchange: Exchange, target: Target) -> None:
        live = target.live or self._choose(exchange, target.deployment)
        exchange.origin = live.origin
        dialect = target.asked.dialect
        if dialect is Dialect.MLFLOW:
            require_json(exchange.noted.get(b"content-type", b""))
        exchange.rows = rows = live.decoders[dialect](exchange.body)
        if rows.request_id:
            exchange.request_id = rows.request_id
        if live.contract.binds and not self._keeps_contract(exchange, live):
            return
        live.batcher.add(exchange, rows.count)

    def _choose(self, exchange: Exchange, deployment: Deployment) -> Live:
        router = deployment.router
        if router.only is not None:
            return deployment.lives[router.only]
        key = exchange.noted.get(b"shipworthy-key", b"").decode("latin-1")
        if not key and exchange.asked.dialect is Dialect.OIP:
            key = deployment.champion.oip.id_of(exchange.body)
        return deployment.lives[router.choose(key or exchange.request_id)]

    def _keeps_contract(self, exchange: Exchange, live: Live) -> bool:
        """Whether the model may answer; if not, the request is answered already.

        Raises:
            InvalidRequest: If the contract blocks what it breaks.
        """
        assert exchange.rows is not None
        breach = live.contract.breach(exchange.rows)
        if breach is None:
            return True
        action = live.contract.action
        self.metrics.counter("shipworthy_contract_violations_total", rule=breach.rule, action=action).add()
        if action == "block":
            raise breach.error
        exchange.failure = Failure(kind=type(breach.error).__name__, message=breach.error.problem)
        if action == "fallback" and live.fallback is not None:
            self._fall_back(exchange, live, "contract")
            self._settle_soon(exchange)
            return False
        return True

    def _take_feedback(self, exchange: Exchange) -> None:
        received_ns = exchange.arrived_ns + self._epoch_ns
        now_ns = exchange.at_ns or received_ns
        exchange.feedback = decode_feedback(exchange.body, received_ns=received_ns, now_ns=now_ns)
        exchange.status = 200
        exchange.reply = b'{"accepted":%d}' % len(exchange.feedback)
        self._settle_soon(exchange)

    # How it ends

    def _finish(self, live: Live, batch: list[Exchange], answers: list[Answer]) -> None:
        for exchange, answer in zip(batch, answers, strict=True):
            try:
                if type(answer) is list:
                    exchange.status = 200
                    exchange.outputs = answer
                    exchange.reply = live.encode(exchange)
                else:
                    self._finish_failed(exchange, live, answer)
            except Exception as error:  # noqa: BLE001 - the request boundary
                self._answer_error(exchange, error)
        self._runs.add()
        self._run_rows.add(sum([exchange.rows.count for exchange in batch if exchange.rows]))
        self._settle(batch)

    def _finish_failed(self, exchange: Exchange, live: Live, answer: Answer) -> None:
        assert isinstance(answer, Exception)
        if isinstance(answer, InvalidRequest) or live.fallback is None:
            self._answer_error(exchange, answer)
        else:
            exchange.failure = failure_of(answer)
            self._fall_back(exchange, live, "model_error")

    def _fall_back(self, exchange: Exchange, live: Live, reason: str) -> None:
        assert live.fallback is not None
        assert exchange.rows is not None
        exchange.outputs = live.fallback.answer(exchange.rows)
        exchange.status = 200
        exchange.outcome = "fallback"
        exchange.fallback = reason
        exchange.extra = b"shipworthy-fallback: %b\r\n" % reason.encode()
        exchange.reply = live.encode(exchange)
        self.metrics.counter("shipworthy_fallbacks_total", endpoint=live.origin.endpoint, reason=reason).add()

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        self._answer_error(exchange, error)
        self._settle_soon(exchange)

    def _answer_error(self, exchange: Exchange, error: Exception) -> None:
        exchange.status, exchange.outcome = status_of(error)
        exchange.failure = failure_of(error)
        exchange.outputs = None
        exchange.reply = error_body(exchange.asked.dialect, exchange.status, error)
        if exchange.status == 500:
            tell("request.failed", request_id=exchange.request_id, error=exchange.failure.kind)

    def _settle_soon(self, exchange: Exchange) -> None:
        """Settle together with all that is answered in this turn of the loop: one commit for the group."""
        if not self._answered:
            self._loop.call_soon(self._settle_answered)
        self._answered.append(exchange)

    def _settle_answered(self) -> None:
        group, self._answered = self._answered, []
        self._settle(group)

    def _settle(self, group: Sequence[Exchange]) -> None:
        """Record, then deliver."""
        now_ns = time.perf_counter_ns()
        for exchange in self._recorder.commit(group, now_ns=now_ns, epoch_ns=self._epoch_ns):
            if self._strict or exchange.feedback is not None:
                self._take_back(exchange)
        self.in_flight -= len(group)
        first = group[0]
        asked = first.asked
        plain = [one.status == 200 and one.outcome == "ok" and one.asked is asked for one in group]
        if all(plain):
            self._count(group, now_ns)
        else:
            for one in group:
                self._count((one,), now_ns)
        for exchange in group:
            exchange.sink.deliver(exchange)

    def _take_back(self, exchange: Exchange) -> None:
        error = BackendFailed("this request could not be recorded, so it is not answered", remedy="try again later")
        exchange.status, exchange.outcome, exchange.extra = 503, "error", b""
        exchange.reply = error_body(exchange.asked.dialect, 503, error)

    def _count(self, group: Sequence[Exchange], now_ns: int) -> None:
        """Count answers of one endpoint, variant, dialect, outcome and status."""
        first = group[0]
        asked, origin = first.asked, first.origin
        key = (asked.endpoint, origin.variant if origin else "", asked.dialect, first.outcome, first.status)
        answers, durations = self._series.get(key) or self._make_series(key)
        answers.add(len(group))
        durations.observe([(now_ns - one.arrived_ns) * 1e-9 for one in group])
        if first.run is not None:
            began_ns = first.run.began_ns
            self._queue.observe([(began_ns - one.arrived_ns) * 1e-9 for one in group])

    def _make_series(self, key: tuple[str, str, str, str, int]) -> tuple[Counter, Histogram]:
        endpoint, variant, protocol, outcome, status = key
        labels = {"endpoint": endpoint, "variant": variant, "protocol": protocol, "outcome": outcome}
        made = (
            self.metrics.counter("shipworthy_requests_total", **labels, status=str(status)),
            self.metrics.histogram("shipworthy_request_duration_seconds", **labels),
        )
        self._series[key] = made
        return made


def _is_safe(given: bytes, most: int) -> bool:
    """Whether a caller's id can travel in a header, in JSON and in a log line as it is."""
    return 0 < len(given) <= most and given.isascii() and given.decode().isprintable() and not set(given) & set(b'"\\')


def _instant(header: bytes) -> int:
    try:
        return nanoseconds(parse_instant(header.decode("latin-1")))
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"header Shipworthy-Time: {header[:40]!r} is no instant", remedy="send ISO 8601, such as 2013-10-01T14:05Z"
        ) from error

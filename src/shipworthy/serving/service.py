"""The data plane without its sockets: every request comes in through ``take`` and leaves, recorded, by its sink."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Executor
from hashlib import sha256
from typing import Final

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import (
    BackendFailed,
    InvalidRequest,
    NotFound,
    Overloaded,
    Refused,
    ShipworthyError,
)
from shipworthy.serving.batcher import Batcher
from shipworthy.serving.deployment import Deployment, Live, Target, make_deployment, targets
from shipworthy.serving.events import tell
from shipworthy.serving.exchange import Dialect, Exchange, Failure
from shipworthy.serving.feedback import decode_feedback, nanoseconds
from shipworthy.serving.limits import Limits
from shipworthy.serving.metrics import Counter, Histogram, Metrics
from shipworthy.serving.mlflow import mlflow_error
from shipworthy.serving.oip import oip_error
from shipworthy.serving.predictor import Answer, Predictor
from shipworthy.serving.recorder import Recorder
from shipworthy.core.plan import Plan
from shipworthy.stores.records import Outcome

__all__ = ["Service"]

_STATUS: Final[tuple[tuple[type[ShipworthyError], int, Outcome], ...]] = (
    (InvalidRequest, 400, "invalid"),
    (NotFound, 404, "invalid"),
    (Overloaded, 429, "rejected"),
    (Refused, 403, "rejected"),
)


class Service:
    """Takes requests, lets variants answer them, records them, and gives them back.

    Lives on one event loop.

    Attributes:
        limits: The bound on everything.
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
        self.deployments: dict[str, Deployment] = {}
        self.table: dict[bytes, Target] = {}
        self.in_flight = 0
        self.draining = False
        self.metrics = metrics
        self._recorder = recorder
        self._loop = loop
        self._thread = thread
        self._id_prefix = id_prefix
        self._ids = 0
        self._strict = policy == "strict"
        self._simulated = simulated_time
        self._refused: list[Exchange] = []
        self._series: dict[tuple[str, str, str, str, int], tuple[Counter, Histogram]] = {}
        self._runs = metrics.counter("shipworthy_batches_total")
        self._run_rows = metrics.counter("shipworthy_batch_rows_total")
        self._queue = metrics.histogram("shipworthy_queue_delay_seconds")
        self.epoch_ns = 0
        self.set_clock()

    def set_clock(self) -> None:
        """Hold the performance counter against the wall clock; called every second, for the wall clock may jump."""
        self.epoch_ns = time.time_ns() - time.perf_counter_ns()

    # -- plans ------------------------------------------------------------------------------------------------

    def deploy(self, plan: Plan, predictors: dict[str, Predictor]) -> None:
        """Serve ``plan`` from the next request on; requests in flight end with the variant that they began with."""
        deployment = make_deployment(
            plan, predictors, limits=self.limits, gather=self._gather, finish=self._finish_batch
        )
        self.deployments = {**self.deployments, plan.endpoint: deployment}
        self.table = targets(self.deployments)

    def _gather(self, predictor: Predictor, finish: object) -> Batcher:
        return Batcher(predictor, finish, self._loop, self._thread, self.limits)  # type: ignore[arg-type]

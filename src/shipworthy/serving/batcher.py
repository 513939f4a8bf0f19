"""The batcher: gathers what arrived while the last run was busy; never waits for more."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from shipworthy.core.errors import Overloaded
from shipworthy.serving.exchange import Exchange, Run
from shipworthy.serving.limits import Limits
from shipworthy.serving.predictor import Answer, Predictor

__all__ = ["Batcher"]

Finish = Callable[[list[Exchange], list[Answer]], None]


class Batcher:
    """Runs one predictor over the waiting requests of all connections together.

    Lives on one event loop. Requests are answered in the order of arrival. A run that is expected to take
    longer than ``limits.inline_s`` goes to the thread, so that the loop goes on taking requests.

    Args:
        predictor: What answers.
        finish: Called on the loop with each batch and one answer for each of its requests.
        loop: The event loop.
        thread: Where long runs go.
        limits: How much may wait.
    """

    def __init__(
        self,
        predictor: Predictor,
        finish: Finish,
        loop: asyncio.AbstractEventLoop,
        thread: Executor,
        limits: Limits,
    ) -> None:
        self._predictor = predictor
        self._finish = finish
        self._loop = loop
        self._thread = thread
        self._most_waiting = limits.queue_requests
        self._most_delay_s = limits.queue_delay_s
        self._inline_s = limits.inline_s
        self._batch_rows = limits.batch_rows
        self._waiting: deque[Exchange] = deque()
        self._waiting_rows = 0
        self._running_rows = 0
        self._scheduled = False

    @property
    def delay_s(self) -> float:
        """How long a request that came now would wait, as far as is known, in seconds."""
        rows = self._waiting_rows + self._running_rows
        return self._predictor.run_s + rows * self._predictor.row_s if rows else 0.0

    def add(self, exchange: Exchange, rows: int) -> None:
        """Let a request wait for the next run.

        Raises:
            Overloaded: If too many wait, or it would wait too long.
        """
        waiting = self._waiting
        ahead = self._waiting_rows + self._running_rows
        if ahead and (len(waiting) >= self._most_waiting or ahead * self._predictor.row_s > self._most_delay_s):
            raise Overloaded(
                f"{len(waiting)} requests wait; the delay would be {self.delay_s * 1000:.0f} ms",
                remedy="try again in a second, or run more workers",
                waiting=len(waiting),
            )
        waiting.append(exchange)
        self._waiting_rows += rows
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        batch, rows = self._gather()
        began = time.perf_counter_ns()
        inputs = [exchange.rows for exchange in batch if exchange.rows is not None]
        predictor = self._predictor
        if predictor.run_s + rows * predictor.row_s > self._inline_s:
            self._running_rows = rows
            future = self._loop.run_in_executor(self._thread, predictor.answer, inputs)
            future.add_done_callback(lambda done: self._came_back(batch, rows, began, done.result()))
            return
        self._settle(batch, rows, began, predictor.answer(inputs))

    def _gather(self) -> tuple[list[Exchange], int]:
        """The next batch: the first that waits, and as many more as fit."""
        waiting, most = self._waiting, self._batch_rows
        if self._waiting_rows <= most:
            batch, rows = list(waiting), self._waiting_rows
            waiting.clear()
            self._waiting_rows = 0
            return batch, rows
        batch, rows = [], 0
        while waiting and (not batch or rows + _rows(waiting[0]) <= most):
            batch.append(waiting.popleft())
            rows += _rows(batch[-1])
        self._waiting_rows -= rows
        return batch, rows

    def _came_back(self, batch: list[Exchange], rows: int, began: int, answers: list[Answer]) -> None:
        self._running_rows = 0
        self._settle(batch, rows, began, answers)

    def _settle(self, batch: list[Exchange], rows: int, began: int, answers: list[Answer]) -> None:
        took = time.perf_counter_ns() - began
        run = Run(began, took)
        for exchange in batch:
            exchange.run = run
        self._predictor.expect(took / 1e9, rows)
        if self._waiting:
            self._loop.call_soon(self._run)
        else:
            self._scheduled = False
        self._finish(batch, answers)


def _rows(exchange: Exchange) -> int:
    assert exchange.rows is not None
    return exchange.rows.count

"""The packaged server as the gate sees it: asked over HTTP, timed from outside, its memory read from the system."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from shipworthy.app.asking import oip_question
from shipworthy.app.client import Client, Question, ask_all
from shipworthy.core.errors import BackendFailed
from shipworthy.packaging.signature import Signature
from shipworthy.serving.launch import Running

__all__ = ["Probe"]

_ROWS_AT_ONCE: Final = 500
_WARM_UP: Final = 200
_TIMED: Final = 2000


class Probe:
    """Asks one running server about rows, and times single-row requests of the first rows that it was asked about."""

    def __init__(self, running: Running, *, endpoint: str, signature: Signature) -> None:
        self._running = running
        self._endpoint = endpoint
        self._signature = signature
        self._timed: NDArray[np.float64] | None = None
        self._single: list[Question] = []

    def predict(self, columns: Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        """Probabilities that the endpoint answers over HTTP, shape (n_rows,).

        Raises:
            BackendFailed: If a request is not answered with predictions.
        """
        rows = len(next(iter(columns.values())))
        parts = [_slice(columns, start, start + _ROWS_AT_ONCE) for start in range(0, rows, _ROWS_AT_ONCE)]
        self._single = self._single or [self._question(_slice(columns, row, row + 1)) for row in range(min(rows, 100))]
        answers = asyncio.run(ask_all(self._running.url, map(self._question, parts), connections=1))
        return np.concatenate([_probability(answer.status, answer.json()) for answer in answers])

    @property
    def latencies_ms(self) -> NDArray[np.float64]:
        """Latencies of single-row requests on one keep-alive connection, in ms, shape (2000,); measured once."""
        if self._timed is None:
            self._timed = asyncio.run(self._time())
        return self._timed

    @property
    def memory_mb(self) -> float:
        """Resident memory of the worker, in MB."""
        return self._running.rss_mb()

    def _question(self, columns: Mapping[str, Sequence[object]]) -> Question:
        return oip_question(self._endpoint, self._signature, columns)

    async def _time(self) -> NDArray[np.float64]:
        taken = np.empty(_TIMED)
        async with Client.connect(self._running.url) as client:
            for number in range(-_WARM_UP, _TIMED):
                begun = time.perf_counter()
                await client.ask(self._single[number % len(self._single)])
                if number >= 0:
                    taken[number] = (time.perf_counter() - begun) * 1000
        return taken


def _slice(columns: Mapping[str, Sequence[object]], start: int, stop: int) -> dict[str, Sequence[object]]:
    return {name: values[start:stop] for name, values in columns.items()}


def _probability(status: int, body: object) -> NDArray[np.float64]:
    if status != 200 or not isinstance(body, dict):
        raise BackendFailed(
            f"the packaged server answered {status}: {str(body)[:200]}", remedy="see what it says is wrong with the row"
        )
    outputs = {one["name"]: one["data"] for one in cast("list[dict[str, list[float]]]", body["outputs"])}
    return np.array(outputs["probability"], dtype=np.float64)

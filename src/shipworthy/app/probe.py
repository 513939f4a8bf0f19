"""The packaged server as the gate sees it: asked over HTTP, timed from outside, its memory read from the system."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shipworthy.app.asking import oip_question
from shipworthy.app.client import Answer, Client, Question, ask_all
from shipworthy.packaging.signature import Signature
from shipworthy.serving.launch import Running

__all__ = ["Probe"]

_CONNECTIONS: Final = 8
_WARM_UP: Final = 200
_TIMED: Final = 2000


class Probe:
    """Asks one running server about rows, and times single-row requests of the first rows that it was asked about."""

    def __init__(self, running: Running, *, endpoint: str, signature: Signature) -> None:
        self._running = running
        self._endpoint = endpoint
        self._signature = signature
        self._timed: NDArray[np.float64] | None = None
        self._answered: list[Question] = []

    def predict(self, columns: Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        """What the endpoint answers to each row alone, shape (n_rows,); NaN where its contract refuses the row.

        Raises:
            BackendFailed: If the connection breaks.
        """
        rows = len(next(iter(columns.values())))
        questions = [self._question(_row(columns, number)) for number in range(rows)]
        answers = asyncio.run(ask_all(self._running.url, questions, connections=_CONNECTIONS))
        said = np.array([_probability(answer) for answer in answers], dtype=np.float64)
        self._answered = self._answered or [one for one, p in zip(questions, said, strict=True) if not np.isnan(p)]
        return said

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
                await client.ask(self._answered[number % len(self._answered)])
                if number >= 0:
                    taken[number] = (time.perf_counter() - begun) * 1000
        return taken


def _row(columns: Mapping[str, Sequence[object]], number: int) -> dict[str, Sequence[object]]:
    return {name: (values[number],) for name, values in columns.items()}


def _probability(answer: Answer) -> float:
    body = answer.json()
    if answer.status != 200 or "shipworthy-fallback" in answer.headers or not isinstance(body, dict):
        return float("nan")
    said = {one["name"]: one["data"][0] for one in body["outputs"]}
    return float(said["probability"])

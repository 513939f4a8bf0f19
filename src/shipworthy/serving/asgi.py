"""Everything that is no prediction, and predictions again as the reference of the fast way: a plain ASGI app."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidRequest, NotFound
from shipworthy.core.version import __version__
from shipworthy.serving.deployment import Deployment, Live, Target, target_of, version_of
from shipworthy.serving.exchange import Asked, Dialect, Exchange, Noted
from shipworthy.serving.metrics import read_series
from shipworthy.serving.metrics import render as render_metrics
from shipworthy.serving.oip import metadata
from shipworthy.serving.replies import header_lines
from shipworthy.serving.service import Service

__all__ = ["App", "Known"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON: Final = "application/json"
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_encode = msgspec.json.encode


class Known:
    """What a head of a plain request says: its path, its body's length in bytes, and the headers noted."""

    __slots__ = ("length", "noted", "url")

    def __init__(self, url: bytes, length: int, noted: Noted) -> None:
        self.url = url
        self.length = length
        self.noted = noted


class _Reply:
    """An answer to a question about the server itself."""

    def __init__(self, body: bytes, *, status: int = 200, mime: str = _JSON) -> None:
        self.body = body
        self.status = status
        self.mime = mime


class _Waiting:
    """The sink of a prediction that came through ASGI."""

    def __init__(self) -> None:
        self.done: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()

    def deliver(self, exchange: Exchange) -> None:
        if not self.done.done():
            self.done.set_result(exchange)


class App:
    """The ASGI application of a worker, and what its connections share.

    Attributes:
        service: The data plane.
        known: Heads of plain requests seen before.
        now_s: The event loop's time, some tenths of a second old at most, in seconds.
        date: The ``date`` header line, ending in CRLF.
        problems: What keeps a plan from being served, by endpoint.

    Args:
        service: The data plane.
        scratch: Folder of the workers' metrics.
    """

    def __init__(self, service: Service, scratch: Path) -> None:
        self.service = service
        self.known: dict[bytes, Known] = {}
        self.now_s = 0.0
        self.date = b""
        self.problems: dict[str, str] = {}
        self._scratch = scratch
        self._plain: dict[str, Callable[[], _Reply]] = {
            "/v2": self._server,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/v2/models": self._models,
            "/livez": self._live,
            "/readyz": self._ready,
            "/health": self._ping,
            "/ping": self._ping,
            "/version": lambda: _Reply(__version__.encode(), mime="text/plain; charset=utf-8"),
            "/metrics": self._metrics,
            "/status": self._status,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = str(scope["path"])
        method = scope["method"]
        reply = self._about(path) if method in {"GET", "HEAD"} else None
        if method == "POST" and path == "/v2/repository/index":
            reply = self._index()
        if reply is not None:
            await _send(send, reply.status, [(b"content-type", reply.mime.encode())], reply.body)
            return
        await self._predict(scope, receive, send)

    # Predictions, as the reference

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        noted: Noted = dict(scope["headers"])
        sink = _Waiting()
        target = self._target(scope["raw_path"], noted)
        asked = target.asked if target else Asked(str(scope["path"]), _dialect(scope["path"]), self._only_endpoint())
        exchange = Exchange(sink, asked, b"", noted, perf_counter_ns())
        try:
            found = self._require(target, scope)
            body = await _read(receive, self.service.limits.body_bytes)
            if body is None:
                return
            exchange.body, exchange.arrived_ns = body, perf_counter_ns()
        except (InvalidRequest, NotFound) as error:
            self.service.refuse(exchange, error)
        else:
            self.service.take(exchange, found)
        answered = await sink.done
        await _send(send, answered.status, header_lines(answered), answered.reply)

    def _require(self, target: Target | None, scope: Scope) -> Target:
        if target is None:
            raise self._unknown(str(scope["path"]))
        if scope["method"] != "POST":
            raise InvalidRequest(f"{scope['method']} is not answered here", remedy="use POST", limit="method")
        return target

    def _target(self, raw_path: bytes, noted: Noted) -> Target | None:
        """What a path leads to; a header names the endpoint where the path does not and several are served."""
        found = self.service.table.get(raw_path)
        name = unquote(noted.get(b"shipworthy-endpoint", b"").decode("latin-1"))
        dialect = {b"/invocations": Dialect.MLFLOW, b"/feedback": Dialect.FEEDBACK}.get(raw_path)
        if found is not None or dialect is None or name not in self.service.deployments:
            return found
        return target_of(raw_path.decode(), dialect, self.service.deployments[name])

    def _unknown(self, path: str) -> NotFound:
        names = ", ".join(sorted(self.service.deployments)) or "none"
        if path in {"/invocations", "/feedback"} and len(self.service.deployments) > 1:
            return NotFound(f"{path} names no endpoint", remedy=f"send header Shipworthy-Endpoint, one of: {names}")
        return NotFound(f"nothing answers at {path[:200]!r}", remedy=f"endpoints served: {names}")

    def _only_endpoint(self) -> str:
        return next(iter(self.service.deployments)) if len(self.service.deployments) == 1 else ""

    # Questions about the server

    def _about(self, path: str) -> _Reply | None:
        """The answer to a question about the server or a model; None if nothing answers at that path."""
        if path in self._plain:
            return self._plain[path]()
        match path.removeprefix("/v2/models/").split("/") if path.startswith("/v2/models/") else []:
            case [name, *rest] if name in self.service.deployments:
                return self._about_model(self.service.deployments[name], rest)
        return None

    def _about_model(self, deployment: Deployment, rest: list[str]) -> _Reply | None:
        live: Live | None = deployment.champion
        match rest:
            case ["versions", version, *rest]:
                live = _version(deployment, version)
        if live is None or rest not in ([], ["ready"]):
            return None
        if not rest:
            return self._model(deployment, live)
        return _Reply(_encode({"name": deployment.plan.endpoint, "ready": not self.service.draining}))

    def _server(self) -> _Reply:
        return _Reply(_encode({"name": "shipworthy", "version": __version__, "extensions": []}))

    def _live(self) -> _Reply:
        return _Reply(_encode({"live": True}))

    @property
    def _is_ready(self) -> bool:
        return bool(self.service.deployments) and not self.service.draining

    def _ready(self) -> _Reply:
        ready = self._is_ready
        return _Reply(_encode({"ready": ready, "live": True}), status=200 if ready else 503)

    def _ping(self) -> _Reply:
        return _Reply(b"\n", status=200 if self._is_ready else 404)

    def _models(self) -> _Reply:
        return _Reply(_encode({"models": sorted(self.service.deployments)}))

    def _index(self) -> _Reply:
        index = [
            {"name": name, "version": version_of(live.variant), "state": "READY", "reason": ""}
            for name, deployment in sorted(self.service.deployments.items())
            for live in deployment.lives
        ]
        return _Reply(_encode(index))

    def _model(self, deployment: Deployment, live: Live) -> _Reply:
        plan = deployment.plan
        parameters: dict[str, Json] = {"plan": plan.number, "package": live.variant.package}
        versions = [version_of(variant) for variant in plan.variants]
        return _Reply(metadata(plan.endpoint, versions, live.predictor.package.signature, parameters))

    def _metrics(self) -> _Reply:
        self.service.gauge()
        return _Reply(render_metrics(read_series(self._scratch)).encode(), mime=_PROMETHEUS)

    def _status(self) -> _Reply:
        endpoints = {
            name: {
                "plan": deployment.plan.to_json(),
                "row_us": {live.variant.name: live.predictor.row_s * 1e6 for live in deployment.lives},
            }
            for name, deployment in self.service.deployments.items()
        }
        return _Reply(
            _encode({"ready": self._is_ready, "draining": self.service.draining, "endpoints": endpoints})[:-1]
            + b',"problems":%b}' % _encode(self.problems)
        )


def _version(deployment: Deployment, version: str) -> Live | None:
    return next((one for one in deployment.lives if version in {version_of(one.variant), one.variant.package}), None)


def _dialect(path: str) -> Dialect:
    if path.startswith("/v2/"):
        return Dialect.OIP
    return {"/invocations": Dialect.MLFLOW, "/feedback": Dialect.FEEDBACK}.get(path, Dialect.HTTP)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None if the caller went away.

    Raises:
        InvalidRequest: If it is larger than ``most`` bytes.
    """
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            raise InvalidRequest(f"the body is beyond the limit of {most:,}", remedy="send less at once", limit="body")
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})

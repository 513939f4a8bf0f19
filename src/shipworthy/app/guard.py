"""The door that every face stands behind: who may knock, with how much, and what a browser is told with each answer.

There is no password yet, so nobody but this machine may ask: the faces bind to loopback, and the Host header has to be
a loopback name with the server's own port, which defeats DNS rebinding. A request that changes something has to come
from the same origin, which defeats cross-site forgery.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

__all__ = ["CONTENT_SECURITY_POLICY", "Asgi", "Guard", "Message", "Receive", "Scope", "Send", "join_faces"]

# The shapes of ASGI 3; an ASGI message is a dictionary of mixed values by its specification.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE: Final = frozenset({"", "same-origin", "none"})
MOST_BODY: Final = 64 * 1024
MOST_QUERY: Final = 4 * 1024

# Plotly writes style attributes, so styles are 'unsafe-inline'; scripts stay strict. `data:` and `blob:` images are
# how it saves a picture as a file.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not no-referrer: under that a browser sends `Origin: null` with our own forms.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}


class Guard:
    """Refuses what no page of ours and no honest client would send, and seals every answer."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        sealed = _sealed(send)
        refusal = _refusal(scope)
        if refusal is not None:
            await _refuse(sealed, *refusal)
            return
        if scope["method"] in _SAFE:
            await self._app(scope, receive, sealed)
            return
        body = await _read_body(receive)
        if body is None:
            await _refuse(sealed, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MOST_BODY} bytes")
            return
        await self._app(scope, _replay(body, receive), sealed)


def join_faces(pages: Asgi, api: Asgi) -> Asgi:
    """One application of two: the API under ``/api/`` and ``/openapi.json``, the pages everywhere else."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = api if path.startswith("/api/") or path == "/openapi.json" else pages
        await chosen(scope, receive, send)

    return route


def _refusal(scope: Scope) -> tuple[HTTPStatus, str] | None:
    hosts = _header(scope, b"host")
    if len(hosts) != 1 or not _is_ours(hosts[0], scope.get("server")):
        return HTTPStatus.MISDIRECTED_REQUEST, "this server answers to 127.0.0.1 and localhost with its own port only"
    if len(scope.get("query_string", b"")) > MOST_QUERY:
        return HTTPStatus.REQUEST_URI_TOO_LONG, f"the query is longer than {MOST_QUERY} bytes"
    if scope["method"] not in _SAFE and not _same_origin(scope, hosts[0]):
        return HTTPStatus.FORBIDDEN, "a request that changes something has to come from this site itself"
    return None


def _is_ours(host: str, server: tuple[str, int | None] | None) -> bool:
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name, port = host, "80"
    expected = server[1] if server else None
    return name in _LOOPBACK and (expected is None or port == str(expected))


def _same_origin(scope: Scope, host: str) -> bool:
    origins, sites = _header(scope, b"origin"), _header(scope, b"sec-fetch-site")
    if any(site not in _SAME_SITE for site in sites):
        return False
    if origins:
        return origins == [f"{scope.get('scheme', 'http')}://{host}"]
    # A client that is no browser sends no Origin. A page of another site cannot send JSON without asking first.
    return any(kind.split(";")[0].strip() == "application/json" for kind in _header(scope, b"content-type"))


def _header(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1").lower() for key, value in headers if key.lower() == name]


async def _read_body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


def _sealed(send: Send) -> Send:
    async def seal(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            message["headers"] = given + [(name, value) for name, value in _HEADERS.items() if name not in names]
        await send(message)

    return seal


async def _refuse(send: Send, status: HTTPStatus, detail: str) -> None:
    body = json.dumps(
        {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, "code": "refused"}
    ).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})

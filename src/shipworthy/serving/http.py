"""HTTP/1.1 on uvicorn's httptools protocol, with predictions answered straight from the parser's callbacks.

Prediction routes never become ASGI: the request goes to the service as it is parsed, and its answer is written as
one piece of bytes. Every other request, and a prediction in an unusual form (chunked, ``Expect``), goes to the ASGI
app by uvicorn's own way. Answers leave in the order of the requests on their connection, whichever way they took.

This stands on internals of uvicorn (``on_*`` callbacks, ``_start_asgi_task``, ``flow``, ``cycle``); the tests in
``tests/serving`` hold them to what is used here.
"""

import asyncio
import socket
from collections import deque
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shipworthy.core.errors import InvalidRequest
from shipworthy.serving.asgi import App, Known
from shipworthy.serving.deployment import Target
from shipworthy.serving.exchange import Asked, Dialect, Exchange, Noted
from shipworthy.serving.replies import render

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

__all__ = ["HttpProtocol"]

_NOTED: Final = frozenset({b"x-request-id", b"shipworthy-key", b"shipworthy-time", b"content-type", b"origin"})
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_CHANGING: Final = frozenset({b"x-request-id", b"shipworthy-key", b"shipworthy-time"})
_MOST_KNOWN: Final = 1_024
_MOST_KNOWN_BYTES: Final = 2_048
_LINGER_S: Final = 1.0
_GRACE_S: Final = 1.0
_UNREAD: Final = Asked("", Dialect.HTTP)
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"


class _AsgiTurn:
    """A request that ASGI answers, when its turn comes."""

    __slots__ = ("app", "cycle", "is_started")

    def __init__(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self.cycle = cycle
        self.app = app
        self.is_started = False


class _HeldTurn:
    """A prediction behind one that ASGI answers: it is taken when that is done."""

    __slots__ = ("exchange", "target")

    def __init__(self, exchange: Exchange, target: Target) -> None:
        self.exchange = exchange
        self.target = target


class HttpProtocol(HttpToolsProtocol):
    """One connection.

    Invariant: ``_order`` holds the requests that are not answered yet, in the order in which they came.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's constructor, whatever it takes
        super().__init__(*args, **kwargs)
        self.face = cast("App", self.app)
        self.service = self.face.service
        self._heads = self.face.known
        self._order: deque[Exchange | _AsgiTurn | _HeldTurn] = deque()
        self._asgi_turns = 0
        self._is_amid = False  # a request has begun to arrive and is not whole yet
        self._is_deaf = False  # nothing that arrives matters any more
        self._in_head = False
        self._head_bytes = 0
        self._messages = 0
        self._target: Target | None = None
        self._noted: Noted = {}
        self._pieces: list[bytes] = []
        self._length = 0
        self._since_s = self.face.now_s

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self.service.limits.connections:
            self._is_deaf = True
            transport.write(_BUSY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_deaf = True
        for turn in self._order:
            if type(turn) is _AsgiTurn:
                turn.cycle.disconnected = True
                turn.cycle.message_event.set()
        self._order.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer from a head seen before if the request is whole and begins with one; parse it otherwise.

        Equal bytes from the beginning of a message parse equally, so a known head needs no parser: the parser
        stands between two messages before and after.
        """
        if not self._is_amid and not self._is_deaf:
            end = data.find(b"\r\n\r\n") + 4
            known = self._heads.get(data[:end])
            if known is not None and len(data) == end + known.length:
                target = self.service.table.get(known.url)
                if target is not None:
                    self._take(target, data[end:], known.noted)
                    return
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self._is_deaf:
            return
        began_whole = not self._is_amid
        self._messages = 0
        super().data_received(data)
        self._look_back(data, began_whole=began_whole)

    def _look_back(self, data: bytes, *, began_whole: bool) -> None:
        """What a parsed piece has shown: a head worth knowing, or one that is too long."""
        if self._is_deaf:
            return
        if began_whole and self._messages == 1 and not self._is_amid and self._target is not None:
            self._know(data)
        if self._in_head:
            # Behind whole messages the head's own part of the piece is not known; it is one piece of reading at most.
            self._head_bytes += 0 if self._messages else len(data)
            if self._head_bytes > self.service.limits.header_bytes:
                self._refuse(_too_large("the request's head", self.service.limits.header_bytes, "headers"))

    def _know(self, data: bytes) -> None:
        """Remember the head of a plain request that came as one piece, for whichever connection sends it again."""
        end = len(data) - self._length
        if end > _MOST_KNOWN_BYTES or not _CHANGING.isdisjoint(self._noted) or data[end - 4 : end] != b"\r\n\r\n":
            return
        if data.find(b"\r\n\r\n") + 4 != end or not self._keeps_alive():
            return
        if len(self._heads) >= _MOST_KNOWN:
            self._heads.clear()
        self._heads[data[:end]] = Known(self.url, self._length, self._noted)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()
        self._since_s = self.face.now_s

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def shutdown(self) -> None:
        """Begin to drain: what is in flight is answered; an idle connection has a moment to send one more."""
        for turn in self._order:
            if type(turn) is _AsgiTurn:
                turn.cycle.keep_alive = False
        self.loop.call_later(_GRACE_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._order and not self._is_amid and not self.transport.is_closing():
            self.transport.close()

    def sweep(self, now_s: float) -> None:
        """End what takes too long; called about once a second."""
        limits, age_s = self.service.limits, now_s - self._since_s
        if self.transport.is_closing():
            return
        if self.flow.write_paused and age_s > limits.request_s:
            self.transport.abort()
        elif self._is_amid and not self._is_deaf and age_s > limits.request_s:
            self._refuse(
                InvalidRequest(
                    f"the request was not whole after {limits.request_s:g} s",
                    remedy="send it faster, or in smaller pieces",
                    limit="time",
                )
            )
        elif not self._order and not self._is_amid and age_s > limits.keep_alive_s:
            self.transport.close()

    # The parser's side

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_amid = True
        self._in_head = True
        self._head_bytes = 0
        self._since_s = self.face.now_s

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._is_deaf:
            return
        limits = self.service.limits
        if len(self.headers) > limits.headers:
            self._refuse(_too_large("the number of headers", limits.headers, "headers"))
            return
        target = self.service.table.get(self.url)
        if target is None or not self._is_plain():
            self._target = None
            self._begin_asgi()
            return
        self._target = target
        self._pieces = []
        if self._length > limits.body_bytes:
            self._refuse(_too_large("the body", limits.body_bytes, "body"), target.asked)

    def _is_plain(self) -> bool:
        """Whether the request is a POST with a body of known length and nothing that HTTP seldom does."""
        noted: Noted = {}
        length = 0
        for name, value in self.headers:
            if name == b"content-length":
                length = int(value)
            elif name in _NOTED:
                noted[name] = value
            elif name in _UNUSUAL:
                return False
        self._noted = noted
        self._length = length
        return self.parser.get_method() == b"POST"

    def on_body(self, body: bytes) -> None:
        if self._is_deaf:
            return
        if self._target is not None:
            self._pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_amid = False
        self._messages += 1
        if self._is_deaf:
            return
        if self._target is None:
            super().on_message_complete()
            return
        pieces = self._pieces
        self._take(self._target, pieces[0] if len(pieces) == 1 else b"".join(pieces), self._noted)
        if not self._keeps_alive():
            self._is_deaf = True

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn gives its own words
        """Answer what is no HTTP; uvicorn's own would overtake answers that are due before it."""
        self._refuse(InvalidRequest("the request is no HTTP/1.1 that can be read", remedy="send it as RFC 9112 says"))

    # Turns

    def _take(self, target: Target, body: bytes, noted: Noted) -> None:
        exchange = Exchange(self, target.asked, body, noted, perf_counter_ns())
        order = self._order
        if self._asgi_turns:
            order.append(_HeldTurn(exchange, target))
        else:
            order.append(exchange)
            self.service.take(exchange, target)
        if len(order) > self.service.limits.pipelined:
            self.flow.pause_reading()

    def _refuse(self, error: InvalidRequest, asked: Asked = _UNREAD) -> None:
        """Answer with an error, in its turn, and end the connection then: the rest of it cannot be understood."""
        self._is_deaf = True
        if self._asgi_turns:  # whatever is answered now would come out of order, or amid another answer
            self.transport.close()
            return
        exchange = Exchange(self, asked, b"", self._noted if asked is not _UNREAD else {}, perf_counter_ns())
        exchange.close = True
        self._order.append(exchange)
        self.service.refuse(exchange, error)

    def _begin_asgi(self) -> None:
        """Let uvicorn make its request of what was parsed; it comes back to ``_start_asgi_task``."""
        url, headers = self.url, self.headers
        expects = any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expects
        self.cycle = None  # type: ignore[assignment]  # uvicorn does not queue: the order is kept here
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        if self.service.draining:
            cycle.keep_alive = False
        self._asgi_turns += 1
        self._order.append(_AsgiTurn(cycle, app))
        self._advance()

    def on_response_complete(self) -> None:
        """An ASGI answer is out: the next turn may begin."""
        self.server_state.total_requests += 1
        self._asgi_turns -= 1
        self._since_s = self.face.now_s
        if self._order:
            self._order.popleft()
        if self.transport.is_closing():
            return
        self._read_on()
        self._advance()

    def deliver(self, exchange: Exchange) -> None:
        """Write an answer if it is its turn, and those behind it that waited for it."""
        order = self._order
        if order and order[0] is exchange:
            order.popleft()
            self._write(exchange)
            if order:
                self._advance()
        else:
            exchange.is_delivered = True

    def _advance(self) -> None:
        order = self._order
        while order:
            turn = order[0]
            if type(turn) is Exchange:
                if not turn.is_delivered:
                    return
                order.popleft()
                self._write(turn)
            elif type(turn) is _AsgiTurn:
                if not turn.is_started:
                    turn.is_started = True
                    super()._start_asgi_task(turn.cycle, turn.app)
                return
            else:
                self._take_held()

    def _take_held(self) -> None:
        """Take the predictions at the head of the order, up to the next that ASGI answers."""
        order, held = self._order, []
        while order and type(order[0]) is _HeldTurn:
            held.append(cast("_HeldTurn", order.popleft()))
        order.extendleft(turn.exchange for turn in reversed(held))
        for turn in held:
            self.service.take(turn.exchange, turn.target)

    def _write(self, exchange: Exchange) -> None:
        transport, face = self.transport, self.face
        if transport.is_closing():
            return
        ends = exchange.close or ((self._is_deaf or self.service.draining) and not self._order)
        transport.write(render(exchange, face.date, close=ends))
        self._since_s = face.now_s
        if ends:
            self._end(linger=exchange.close)
        elif self.flow.read_paused:
            self._read_on()

    def _end(self, *, linger: bool) -> None:
        """Close behind the last answer; linger where the caller may still be sending, or it would see a reset."""
        self._is_deaf = True
        if linger and self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(_LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _read_on(self) -> None:
        if not self.flow.write_paused and 2 * len(self._order) <= self.service.limits.pipelined:
            self.flow.resume_reading()

    def _keeps_alive(self) -> bool:
        return bool(self.parser.should_keep_alive())


def _too_large(what: str, most: int, limit: str) -> InvalidRequest:
    return InvalidRequest(f"{what} is beyond the limit of {most:,}", remedy="send less at once", limit=limit)

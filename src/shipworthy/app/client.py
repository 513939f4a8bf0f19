"""A small client of the endpoint: many keep-alive connections, answers in the order of the questions."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from shipworthy.core.errors import BackendFailed

__all__ = ["Answer", "Client", "Question", "ask_all"]

_MOST_BODY = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One HTTP request.

    Attributes:
        path: Path of the route.
        body: JSON text.
        headers: Further headers by name.
    """

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response.

    Attributes:
        status: HTTP status, 100..599.
        headers: Headers by lower-case name.
        body: Content as received.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The content as plain data.

        Raises:
            BackendFailed: If it is no JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise BackendFailed(
                f"the endpoint answered {self.status} with no JSON: {self.body[:80]!r}",
                remedy="check that the address is that of a Shipworthy endpoint",
                status=self.status,
            ) from error


class Client:
    """One keep-alive connection; ask one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> "AsyncIterator[Client]":
        """Open a connection to ``url``, such as ``http://127.0.0.1:8080``.

        Raises:
            BackendFailed: If nobody listens there.
        """
        parts = urlsplit(url)
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        except OSError as error:
            raise BackendFailed(
                f"nobody answers at {url}",
                remedy="start the endpoint with `shipworthy up`, or name its address with --url",
                url=url,
            ) from error
        try:
            yield cls(reader, writer, parts.netloc)
        finally:
            writer.close()

    async def ask(self, question: Question) -> Answer:
        """Send one question and wait for its answer.

        Raises:
            BackendFailed: If the connection breaks before the whole answer is here.
        """
        extra = "".join(f"{name}: {value}\r\n" for name, value in question.headers.items())
        head = (
            f"POST {question.path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(question.body)}\r\n{extra}\r\n"
        )
        try:
            self._writer.write(head.encode("latin-1") + question.body)
            await self._writer.drain()
            return await self._answer()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BackendFailed(
                f"the connection to {self._host} broke: {error}",
                remedy="ask again; look at `shipworthy incidents` if it happens twice",
                host=self._host,
            ) from error

    async def _answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        length = int(headers.get("content-length", "0"))
        if length > _MOST_BODY:
            raise BackendFailed(
                f"the endpoint's answer has {length} bytes", remedy="ask about fewer rows at once", host=self._host
            )
        return Answer(status=int(head[0].split(" ")[1]), headers=headers, body=await self._reader.readexactly(length))


async def ask_all(url: str, questions: Iterable[Question], *, connections: int = 16) -> list[Answer]:
    """Ask many questions over a few connections; answers come in the order of the questions.

    Args:
        url: Address of the endpoint.
        questions: What to ask.
        connections: How many are open at once, 1 or more.

    Raises:
        BackendFailed: If a connection breaks.
    """
    numbered = enumerate(questions)
    answers: dict[int, Answer] = {}

    async def work() -> None:
        async with Client.connect(url) as client:
            for number, question in numbered:
                answers[number] = await client.ask(question)

    await asyncio.gather(*(work() for _ in range(connections)))
    return [answers[number] for number in sorted(answers)]

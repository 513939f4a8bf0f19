"""A small load generator for machines without wrk: ``python _load.py URL CONNECTIONS SECONDS < body``; prints JSON."""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


class Caller(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, waits: list[float], failures: list[int]) -> None:
        self.request = request
        self.waits = waits
        self.failures = failures
        self.rest = b""
        self.asked = 0.0

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.find(b"content-length: ")
        if not found or len(body) < int(lower[at + 16 :].split(b"\r\n", 1)[0]):
            return
        self.waits.append(time.perf_counter() - self.asked)
        self.failures[0] += b" 200 " not in head[:16]
        self.rest = b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failures[0] += exc is not None


async def main() -> None:
    url, connections, seconds = urlsplit(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    body = sys.stdin.buffer.read()
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    waits: list[float] = []
    failures = [0]
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(request, waits, failures), url.hostname, url.port)
    await asyncio.sleep(seconds)
    p99_s = sorted(waits)[int(0.99 * len(waits))]
    print(json.dumps({"per_s": len(waits) / seconds, "p99_ms": p99_s * 1e3, "failures": failures[0]}))


if __name__ == "__main__":
    asyncio.run(main())

"""The echo: uvicorn's httptools protocol, subclassed as ours is, which sends each body back and does nothing else."""

import sys

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Echo(HttpToolsProtocol):
    """Answers in ``on_message_complete``."""

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        pass

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.transport.write(_HEAD % (len(self.body), self.body))


async def _app(scope, receive, send):
    pass


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(_app, port=port, http=Echo, ws="none", lifespan="off", loop="uvloop", log_config=None)

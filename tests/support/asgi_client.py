"""Asks an ASGI application as a browser or a script would, without a socket."""

import asyncio

import httpx

__all__ = ["ORIGIN", "AsgiClient"]

ORIGIN = "http://127.0.0.1:8800"


class AsgiClient:
    """A client with a cookie jar; it does not follow redirects."""

    def __init__(self, app, origin: str = ORIGIN) -> None:
        self._app = app
        self._origin = origin
        self.cookies = httpx.Cookies()

    def get(self, path: str, **options) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options) -> httpx.Response:
        return self.ask("POST", path, **options)

    def ask(self, method: str, path: str, **options) -> httpx.Response:
        return asyncio.run(self._ask(method, path, options))

    async def _ask(self, method: str, path: str, options: dict) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self._origin, cookies=self.cookies) as client:
            answer = await client.request(method, path, **options)
            self.cookies = client.cookies
            return answer

"""The door of every face, without a framework behind it."""

import asyncio

import pytest

from shipworthy.app.guard import MOST_BODY, Guard, join_faces


def face(name):
    async def answer(scope, receive, send):
        body = b""
        if scope["type"] == "http" and scope["method"] == "POST":
            body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": name + body})

    return answer


def ask(app, path="/", method="GET", headers=(), parts=(b"",), kind="http"):
    sent = []
    messages = [{"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    given = [(b"host", b"127.0.0.1:8800"), *headers]
    scope = {"type": kind, "method": method, "path": path, "headers": given, "server": ("127.0.0.1", 8800)}
    scope |= {"scheme": "http", "query_string": b""}
    asyncio.run(app(scope, receive, send))
    return sent


def test_the_api_and_the_pages_share_one_address():
    both = join_faces(face(b"pages"), face(b"api"))
    assert ask(both, "/api/v1/overview")[1]["body"] == b"api"
    assert ask(both, "/openapi.json")[1]["body"] == b"api"
    for path in ("/", "/apis", "/projects/api/"):
        assert ask(both, path)[1]["body"] == b"pages"


@pytest.mark.covers("TRUST-S2")
def test_a_body_without_a_length_is_cut_off_at_the_limit():
    guard = Guard(face(b""))
    headers = [(b"content-type", b"application/json")]
    chunks = [b"x" * 1000] * (MOST_BODY // 1000 + 2)
    assert ask(guard, method="POST", headers=headers, parts=chunks)[0]["status"] == 413
    whole = ask(guard, method="POST", headers=headers, parts=[b"a", b"b", b"c"])
    assert whole[1]["body"] == b"abc"


@pytest.mark.covers("TRUST-S15")
def test_two_host_headers_are_none():
    assert ask(Guard(face(b"")), headers=[(b"host", b"evil.example")])[0]["status"] == 421


def test_a_web_socket_is_closed():
    assert ask(Guard(face(b"")), kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_a_header_that_the_application_set_is_kept():
    async def kept(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Cache-Control", b"max-age=1")]})
        await send({"type": "http.response.body", "body": b""})

    headers = ask(Guard(kept))[0]["headers"]
    assert [value for name, value in headers if name.lower() == b"cache-control"] == [b"max-age=1"]

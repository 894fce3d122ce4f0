"""What every server here shares, over real sockets: who is asking, and connections that do not move."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (pip install 'limner[serve]')")
import uvicorn

from limner.web import serving


@contextlib.contextmanager
def running(app, proxies: Sequence[str] = ()) -> Iterator[int]:
    """The port of an app that is served as `serving.serve` does it."""
    with serving.listen("127.0.0.1", 0) as bound:
        server = uvicorn.Server(serving.config_of(app, proxies))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


async def who(scope, receive, send) -> None:
    """Says the address it takes for the client's."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["client"][0].encode()})


def asked(port: int, **headers: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/", headers=headers)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_an_address_that_a_request_claims_is_believed_of_a_named_proxy_alone():
    claims = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}  # the last is what the proxy itself saw
    with running(who) as port:
        assert asked(port, **claims) == "127.0.0.1"
    with running(who, ["10.0.0.0/8"]) as port:
        assert asked(port, **claims) == "127.0.0.1"
    with running(who, ["127.0.0.0/8"]) as port:
        assert asked(port, **claims) == "192.0.2.7"
        assert asked(port) == "127.0.0.1"


def test_a_reply_that_is_not_taken_ends_and_one_taken_slowly_does_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "REPLY_S", 1.0)
    ended, blocks = threading.Event(), 200

    async def much(scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(blocks << 16).encode())]})
        for i in range(blocks):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": i < blocks - 1})
        ended.set()

    with running(much) as port:
        with socket.socket() as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.connect(("127.0.0.1", port))
            idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert ended.wait(30)  # the connection is gone, and what is left of the reply with it
            idle.settimeout(10)
            taken, part = 0, b"-"
            with contextlib.suppress(ConnectionResetError):
                while part:
                    taken += len(part := idle.recv(1 << 16))
            assert taken < blocks << 16
        with socket.socket() as slow:
            slow.connect(("127.0.0.1", port))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            start, taken, part = time.monotonic(), 0, b"-"
            while part:
                taken += len(part := slow.recv(1 << 16))
                time.sleep(0.015)
            assert time.monotonic() - start > 2 * serving.REPLY_S
            assert taken > blocks << 16  # all of it, and the head

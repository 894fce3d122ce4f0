"""What the studio keeps of Gradio's scripts and styles, and that it keeps nothing else."""

from __future__ import annotations

import asyncio

from limner.web.studio.shelf import Shelf


class Assets:
    """A server of small scripts, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        self.asked.append(scope["path"])
        there = not scope["path"].endswith("none.js")
        headers = [(b"content-type", b"text/javascript"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200 if there else 404, "headers": headers})
        await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": dict(scope["headers"]).get(b"accept-encoding", b"")})


def asked_of(app, path: str, query: str = "", **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """(status, headers, body) of a GET."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": named}
    asyncio.run(app(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent)


def test_scripts_and_styles_are_read_once_and_kept_by_browsers(monkeypatch):
    server = Assets()
    shelf = Shelf(server)
    for encoding in ("br", "br", "gzip"):
        status, headers, body = asked_of(shelf, "/assets/a.js", accept_encoding=encoding)
        assert (status, body) == (200, b"/assets/a.js" + encoding.encode())
        assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert server.asked == ["/assets/a.js"] * 2  # once for each way of packing
    for path, query, headers in (
        ("/", "", {}),
        ("/assets/a.js", "", {"range": "bytes=0-1"}),
        ("/theme.css", "", {}),
        ("/files/key/me.mp4", "v=1", {}),
        ("/assets/none.js", "", {}),
    ):
        for _ in range(2):  # the page, a part, a style of no version, a result, and what is not there: asked for each time, kept by nobody
            assert asked_of(shelf, path, query, **headers)[1][b"cache-control"] == b"no-cache"
        assert server.asked[-2:] == [path] * 2
    for _ in range(2):
        assert asked_of(shelf, "/theme.css", "v=1")[1][b"cache-control"].endswith(b"immutable")
    assert server.asked.count("/theme.css") == 3
    monkeypatch.setattr("limner.web.studio.shelf.MOST_BYTES", 0)
    for _ in range(2):
        asked_of(shelf, "/assets/b.js")
    assert server.asked[-2:] == ["/assets/b.js"] * 2  # full: given, not kept
